"""A lock for a descriptor that several processes share, and a note that the last write to it was incomplete. The note outlives
the process that made it.

On Linux both belong to the descriptor, as locks on three bytes of it. `fcntl.lockf` on the first one also excludes processes
that inherited the same open file description, which `flock` does not, and works on pipes, sockets and terminals. The note is an
open-file-description lock on the second byte: the description keeps it, and every process with the descriptor sees it. The
third byte is locked for the moment in which a line is begun. Regular files are not locked, as a program locks its own files: a
`write` to one is whole, its last byte can be read, and that moment is a lock on /dev/null. On other systems both are a file in
the directory for temporary files, named after the descriptor's file.
"""

from __future__ import annotations

import errno
import struct
import sys
from collections.abc import Callable, Iterable
from typing import Protocol

from autotrace._system import os, time
from autotrace.sinks import _system

if sys.platform == "win32":
    import msvcrt
else:
    from autotrace.sinks._system import fcntl


_LOCK, _NOTE, _GATE = range(3)
"""The bytes that are locked."""

_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


class Lock(Protocol):
    """A lock and a note on a descriptor. No method raises, and none waits except `enter`."""

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

    def clearing(self) -> Iterable[object]:
        """An iterable whose first step clears the note without running Python code."""

    def enter(self, seconds: float) -> bool:
        """Keep other processes from beginning a line. False if one has done so for longer than `seconds`."""

    def leaving(self) -> Iterable[object]:
        """An iterable whose first step ends that without running Python code."""

    def close(self) -> None:
        """Release everything that is held."""


