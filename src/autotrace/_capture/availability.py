"""Whether this interpreter can record at all."""

from __future__ import annotations

import _thread

from autotrace import _diagnostics as diagnostics

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

reason: str | None = None
"""Why nothing can be recorded here; ``None`` where that is not known to be so."""


def recording() -> ModuleType | None:
    """The module `autotrace._capture.recording`, or ``None`` where what it needs cannot be loaded, which is said once."""
    global reason
    # An isolated subinterpreter refuses msgspec. Asking twice crashes CPython 3.12 and 3.13, so it is not even tried.
    # Up to 3.11 there is no such refusal.
    if reason is None and not getattr(_thread, "daemon_threads_allowed", lambda: True)():
        reason = "it is an isolated subinterpreter, in which msgspec cannot be loaded"
    if reason is None:
        try:
            from autotrace._capture import recording as module
        except ImportError as exc:  # an incomplete installation
            reason = f"{exc}; reinstall llm-autotrace"
        else:
            return module
    diagnostics.say("recording", f"recording is off in this interpreter: {reason}. The program is not affected.")
    return None
