"""The API for plugin authors: everything that a plugin imports.

A plugin is a distribution with an entry point in the group ``autotrace.instrumentors``. The name of the entry point is the
import package to watch, its value is an `Instrumentor`. An `Operation` says what a call is and where its fields are. A route (a
function of an `Invocation`) chooses the operation if one function serves many. `start` records calls that callbacks and events
report.
"""

from __future__ import annotations

from autotrace._capture.call import Call
from autotrace._capture.callbacks import open_call, options, running_call, safe_callback, start
from autotrace._capture.context import SpanContext
from autotrace._capture.seams import observe_close, observe_stream
from autotrace._declaration.instrumentor import Instrumentor
from autotrace._declaration.invocation import Continues, Invocation, Observer, Route, RunsInside, Target
from autotrace._declaration.operation import Dialect, Operation, StreamSeam
from autotrace._declaration.options import Option
from autotrace._declaration.paths import Getter, Where, constant, first, total
from autotrace._process import leave_stdout
from autotrace._record.files import content as content_of
from autotrace.errors import DeclarationError

TYPE_CHECKING = False
if not TYPE_CHECKING:

    def __getattr__(name):
        """A renamed name under its old one, with a warning at the line that uses it."""
        from autotrace._declaration import checking

        change = checking.renamed.get((__name__, name))
        if change is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        checking.deprecated(f"{__name__}.{name}", f"{__name__}.{change.instead}", change.since, change.until)
        return globals()[change.instead]


__all__ = [
    "Call",
    "Continues",
    "DeclarationError",
    "Dialect",
    "Getter",
    "Instrumentor",
    "Invocation",
    "Observer",
    "Operation",
    "Option",
    "Route",
    "RunsInside",
    "SpanContext",
    "StreamSeam",
    "Target",
    "Where",
    "constant",
    "content_of",
    "first",
    "leave_stdout",
    "observe_close",
    "observe_stream",
    "open_call",
    "options",
    "running_call",
    "safe_callback",
    "start",
    "total",
]