class DescriptorLock:
    """The lock on Linux, on the descriptor itself, which is not a regular file."""

    def __init__(self, fd: int) -> None:
        self._fd = (fd,)
        self._is_ignored = False
        """Whether the note is another open file description's, which cannot be cleared from here, and its line was ended."""

    def acquire(self) -> bool:
        return self._try(_LOCK)

    def release(self) -> None:
        _first(self._unlocking(_LOCK))

    def is_torn(self) -> bool:
        torn = self._is_noted()
        if not torn:
            self._is_ignored = False
        return torn and not self._is_ignored

    def note_torn(self, torn: bool) -> None:
        _first(self.noting() if torn else self.clearing())
        self._is_ignored = not torn and self._is_noted()

    def noting(self) -> Iterable[object]:
        return map(fcntl.fcntl, self._fd, _SET, _NOTED) if sys.platform == "linux" else ()

    def clearing(self) -> Iterable[object]:
        return map(fcntl.fcntl, self._fd, _SET, _CLEAR) if sys.platform == "linux" else ()

    def enter(self, seconds: float) -> bool:
        return self._try(_GATE) or _entered(lambda: self._try(_GATE), seconds)

    def leaving(self) -> Iterable[object]:
        return self._unlocking(_GATE)

    def close(self) -> None:
        return

    def _try(self, byte: int) -> bool:
        if sys.platform != "win32":
            try:
                fcntl.lockf(*self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
            except OSError as exc:
                return exc.errno not in _TAKEN
        return True

    def _unlocking(self, byte: int) -> Iterable[object]:
        return map(fcntl.lockf, self._fd, (fcntl.LOCK_UN,), (1,), (byte,)) if sys.platform != "win32" else ()

    def _is_noted(self) -> bool:
        # Not F_OFD_GETLK, which finds no lock of the same description.
        return sys.platform == "linux" and is_locked(*self._fd, fcntl.F_GETLK, _NOTE, 1)


_FLOCK = "hhqqi4x" if struct.calcsize("P") == 8 else "hhqqi"
"""The form of ``struct flock`` (of ``flock64`` on 32 bits)."""


def _flock(kind: int, start: int, length: int) -> bytes:
    return struct.pack(_FLOCK, kind, os.SEEK_SET, start, length, 0)


if sys.platform == "linux":
    _SET = (fcntl.F_OFD_SETLK,)
    _NOTED, _CLEAR = (_flock(fcntl.F_WRLCK, _NOTE, 1),), (_flock(fcntl.F_UNLCK, _NOTE, 1),)


def is_locked(fd: int, command: int, start: int = 0, length: int = 0) -> bool:
    """Whether `command` (F_GETLK, F_OFD_GETLK) finds a lock on these bytes; a `length` of 0 stands for all from `start` on.

    False if the system does not tell.
    """
    if sys.platform == "win32":
        return False
    try:
        found = fcntl.fcntl(fd, command, _flock(fcntl.F_WRLCK, start, length))
    except OSError:
        return False
    return bool(struct.unpack(_FLOCK, found)[0] != fcntl.F_UNLCK)


def _first(steps: Iterable[object]) -> None:
    try:
        for _ in steps:
            break
    except OSError:  # closed meanwhile, a system without such locks, or another description has the note
        return


def _entered(attempt: Callable[[], bool], seconds: float) -> bool:
    give_up = time.monotonic() + seconds
    while not attempt():
        if time.monotonic() > give_up:
            return False
        _system.sleep(0.0002)
    return True


class Gate:
    """What there is of a lock for a regular file on Linux: the moment in which a line is begun.

    It is a lock on one byte of /dev/null, whose number is made from the file's. Nobody else locks that, and a lock of this open
    file description is not released when the program closes its own /dev/null.
    """

    def __init__(self, fd: int) -> None:
        self._for = fd
        self._null = -1
        self._pid = 0
        self._device = 0
        self._steps = b"", b""
        """The arguments that set and clear the lock."""

    def enter(self, seconds: float) -> bool:
        """Keep other processes from beginning a line. False if one does so for longer than `seconds`."""
        if self._pid != os.getpid() or not self._is_open():  # the parent's description is shared, so it excludes nobody
            self._open()
        return self._try() or _entered(self._try, seconds)

    def leaving(self) -> Iterable[object]:
        """An iterable whose first step ends that without running Python code."""
        if sys.platform != "linux" or self._null < 0:
            return ()
        return map(fcntl.fcntl, (self._null,), _SET, self._steps[1:])

    def noting(self) -> Iterable[object]:
        """Nothing: the file itself tells whether its last line is complete."""
        return ()

    clearing = noting

    def close(self) -> None:
        """Close the descriptor."""
        null, self._null, self._pid = self._null, -1, 0
        if null >= 0:
            os.close(null)

    def _is_open(self) -> bool:
        """Whether the descriptor is still ours: a program may close all that it does not know, and get its number."""
        if self._null < 0:
            return True
        try:
            is_open = os.fstat(self._null).st_rdev == self._device
        except OSError:
            is_open = False
        if not is_open:
            self._null = -1
        return is_open

    def _open(self) -> None:
        self.close()
        self._pid = os.getpid()
        try:
            status = os.fstat(self._for)
            self._null = _system.open_file(os.devnull, os.O_WRONLY)
            self._device = os.fstat(self._null).st_rdev
        except OSError:
            return
        byte = (status.st_dev * 1_000_003 + status.st_ino) & ((1 << 62) - 1)
        if sys.platform == "linux":
            self._steps = _flock(fcntl.F_WRLCK, byte, 1), _flock(fcntl.F_UNLCK, byte, 1)

    def _try(self) -> bool:
        if sys.platform == "linux" and self._null >= 0:
            try:
                fcntl.fcntl(self._null, fcntl.F_OFD_SETLK, self._steps[0])
            except OSError as exc:
                return exc.errno not in _TAKEN
        return True


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

    def clearing(self) -> Iterable[object]:
        return () if self._file is None else map(os.ftruncate, (self._file,), (1,))

    def enter(self, seconds: float) -> bool:
        return True

    def leaving(self) -> Iterable[object]:
        return ()

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
            found = os.open(self._path, flags)
            if sys.platform == "win32" or os.fstat(found).st_uid == os.getuid():
                return found
            os.close(found)
            raise PermissionError(errno.EACCES, "it belongs to another user", self._path) from None
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
