"""A sink that writes lines to a file descriptor: stdout, unless the program's stdout is somebody's data.

Never `sys.stdout`, which a program may redirect to read its own output, and never O_NONBLOCK, which is shared with
parent and children: poll, then write what is sure to fit.
"""

from __future__ import annotations

import errno
import os
import select
import stat
import sys
import time

from autotrace import diagnostics
from autotrace.sinks import destination, system
from autotrace.sinks.entry import Entry

if sys.platform != "win32":
    import fcntl

_ATOMIC = min(getattr(select, "PIPE_BUF", 512), 4096)
"""What a pipe that polls writable takes at once, without blocking and without other writers in between."""

_LOCK_PATIENCE = 1.0
"""Seconds to wait for another process's lock on the same descriptor; after that the line goes out without it."""


class DescriptorSink:
    """Writes whole lines to descriptor `fd`.

    Lines of several autotrace processes do not mix at any size: each batch is written under `fcntl.lockf`, which, other
    than `flock`, also holds between processes that inherited one open file description.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._broken = False

    def write(self, batch: list[Entry]) -> int:
        if self._broken:
            return len(batch)
        data = b"".join(entry.line for entry in batch)
        try:
            locked = self._lock()
            try:
                self._write_all(data)
            finally:
                if locked:
                    self._unlock()
        except OSError as exc:
            self._broken = exc.errno in (errno.EPIPE, errno.EBADF, errno.ETIMEDOUT)
            diagnostics.say(
                "sink",
                f"file descriptor {self.fd}: {exc.strerror}; records are lost. Keep its reader alive.",
                records=len(batch),
            )
            return len(batch)
        return 0

    def close(self, deadline: float) -> None:
        return

    def _lock(self) -> bool:
        if sys.platform == "win32":
            return False
        give_up = time.monotonic() + _LOCK_PATIENCE
        while True:
            try:
                fcntl.lockf(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except OSError as exc:
                if exc.errno not in (errno.EACCES, errno.EAGAIN) or time.monotonic() > give_up:
                    return False
            system.sleep(0.001)

    def _unlock(self) -> None:
        if sys.platform != "win32":
            fcntl.lockf(self.fd, fcntl.LOCK_UN)

    def _await_reader(self) -> None:
        """Wait until there is room: for as long as it takes, or, when the process is ending, until that has waited enough."""
        if system.poll is None:
            return
        poll = system.poll()
        poll.register(self.fd, select.POLLOUT)
        while not poll.poll(100):
            if destination.give_up_at is not None and time.monotonic() > destination.give_up_at:
                raise OSError(errno.ETIMEDOUT, "its reader does not read")

    def _write_all(self, data: bytes) -> None:
        view = memoryview(data)
        regular = stat.S_ISREG(os.fstat(self.fd).st_mode)
        while view:
            if not regular:
                self._await_reader()
            try:
                view = view[os.write(self.fd, view if regular else _whole_lines(view)) :]
            except BlockingIOError:  # somebody else made it non-blocking, and another writer was faster
                system.sleep(0.001)


def _whole_lines(view: memoryview) -> memoryview:
    """As many whole lines as a pipe takes at once; of a longer line what fits."""
    end = bytes(view[:_ATOMIC]).rfind(b"\n") + 1
    return view[: end or _ATOMIC]
