"""What the writer needs to know about its process: how it forks, and how it ends."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from autotrace import _system
from autotrace._system import os, time


def await_end_of(thread: int, patience: float) -> None:
    """Wait until the thread with the native id `thread` is gone from the system, for at most `patience` seconds.

    A thread lives on for a moment after its last line of Python, and CPython warns of a fork while the system counts two.
    """
    give_up_at = time.monotonic() + patience
    while thread and os.path.exists(f"/proc/self/task/{thread}") and time.monotonic() < give_up_at:
        _system.sleep(0.0002)


class Multiprocessing:
    """The end of a child of multiprocessing, which does not run `atexit`."""

    def __init__(self) -> None:
        self._finalizer: Any = None

    def join(self, at_exit: Callable[[], None]) -> bool:
        """Register `at_exit` for the end of this process if it is such a child.

        True if the child is a daemon, like a pool's workers: these are killed while they wait, a moment after their last
        result.
        """
        process, util = sys.modules.get("multiprocessing.process"), sys.modules.get("multiprocessing.util")
        if process is None or util is None or process.parent_process() is None:
            return False
        self._finalizer = util.Finalize(None, at_exit, exitpriority=-1000)
        return bool(process.current_process().daemon)

    def leave(self) -> None:
        """Take back what `join` has registered."""
        if self._finalizer is not None:
            self._finalizer.cancel()
            self._finalizer = None


def keep_exit_code() -> None:
    """Make a program that ends with an unhandled KeyboardInterrupt die of SIGINT, as it would without autotrace.

    CPython keeps this in a flag that any ``exec`` of a string resets, as do the imports that the first record may just have
    needed. The same mechanism sets the flag again. Not in an interactive session, where the interrupt may be long past.
    """
    if getattr(sys, "last_type", None) is KeyboardInterrupt and not hasattr(sys, "ps1"):
        try:
            exec("raise KeyboardInterrupt")
        except KeyboardInterrupt:
            return
