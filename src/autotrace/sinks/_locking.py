"""A lock for a descriptor that several processes share, and a note that the last write to it was incomplete. The note outlives
the process that made it.

On Linux both belong to the descriptor. `fcntl.lockf` also excludes processes that inherited the same open file description,
which `flock` does not, and works on pipes, sockets and terminals. The note is the number of the signal that would announce
input (``F_SETSIG``): the open file description keeps it, it has no effect unless a process asks for such signals, and every
process with the descriptor may set it. On other systems both are a file in the directory for temporary files, named after the
descriptor's file.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterable
from typing import Protocol

if sys.platform == "win32":
    import msvcrt
else:
    from autotrace.sinks._system import fcntl

from autotrace._system import os

_NOTE = 63
"""The number of a real-time signal that programs have no reason to choose."""

_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


class Lock(Protocol):
    """A lock and a note on a descriptor. No method waits or raises."""

    def acquire(self) -> bool:
        """Try once to take the lock. Also True if the descriptor cannot be locked: lines are then written without it."""

    def release(self) -> None:
        """Let other processes write."""

    def is_torn(self) -> bool:
        """Whether the last write to the descriptor is noted as incomplete."""

    def note_torn(self, torn: bool) -> None:
        """Set or clear that note, for the next process that writes."""

    def noting(self) -> Iterable[object]:
        """An iterable whose first step sets the note without running Python code."""

    def close(self) -> None:
        """Release everything that is held."""


class DescriptorLock:
    """The lock on Linux, on the descriptor itself."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def acquire(self) -> bool:
        if sys.platform != "win32":
            try:
                fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as exc:
                return exc.errno not in _TAKEN
        return True

    def release(self) -> None:
        if sys.platform != "win32":
            try:
                fcntl.lockf(self._fd, fcntl.LOCK_UN)
            except OSError:  # closed meanwhile, which releases the lock
                return

    def is_torn(self) -> bool:
        if sys.platform == "linux":
            try:
                return fcntl.fcntl(self._fd, fcntl.F_GETSIG) == _NOTE
            except OSError:
                return False
        return False

    def note_torn(self, torn: bool) -> None:
        if sys.platform == "linux":
            try:
                fcntl.fcntl(self._fd, fcntl.F_SETSIG, _NOTE if torn else 0)
            except OSError:  # a system that only looks like Linux
                return

    def noting(self) -> Iterable[object]:
        return map(fcntl.fcntl, (self._fd,), (fcntl.F_SETSIG,), (_NOTE,)) if sys.platform == "linux" else ()

    def close(self) -> None:
        return


class FileLock:
    """A lock in a separate file. The process that made the file removes it at `close`."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._file: int | None = None
        self._path = ""
        self._made_by = 0

    def acquire(self) -> bool:
        file = self._opened()
        if file is None:
            return True
        try:
            if sys.platform == "win32":
                os.lseek(file, 0, os.SEEK_SET)
                msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
            else:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1)
        except OSError as exc:
            return exc.errno not in _TAKEN
        return True

    def release(self) -> None:
        if self._file is None:
            return
        try:
            if sys.platform == "win32":
                os.lseek(self._file, 0, os.SEEK_SET)
                msvcrt.locking(self._file, msvcrt.LK_UNLCK, 1)
            else:
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1)
        except OSError:  # it was not locked
            return

    def is_torn(self) -> bool:
        return self._file is not None and os.fstat(self._file).st_size > 1

    def note_torn(self, torn: bool) -> None:
        if self._file is not None:
            os.ftruncate(self._file, 2 if torn else 1)

    def noting(self) -> Iterable[object]:
        return () if self._file is None else map(os.ftruncate, (self._file,), (2,))

    def close(self) -> None:
        file, self._file = self._file, None
        if file is None:
            return
        os.close(file)
        if self._made_by == os.getpid():
            try:
                os.unlink(self._path)
            except OSError:  # it was removed already
                return

    def _opened(self) -> int | None:
        if self._file is None:
            try:
                self._path = _path_for(self._fd)
                self._file = self._made()
            except OSError:  # the directory does not exist or is not writable
                return None
        return self._file

    def _made(self) -> int:
        flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0)
        try:
            made = os.open(self._path, flags | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return os.open(self._path, flags)
        self._made_by = os.getpid()
        return made


def _path_for(fd: int) -> str:
    """The path of the lock file: the same for all processes of a user whose descriptor refers to the same file."""
    import tempfile

    status = os.fstat(fd)
    user = os.getuid() if sys.platform != "win32" else 0
    return os.path.join(tempfile.gettempdir(), f"autotrace-{user}-{status.st_dev}-{status.st_ino}.lock")


for_descriptor: type[DescriptorLock] | type[FileLock] = DescriptorLock if sys.platform == "linux" else FileLock
"""The lock class for this system."""
