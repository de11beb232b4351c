"""Writes the records before the process ends in a way that runs no more Python.

Forked children end with `os._exit` (multiprocessing, billiard, any program that follows the documentation of `os.fork`),
programs that restart themselves with `exec`, and servers by raising again the signal that they have handled (uvicorn). None of
these runs `atexit`.
"""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Callable
from typing import Any

from autotrace import _diagnostics as diagnostics

_EXITS = ((os, "_exit"), (os, "execv"), (os, "execve"), (os, "kill"), (signal, "raise_signal"))


def watch(before: Callable[[bool], object]) -> None:
    """Call `before` when the process is about to end in one of these ways. Its argument is True if open spans end here as well.

    The functions stay replaced until the process ends, as other modules may have imported them by name.
    """
    for module, name in _EXITS:
        original = getattr(module, name, None)
        if callable(original):
            setattr(module, name, _after(original, before, name))


def _after(original: Callable[..., Any], before: Callable[[bool], object], name: str) -> Callable[..., Any]:
    @functools.wraps(original)
    def replaced(*args: Any, **kwargs: Any) -> Any:
        if name != "kill" or (args and args[0] == os.getpid()):
            try:
                before(name == "_exit")
            except Exception as exc:  # a failure of ours: the process still ends
                diagnostics.failed(f"writer: before {name}", exc, aside=True)
        return original(*args, **kwargs)

    return replaced
