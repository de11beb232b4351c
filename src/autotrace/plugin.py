"""The plugin author's face: everything that a plugin imports.

A plugin is a distribution with one entry point in the group ``autotrace.instrumentors``, whose name is the import package to
watch and whose value is an `Instrumentor`. `Operation` says what a call is and where its fields are, a route (any function of
an `Invocation`) picks the operation where one function serves many, `start` is the way out for callbacks and events.
"""

from __future__ import annotations

from autotrace.callbacks import guarded, open_call, options, start
from autotrace.context import SpanContext
from autotrace.errors import DeclarationError
from autotrace.instrumentor import Instrumentor
from autotrace.invocation import Inside, Invocation, Observer, Route, Target
from autotrace.operation import Dialect, Operation, StreamSeam
from autotrace.options import Option
from autotrace.paths import constant, first, total
from autotrace.recording import Call
from autotrace.sinks.destination import leave_stdout

TYPE_CHECKING = False
if not TYPE_CHECKING:

    def __getattr__(name):
        """A name of before, with a warning at the line that asks for it."""
        from autotrace import declaration

        change = declaration.renamed.get((__name__, name))
        if change is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        declaration.deprecated(f"{__name__}.{name}", f"{__name__}.{change.instead}", change.since, change.until)
        return globals()[change.instead]


__all__ = [
    "Call",
    "DeclarationError",
    "Dialect",
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
    "constant",
    "first",
    "guarded",
    "leave_stdout",
    "open_call",
    "options",
    "start",
    "total",
]
