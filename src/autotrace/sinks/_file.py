"""A sink that appends lines to a file, which any number of processes may share, and rotates it.

A process writes while it holds `flock` on the file, after it has checked under the lock that the path still leads to the file.
A rotation renames the file under the lock; the other processes then open the file that is at the path, or create one. So no
line is written to a file that was rotated or moved, and no two processes rotate the same file. `flock` is used instead of
`lockf` because a `lockf` lock is released as soon as the program closes that file, which it may have opened to read. Windows
has neither: only one process may write to a file there.
"""

from __future__ import annotations

import errno
import re
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Optional

from autotrace import _diagnostics as diagnostics
from autotrace import _process
from autotrace._system import os, time
from autotrace.sinks import _system, rotation
from autotrace.sinks._descriptor import DescriptorSink
from autotrace.sinks._entry import Entry
from autotrace.sinks.compression import Compressor

if sys.platform != "win32":
    from autotrace.sinks._system import fcntl

_PATIENCE = 0.05
"""Seconds to wait for another process's lock. Lines that are not written by then are offered again, after the other sinks."""

_STUCK = 5.0
"""Seconds without the lock after which the process that holds it counts as stopped, and the sink as failing."""

_UNTIL_ANOTHER_TRY = 10.0
"""Seconds between a failed rotation and the next attempt. The file grows meanwhile."""

_AFTER_A_BATCH = 0.02
"""Seconds for which rotated files are compressed after a batch. Records that arrive meanwhile wait this long."""

_MANY = 200
"""A batch of this many records means that more are waiting: then only one piece is compressed."""

_AT_CLOSE = 0.5
"""Seconds for which rotated files are compressed when the sink is closed."""

_NANOSECONDS = re.compile(rb'"(?:start|end)_ns":\s*(\d{1,19})')
_HEAD = 4096


class FileSink:
    """Appends lines to the file at `path`. Creates the file and missing directories, accessible to their owner only.

    The file is rotated before a line would make it longer than `max_bytes`, or when its first line is older than `max_age`
    seconds: it is renamed to ``NAME.TIME.EXTENSION`` and compressed with `compression` (``"gzip"``, ``"zstd"`` or ``"none"``).
    The latest `keep` rotated files are kept. 0 means no limit, for each of the three.
    """

    def __init__(
        self, path: str | os.PathLike[str], max_bytes: int = 0, max_age: float = 0, keep: int = 0, compression: str = "gzip"
    ) -> None:
        self.path = os.path.abspath(os.path.expanduser(path))
        self.max_bytes = max_bytes
        self.max_age = max_age
        self.keep = keep
        self._file: Optional[_File] = None
        self._grows_until = 0.0
        self._locked_out_since = 0.0
        self._compressor = Compressor(self.path, compression)

    def write(self, batch: list[Entry]) -> int:
        """Append the lines of `batch`, taking the lock once for all lines that fit into the same file.

        Returns how many were written. Raises `OSError` if none was, because the file cannot be written to.
        """
        lines = [entry.line for entry in batch]
        taken = 0
        try:
            while taken < len(lines):
                with self._locked() as file:
                    if file is None:
                        return taken
                    if file.pipe is not None:
                        return taken + file.pipe.write(batch[taken:])
                    fitting = self._fitting(file, lines[taken:])
                    if fitting:
                        file.append(b"".join(lines[taken : taken + fitting]))
                    taken += fitting
        except OSError as exc:
            if not taken:
                raise OSError(exc.errno, exc.strerror, exc.filename or self.path) from None
            return taken
        if _process.ending.give_up_at is None:  # else the process is ending, and `close` has time for it
            self._compressor.work(time.monotonic() + (_AFTER_A_BATCH if len(batch) < _MANY else 0))
        return taken

    def close(self, deadline: float) -> None:
        """Close the file. Rotated files not compressed by `deadline` are left to the next process that writes to the file."""
        self._file = None
        self._compressor.look()  # other processes may have ended without the time to compress
        self._compressor.work(min(deadline, time.monotonic() + _AT_CLOSE))
        self._compressor.stop()

    def _fitting(self, file: _File, lines: list[bytes]) -> int:
        """How many of `lines` fit into the file; 0 if the file was rotated."""
        size = file.size()
        if time.monotonic() < self._grows_until:
            return len(lines)
        if size and self._is_due(file, size + len(lines[0])):
            self._rotate(file)
            return 0
        for number, line in enumerate(lines):
            size += len(line)
            if number and size > self.max_bytes > 0:
                return number
        return len(lines)

    def _is_due(self, file: _File, size: int) -> bool:
        return size > self.max_bytes > 0 or time.time() - file.began > self.max_age > 0

    def _rotate(self, file: _File) -> None:
        if sys.platform == "win32":  # an open file cannot be renamed there
            self._file = file.close()
        try:
            rotation.rotate(self.path)
        except OSError as exc:  # the directory is not writable: better a long file than a lost line
            self._grows_until = time.monotonic() + _UNTIL_ANOTHER_TRY
            text = "It keeps growing; make its directory writable."
            diagnostics.say("sink", f"{self.path} cannot be rotated: {exc.strerror}. {text}")
            return
        if self.keep:
            rotation.remove_oldest(self.path, self.keep)
        self._compressor.look()

    @contextmanager
    def _locked(self) -> Iterator[_File | None]:
        """The file that is at the path now, locked; ``None`` if another process keeps the lock. Raises `OSError`."""
        began = time.monotonic()
        while True:
            file = self._opened()
            locked = file.lock()
            if locked and file.is_at(self.path):
                break
            moved = locked or not file.is_at(self.path)
            if moved:
                self._file = None
            now = time.monotonic()
            self._locked_out_since = self._locked_out_since or now
            if now - self._locked_out_since > _STUCK:
                text = "the path leads to another file each time it is opened" if moved else "another process holds its lock"
                raise OSError(errno.ETIMEDOUT, text, self.path)
            if now - began > _PATIENCE:
                yield None
                return
            if not moved:
                _system.sleep(0.001)
        self._locked_out_since = 0.0
        try:
            yield file
        finally:
            file.unlock()

    def _opened(self) -> _File:
        # After a fork, parent and child would share one lock; a newly opened file has a separate one.
        if self._file is None or self._file.pid != os.getpid():
            self._file = _File(self.path)
        return self._file


