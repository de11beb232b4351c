"""The last byte of a regular file that is open for writing only: whether its last line is complete.

Closing any descriptor of a file releases the locks (`fcntl.lockf`) that the process has on it, so a descriptor that was opened
here is closed only when nobody has a lock on the file.
"""

from __future__ import annotations

import sys

from autotrace._system import os
from autotrace.sinks import _locking, _system

if sys.platform != "win32":
    from autotrace.sinks._system import fcntl

_readers: dict[tuple[int, int], int] = {}
"""Descriptors for reading, by device and inode: that of the file that was asked for last, and those that cannot be closed."""


def of(fd: int) -> bytes | None:
    """The byte before the position of the next write to a regular file; empty at its start, ``None`` if it cannot be read."""
    if sys.platform == "win32":
        return None
    try:
        status = os.fstat(fd)
        flags = fcntl.fcntl(fd, fcntl.F_GETFL)
        end = status.st_size
        if sys.platform == "linux" and not flags & os.O_APPEND:
            end = os.lseek(fd, 0, os.SEEK_CUR)
        if end == 0:
            return b""
        if flags & os.O_ACCMODE != os.O_RDWR:
            fd = _reader((status.st_dev, status.st_ino), fd)
        return os.pread(fd, 1, end - 1)
    except OSError:  # the file may be written but not read, or this is not Linux
        return None


def _reader(file: tuple[int, int], fd: int) -> int:
    if file in _readers and not _is(file, _readers[file]):
        del _readers[file]
    if file not in _readers:
        reader = _system.open_file(f"/proc/self/fd/{fd}", os.O_RDONLY)
        close()
        _readers[file] = reader
    return _readers[file]


def close() -> None:
    """Close the descriptors for reading, except those of files on which somebody has a lock, which may be this process."""
    for file, reader in list(_readers.items()):
        if not _is(file, reader):
            del _readers[file]
        elif sys.platform == "linux" and not _locking.is_locked(reader, fcntl.F_OFD_GETLK):
            os.close(_readers.pop(file))


def _is(file: tuple[int, int], fd: int) -> bool:
    """Whether the descriptor is still ours: a program may close all that it does not know, and get its number."""
    try:
        status = os.fstat(fd)
    except OSError:
        return False
    return (status.st_dev, status.st_ino) == file
