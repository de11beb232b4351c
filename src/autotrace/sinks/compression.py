"""Compresses rotated files, one piece at a time between batches, so that no record waits for long.

The first process that locks an uncompressed rotated file compresses it. A compression that another process left unfinished is
started again.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import stat
import sys
import zlib
from typing import Any, Optional

from autotrace import _diagnostics as diagnostics
from autotrace._system import os, time
from autotrace.sinks import _system, rotation

__all__ = ["Compressor", "stream"]

if sys.platform != "win32":
    from autotrace.sinks._system import fcntl

_PIECE = 1 << 18
_GZIP = 16 + zlib.MAX_WBITS


def stream(method: str) -> Any:
    """A new compressor object: ``compress(data)``, and ``flush()`` at the end; both return bytes."""
    if method == "gzip":
        return zlib.compressobj(wbits=_GZIP)
    if sys.version_info >= (3, 14):
        from compression import zstd

        return zstd.ZstdCompressor()
    return importlib.import_module("zstandard").ZstdCompressor().compressobj()


class Compressor:
    """Compresses the rotated files of `path` with `method`: ``"gzip"``, ``"zstd"`` or ``"none"``."""

    def __init__(self, path: str, method: str) -> None:
        self._path = path
        self._method = method
        self._job: Optional[_Job] = None
        self._must_look = method != "none"
        self._paths: list[str] = []
        """The uncompressed files of the last search, the latest first."""

    def look(self) -> None:
        """Search again for files to compress, as there may be a new one."""
        self._must_look = self._method != "none"

    def work(self, until: float) -> None:
        """Compress until nothing is left or the time is `until` (`time.monotonic`), but at least one piece of 256 KB."""
        try:
            while self._job is not None or self._begin():
                if self._job is not None and self._job.step():
                    self.stop()
                if time.monotonic() > until:
                    return
        except OSError as exc:  # the disk is full, or the directory was removed: the next rotation is soon enough to try again
            self.stop()
            self._paths.clear()
            text = "It stays uncompressed; the next rotation tries again."
            diagnostics.say("sink", f"{exc.filename or self._path} cannot be compressed: {exc.strerror}. {text}")

    def stop(self) -> None:
        """Close the file that is being compressed."""
        job, self._job = self._job, None
        if job is not None:
            job.close()

    def _begin(self) -> bool:
        """Begin with the oldest file that no other process is compressing. False if there is none."""
        if self._must_look and not self._paths:
            self._must_look = False
            self._paths = rotation.rotated(self._path, compressed=False)[::-1]
        while self._paths:
            job = _Job(self._paths.pop(), self._method)
            if job.begin():
                self._job = job
                return True
            job.close()
        return False


class _Job:
    """One file that is being compressed."""

    def __init__(self, path: str, method: str) -> None:
        self._path = path
        self._target = path + rotation.SUFFIXES[method]
        self._stream = stream(method)
        self._fds: list[int] = []
        self._pid = os.getpid()

    def begin(self) -> bool:
        """Lock the file. False if another process is compressing it, or has done so, or if it is not a file but a link."""
        try:
            self._fds.append(_system.open_file(self._path, os.O_RDWR | _system.O_NOFOLLOW))
            if sys.platform != "win32":
                fcntl.flock(self._fds[0], fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (FileNotFoundError, BlockingIOError):
            return False
        except OSError as exc:
            if exc.errno == errno.ELOOP:
                return False
            raise
        source = os.fstat(self._fds[0])
        try:
            is_there = os.path.samestat(source, os.lstat(self._path))
        except FileNotFoundError:  # another process finished it between our open and our lock
            is_there = False
        if not is_there or not stat.S_ISREG(source.st_mode):
            return False
        part = self._target + rotation.PART
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part)  # what another process left unfinished, or a link
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _system.O_NOFOLLOW
        self._fds.append(_system.open_file(part, flags, source.st_mode & 0o777))
        return True

    def step(self) -> bool:
        """Compress a piece. True if it was the last."""
        source, part = self._fds
        data = os.read(source, _PIECE)
        self._write(part, self._stream.compress(data) if data else self._stream.flush())
        if data:
            return False
        status = os.fstat(source)
        os.utime(
            part if os.utime in os.supports_fd else self._target + rotation.PART, ns=(status.st_atime_ns, status.st_mtime_ns)
        )
        if sys.platform == "win32":  # an open file cannot be renamed or removed there
            while self._fds:
                os.close(self._fds.pop())
        with contextlib.suppress(FileNotFoundError):  # removed meanwhile, as there were too many
            os.replace(self._target + rotation.PART, self._target)
            os.unlink(self._path)
        return True

    def _write(self, fd: int, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]

    def close(self) -> None:
        """Close the file, and remove an unfinished result."""
        if len(self._fds) == 2 and self._pid == os.getpid():
            with contextlib.suppress(OSError):
                os.unlink(self._target + rotation.PART)
        while self._fds:
            os.close(self._fds.pop())

    def __del__(self) -> None:
        self.close()
