"""The plugin author's face: everything that a plugin imports.

A plugin is a distribution with one entry point in the group ``autotrace.instrumentors``, whose name is the import package to
watch and whose value is an `Instrumentor`. `Operation` says what a call is and where its fields are, a route (any function of
an `Invocation`) picks the operation where one function serves many, `start` is the way out for callbacks and events.
"""

from __future__ import annotations

from autotrace._capture.call import Call
from autotrace._capture.callbacks import guarded, open_call, options, start
from autotrace._capture.context import SpanContext
from autotrace._capture.seams import observe_close, observe_stream
from autotrace._declaration.instrumentor import Instrumentor
from autotrace._declaration.invocation import Inside, Invocation, Observer, Route, Target
from autotrace._declaration.operation import Dialect, Operation, StreamSeam
from autotrace._declaration.options import Option
from autotrace._declaration.paths import Getter, Where, constant, first, total
from autotrace._process import leave_stdout
from autotrace.errors import DeclarationError

TYPE_CHECKING = False
if not TYPE_CHECKING:

    def __getattr__(name):
        """A name of before, with a warning at the line that asks for it."""
        from autotrace._declaration import checking

        change = checking.renamed.get((__name__, name))
        if change is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        checking.deprecated(f"{__name__}.{name}", f"{__name__}.{change.instead}", change.since, change.until)
        return globals()[change.instead]


__all__ = [
    "Call",
    "DeclarationError",
    "Dialect",
    "Getter",
    "Inside",
    "Instrumentor",
    "Invocation",
    "Observer",
    "Operation",
    "Option",
    "Route",
    "SpanContext",
    "StreamSeam",
    "Target",
    "Where",
    "constant",
    "first",
    "guarded",
    "leave_stdout",
    "observe_close",
    "observe_stream",
    "open_call",
    "options",
    "start",
    "total",
]
