"""A sink that appends lines to a file, which any number of processes may share, and rotates it.

Whoever writes holds `flock` on the file and has seen, under that lock, that the path still leads to it. To rotate is to rename
it under the lock; the others then find another file at the path, or none, and open that. So no line is written to a file that
has been rotated or moved away, and no two processes rotate one file. `flock` and not `lockf`: the latter's lock is gone as soon
as the program closes that file, which it may have opened to read. Windows has neither: one process a file there.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Optional

from autotrace import _diagnostics as diagnostics
from autotrace import _process
from autotrace.sinks import _system, rotation
from autotrace.sinks._descriptor import DescriptorSink
from autotrace.sinks._entry import Entry
from autotrace.sinks.compression import Compressor

if sys.platform != "win32":
    import fcntl

_PATIENCE = 0.05
"""Seconds to wait for another process's lock. What was not written by then comes again: other sinks have their turn."""

_STUCK = 5.0
"""Seconds without the lock after which the process that holds it counts as stopped, and the sink as failing."""

_UNTIL_ANOTHER_TRY = 10.0
"""Seconds after a rotation that failed, in which the file grows."""

_AT_ONCE = 0.02
"""Seconds for which rotated files are compressed after a batch: so long may records wait that came meanwhile."""

_MANY = 200
"""A batch of so many says that more are waiting: then only a piece is compressed."""

_AT_THE_END = 0.5
"""Seconds for which they are compressed when the sink is closed."""

_NANOSECONDS = re.compile(rb'"(?:start|end)_ns":\s*(\d{1,19})')
_HEAD = 4096


class FileSink:
    """Appends lines to the file at `path`. It is made with the directories on the way to it, for its owner only.

    Before a line makes it longer than `max_bytes`, or when its first line was written more than `max_age` seconds ago, the file
    is rotated: renamed to ``NAME.TIME.EXTENSION`` and compressed with `compression` (``"gzip"``, ``"zstd"`` or ``"none"``). Of
    those that were rotated the latest `keep` are kept. 0 means: never, and all.
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
        """Append the lines of `batch`, under one lock for as many as go into one file. Returns how many were written."""
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
            self._compressor.work(time.monotonic() + (_AT_ONCE if len(batch) < _MANY else 0))
        return taken

    def close(self, deadline: float) -> None:
        """Let go of the file. What is not compressed by then is left to the next process that writes to it."""
        self._file = None
        self._compressor.look()  # others may have ended with less time
        self._compressor.work(min(deadline, time.monotonic() + _AT_THE_END))
        self._compressor.stop()

    def _fitting(self, file: _File, lines: list[bytes]) -> int:
        """How many of `lines` go into the file; 0 if it is that file no more."""
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
        if sys.platform == "win32":  # where nothing is renamed that is open
            self._file = file.close()
        try:
            rotation.rotate(self.path)
        except OSError as exc:  # the directory is not ours to write: better a long file than a lost line
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
        # After a fork the lock would be the parent's and ours at once: an open file of our own has one of its own.
        if self._file is None or self._file.pid != os.getpid():
            self._file = _File(self.path)
        return self._file


class _File:
    """An open file; closed when nobody holds it any more."""

    def __init__(self, path: str) -> None:
        self.pid = os.getpid()
        self.fd = -1
        make_directories(os.path.dirname(path))
        try:
            is_regular = stat.S_ISREG(os.stat(path).st_mode)
        except FileNotFoundError:
            is_regular = True
        # A named pipe without a reader would not come back, and can only be written.
        mode = os.O_RDWR if is_regular else os.O_WRONLY | getattr(os, "O_NONBLOCK", 0)
        self.fd = _system.open_file(path, os.O_APPEND | os.O_CREAT | mode)
        self.pipe = None if is_regular else DescriptorSink(self.fd)
        """Of what is no regular file: that keeps lines whole in its own ways."""
        self.began = self._began() if is_regular else time.time()
        """Unix time of its first line."""

    def close(self) -> None:
        """Close it now."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        self.close()

    def size(self) -> int:
        """Its length in bytes."""
        return os.fstat(self.fd).st_size

    def is_at(self, path: str) -> bool:
        """Whether `path` leads to it."""
        try:
            return os.path.samestat(os.stat(path), os.fstat(self.fd))
        except FileNotFoundError:
            return False

    def lock(self) -> bool:
        """Lock it, if nobody else does. What is no file of lines has a lock of its own."""
        if sys.platform != "win32" and self.pipe is None:
            try:
                fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True

    def unlock(self) -> None:
        """Let others write."""
        if sys.platform != "win32" and self.pipe is None:
            fcntl.flock(self.fd, fcntl.LOCK_UN)

    def append(self, data: bytes) -> None:
        """Write all of `data` or, if that fails, nothing. Half a line of a process that was killed is ended before."""
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
        """From the record in its first line, as all processes are to agree, and a file's times say nothing of its beginning."""
        os.lseek(self.fd, 0, os.SEEK_SET)
        times = _NANOSECONDS.findall(os.read(self.fd, _HEAD).partition(b"\n")[0])
        status = os.fstat(self.fd)
        return max(map(int, times)) / 1e9 if times else status.st_mtime if status.st_size else time.time()


def make_directories(path: str) -> None:
    """Make the directories that are missing on `path`, for their owner only: prompts are nobody else's business."""
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
