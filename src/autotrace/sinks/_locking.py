"""One process at a time on a descriptor that several share, and a note, which outlives whoever made it, that the last thing
on it is no whole line.

On Linux both are the descriptor's own. `fcntl.lockf` also holds between processes that have inherited one open file
description, which `flock` does not, and works on pipes, sockets and terminals. The note is the number of the signal that would
announce input (``F_SETSIG``): the open file description keeps it, nobody uses it unless he asks for such signals, and whoever
holds the descriptor may set it. Elsewhere a file is both: in the directory for temporary files, named after the descriptor's.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable
from typing import Protocol

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_NOTE = 63
"""A real-time signal's number that nobody has a reason to choose."""

_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


class Lock(Protocol):
    """See the module. Nothing here waits, and nothing raises."""

    def acquire(self) -> bool:
        """Try once. True as well where there is no such thing: lines go out all the same."""

    def release(self) -> None:
        """Let others write."""

    def is_torn(self) -> bool:
        """Whether the last thing on the descriptor is known to be no whole line."""

    def note_torn(self, torn: bool) -> None:
        """Say so, to whoever writes next."""

    def noting(self) -> Iterable[object]:
        """What says that it is torn when it is iterated over, at its first step, and without a line of Python."""

    def close(self) -> None:
        """Let go of what is held."""


class DescriptorLock:
    """The lock of Linux, on the descriptor itself."""

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
            except OSError:  # closed meanwhile, and the lock with it
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
    """A lock in a file of its own. Whoever made the file removes it when he is done."""

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
            except OSError:  # somebody has tidied up
                return

    def _opened(self) -> int | None:
        if self._file is None:
            try:
                self._path = _path_for(self._fd)
                self._file = self._made()
            except OSError:  # no such directory, or nothing may be written there
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
    """The same for all processes of a user whose descriptor is the same file."""
    import tempfile

    status = os.fstat(fd)
    user = os.getuid() if sys.platform != "win32" else 0
    return os.path.join(tempfile.gettempdir(), f"autotrace-{user}-{status.st_dev}-{status.st_ino}.lock")


for_descriptor: type[DescriptorLock] | type[FileLock] = DescriptorLock if sys.platform == "linux" else FileLock
"""The lock of this system."""