class _File:
    """An open file. It is closed when it is garbage-collected."""

    def __init__(self, path: str) -> None:
        self.pid = os.getpid()
        self.fd = -1
        make_directories(os.path.dirname(path))
        try:
            is_regular = stat.S_ISREG(os.stat(path).st_mode)
        except FileNotFoundError:
            is_regular = True
        # The open of a named pipe without a reader would not return; and a pipe can only be written.
        mode = os.O_RDWR if is_regular else os.O_WRONLY | getattr(os, "O_NONBLOCK", 0)
        if is_regular:
            self.fd = _opened(_target(path), os.O_APPEND | mode)
            _warn_of_others(path, os.fstat(self.fd))
        else:
            self.fd = _system.open_file(path, os.O_APPEND | mode)
        self.pipe = None if is_regular else DescriptorSink(self.fd)
        """For anything but a regular file: it keeps lines whole in its own way."""
        self.began = self._began() if is_regular else time.time()
        """Unix time of the first line, in seconds."""

    def close(self) -> None:
        """Close the file now."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        self.close()

    def size(self) -> int:
        """The file's length in bytes."""
        return os.fstat(self.fd).st_size

    def is_at(self, path: str) -> bool:
        """Whether `path` leads to this file."""
        try:
            return os.path.samestat(os.stat(path), os.fstat(self.fd))
        except FileNotFoundError:
            return False

    def lock(self) -> bool:
        """Lock the file. False if another process holds the lock. Pipes and devices have their own lock, in `pipe`."""
        if sys.platform != "win32" and self.pipe is None:
            try:
                fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True

    def unlock(self) -> None:
        """Let other processes write."""
        if sys.platform != "win32" and self.pipe is None:
            fcntl.flock(self.fd, fcntl.LOCK_UN)

    def append(self, data: bytes) -> None:
        """Write all of `data` or, if that fails, nothing. First end an incomplete line of a process that was killed."""
        size = self.size()
        if size and self._last_byte() != b"\n":
            data = b"\n" + data
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self.fd, view) :]
        except OSError:
            written = len(data) - len(view)
            if written and self.size() == size + written:
                os.ftruncate(self.fd, size)
            raise

    def _last_byte(self) -> bytes:
        os.lseek(self.fd, -1, os.SEEK_END)
        return os.read(self.fd, 1)

    def _began(self) -> float:
        """Read from the record in the first line, so that all processes agree: a file's times do not tell when it was begun."""
        os.lseek(self.fd, 0, os.SEEK_SET)
        times = _NANOSECONDS.findall(os.read(self.fd, _HEAD).partition(b"\n")[0])
        status = os.fstat(self.fd)
        return max(map(int, times)) / 1e9 if times else status.st_mtime if status.st_size else time.time()


def _target(path: str) -> str:
    """The file that `path` leads to. Raises `OSError` for a link that another user has put there: it may lead to any file."""
    if not os.path.islink(path):
        return path
    if hasattr(os, "geteuid") and os.lstat(path).st_uid not in (0, os.geteuid()):
        raise OSError(errno.ELOOP, "it is a link that belongs to another user", path)
    return os.path.realpath(path)


def _opened(path: str, flags: int) -> int:
    """Open the file, which is not a link now, or create it if it does not exist."""
    flags |= _system.O_NOFOLLOW
    try:
        return _system.open_file(path, flags)
    except FileNotFoundError:
        try:
            return _system.open_file(path, flags | os.O_CREAT | os.O_EXCL)
        except FileExistsError:  # another process was faster
            return _system.open_file(path, flags)


def _warn_of_others(path: str, status: os.stat_result) -> None:
    """Say it if others own the file or may read it or write to it: records hold prompts and answers."""
    if sys.platform == "win32":
        return
    faults = ["belongs to another user"] if status.st_uid != os.geteuid() else []
    faults += ["can be read by other users"] if status.st_mode & stat.S_IROTH else []
    faults += ["can be written to by other users"] if status.st_mode & stat.S_IWOTH else []
    if faults:
        advice = "It holds prompts and answers; use a file of this user with mode 600."
        diagnostics.say("file", f"{path} {', and '.join(faults)}. {advice}")


def make_directories(path: str) -> None:
    """Make the missing directories of `path`, accessible to their owner only, as records contain prompts."""
    missing = []
    while path and not os.path.isdir(path):
        missing.append(path)
        path, below = os.path.dirname(path), path
        if path == below:
            break
    for directory in reversed(missing):
        try:
            os.mkdir(directory, 0o700)
        except FileExistsError:  # another process was faster
            continue
