"""autotrace: every LLM call that a Python program makes, as one line of JSON.

    import autotrace
    autotrace.enable()

See `enable` for what may be said there, and the README for activation without code.
"""

from __future__ import annotations

from autotrace._instrumentation.activation import disable, enable, flush, status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from autotrace._capture.context import attributes, suppress
    from autotrace._capture.spans import span
    from autotrace._instrumentation.health import health

__version__ = "0.1.0"
__all__ = ["__version__", "attributes", "disable", "enable", "flush", "health", "span", "status", "suppress"]

_LAZY = {
    "attributes": "_capture.context",
    "health": "_instrumentation.health",
    "span": "_capture.spans",
    "suppress": "_capture.context",
}
"""Names that need more than activation may import, and where they are."""


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
