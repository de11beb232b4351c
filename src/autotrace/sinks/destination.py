"""Which descriptor the lines go to, and whether what the program prints there ends in the middle of a line.

Part of the activation budget: the program may print before it makes its first call.
"""

from __future__ import annotations

import os
import sys
import time
from _io import FileIO

from autotrace import diagnostics, settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

IDENTITY = "AUTOTRACE_STDOUT"
"""Environment variable: device and inode of the first active process's stdout."""

give_up_at: float | None = None
"""When sinks stop waiting (`time.monotonic`); set when the process is ending."""

_chosen: int | None = None


def descriptor() -> int:
    """The setting `fd`, else 1, or 2 in a child process whose stdout is not the first active process's.

    There, stdout is an answer that somebody parses (`subprocess.check_output`, a protocol server). The first active process
    notes its own stdout in the environment, which children inherit. That answer holds for the life of the process.
    """
    global _chosen
    if _chosen is None:
        try:
            status = os.fstat(1)
        except OSError:  # closed
            _chosen = 2
        else:
            identity = f"{status.st_dev}:{status.st_ino}"
            _chosen = 1 if os.environ.setdefault(IDENTITY, identity) == identity else 2
    return _chosen if (named := settings.current.valid("fd")) is None else _open(int(named))


def _open(named: int) -> int:
    """`named`, if that is open in this process: a child may not have inherited it."""
    try:
        os.fstat(named)
    except OSError:
        diagnostics.say("settings", f"setting fd: descriptor {named} is not open in this process; records go to stderr.")
        return 2
    return named


class Prints:
    """What the program prints through the file under `sys.stdout`, as far as it ends in the middle of a line.

    A buffered stdout is flushed when 8 KB are full, wherever a line is then, and only its file sees that: the file gets an
    attribute `write`, which calls its own. `lock`, once somebody writes records, makes the two exclude each other.
    """

    def __init__(self) -> None:
        self.half = False
        """Whether the last thing that this process wrote to stdout was a piece of a line."""
        self.since = 0.0
        """Since when (`time.monotonic`)."""
        self.lock: Any = None
        self.on_half: Callable[[], None] | None = None
        """Called before and after a write that leaves half a line, so that other processes can know."""
        self._files: list[Any] = []

    def watch(self) -> None:
        """Have every write to stdout noticed from now on. Costs nothing where that is so already."""
        for stream in (sys.__stdout__, sys.stdout):
            buffer = getattr(stream, "buffer", None)
            file = getattr(buffer, "raw", buffer)
            if type(file) is FileIO and "write" not in file.__dict__ and not file.closed and file.fileno() == 1:
                file.write = self._observed(file.write)  # type: ignore[method-assign]
                self._files.append(file)

    def release(self) -> None:
        """Give the program's files their own `write` back."""
        for file in self._files:
            file.__dict__.pop("write", None)
        self._files.clear()
        self.half = False

    def _observed(self, original: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def write(data: Any, /) -> Any:
            lock = self.lock
            # Not for ever: the interpreter's own last flush comes here, too.
            locked = lock is not None and lock.acquire(True, 0.1)
            try:
                return self._write(original, data)
            finally:
                if locked:
                    lock.release()

        return write

    def _write(self, original: Callable[[Any], Any], data: Any) -> Any:
        half = not _ends_a_line(data, -1)
        if half and self.on_half is not None:
            self.on_half()
        written = original(data)
        if written:
            self.half = half = half if written == len(data) else not _ends_a_line(data, written - 1)
            if half:
                self.since = time.monotonic()
                if self.on_half is not None:
                    self.on_half()
        return written


def _ends_a_line(data: Any, last: int) -> bool:
    try:
        return bytes(data[last : last + 1 or None]) == b"\n"
    except Exception:  # nothing that FileIO will take
        return True


prints = Prints()
"""Those of this process."""
