"""What the writer has to know of the process that it is in: how it forks, and how it ends."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

from autotrace.sinks import _system


def await_end_of(thread: int, patience: float) -> None:
    """Wait until the system knows no thread with the native id `thread` any more, `patience` seconds at most.

    A thread's last line of Python is not its end, and CPython warns of a fork while the system counts two.
    """
    give_up_at = time.monotonic() + patience
    while thread and os.path.exists(f"/proc/self/task/{thread}") and time.monotonic() < give_up_at:
        _system.sleep(0.0002)


def join_multiprocessing(at_exit: Callable[[], None]) -> bool:
    """In a child of multiprocessing, which is left without `atexit` where it was forked, have `at_exit` called at its end.

    True if it is a daemon, as a pool's workers are: those are killed while they wait, a moment after their last answer.
    """
    process, util = sys.modules.get("multiprocessing.process"), sys.modules.get("multiprocessing.util")
    if process is None or util is None or process.parent_process() is None:
        return False
    util.Finalize(None, at_exit, exitpriority=-1000)
    return bool(process.current_process().daemon)


def keep_exit_code() -> None:
    """A program that ends with an unhandled KeyboardInterrupt is to die of SIGINT, as it would without us.

    CPython notes that in a flag that any ``exec`` of a string resets, as the imports do that the first record may have
    needed just now. The same mechanism sets it again. In an interactive session the interrupt may be long ago.
    """
    if getattr(sys, "last_type", None) is KeyboardInterrupt and not hasattr(sys, "ps1"):
        try:
            exec("raise KeyboardInterrupt")
        except KeyboardInterrupt:
            return
