"""Whether this interpreter can record at all."""

from __future__ import annotations

import _thread
from functools import cache

from autotrace import _diagnostics as diagnostics

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType


def recording() -> ModuleType | None:
    """The module `autotrace._capture.recording`, or ``None`` if its dependencies cannot be loaded, which is reported once."""
    return _loaded()[0]


def why_not() -> str | None:
    """The reason why this interpreter cannot record; ``None`` if it can."""
    return _loaded()[1]


@cache
def _loaded() -> tuple[ModuleType | None, str | None]:
    # msgspec cannot be imported in an isolated subinterpreter. A second attempt crashes CPython 3.12 and 3.13, so there is
    # not even a first. Up to 3.11 the import works.
    if not getattr(_thread, "daemon_threads_allowed", lambda: True)():
        reason = "msgspec cannot be loaded in an isolated subinterpreter"
    else:
        try:
            from autotrace._capture import recording

            return recording, None
        except ImportError as exc:  # an incomplete installation
            reason = f"{exc}; reinstall llm-autotrace"
    diagnostics.say("recording", f"recording is off in this interpreter: {reason}. The program is not affected.")
    return None, reason
