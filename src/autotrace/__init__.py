"""autotrace: one line of JSON for every LLM call of a Python program.

    import autotrace
    autotrace.enable()

See `enable` for its arguments, and the README for activation without code.
"""

from __future__ import annotations

from autotrace._instrumentation import disable, enable, flush, status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from autotrace._capture.context import attributes, suppress
    from autotrace._capture.spans import Span, span
    from autotrace._instrumentation.health import health

__version__ = "0.1.0"
__all__ = ["Span", "__version__", "attributes", "disable", "enable", "flush", "health", "span", "status", "suppress"]

_LAZY = {
    "Span": "_capture.spans",
    "attributes": "_capture.context",
    "health": "_instrumentation.health",
    "span": "_capture.spans",
    "suppress": "_capture.context",
}
"""Names whose modules import more than the activation budget allows, with these modules."""


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module 'autotrace' has no attribute {name!r}")
    module = "autotrace." + _LAZY[name]
    __import__(module)
    import sys

    value = globals()[name] = getattr(sys.modules[module], name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
