"""A sink that writes whole lines to a file descriptor: stdout, or another one if the program uses its stdout for data.

It never writes to `sys.stdout`, which a program may redirect to read its own output, and never sets O_NONBLOCK, which parent
and children share. Instead it polls, then writes what is sure to fit. A reader that does not read costs a few milliseconds per
attempt; the lines that it did not take are offered again.
"""

from __future__ import annotations

import errno
import select
import signal
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from autotrace import _process
from autotrace._system import os, time
from autotrace.sinks import _locking, _system
from autotrace.sinks._entry import Entry

if sys.platform != "win32":
    import termios

    from autotrace.sinks._system import fcntl

_ATOMIC = min(getattr(select, "PIPE_BUF", 512), 4096)
"""How many bytes a pipe that polls writable takes without blocking, and without bytes of other writers in between."""

_FILE_BATCH = 1 << 24
"""How many bytes are written to a regular file at once."""

_PATIENCE = 0.02
"""Seconds that one `write` may wait for the reader and for another process. The writer's thread has other work to do."""

_ENDING = 0.2
"""The same for the rest of a line when the process is ending: a line that it leaves incomplete stays so, and another process
may have no record to write after it."""

_STUCK = 2.0
"""Seconds after which a process that holds the lock although there is room counts as stopped. Lines are then written without
the lock."""

_FRESH = 0.002
"""Seconds for which an incomplete printed line may still be completed: with an unbuffered stdout, `print` writes a text and its
newline one after the other."""


class DescriptorSink:
    """Writes whole lines to descriptor `fd`.

    Lines of several autotrace processes do not mix, whatever their size: a line is written under a lock that the processes
    share (`_locking`), and a line that was begun is finished under it, however long its reader takes.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._lock: _locking.Lock = _locking.for_descriptor(fd)
        self._locked = False
        self._locked_out_since = 0.0
        self._is_regular = False
        self._rest = b""
        """The rest of a line that was begun."""
        self._begun = b""
        """That whole line. It counts as taken once it is complete; until then the writer offers it again."""
        self._noted = False
        """Whether the lock has our note that the last line is incomplete. A process that has waited `_STUCK` seconds ends the
        line and clears the note."""
        self._pid = os.getpid()

    def write(self, batch: list[Entry]) -> int:
        """Write as many lines as the reader takes within a few milliseconds. Returns how many were written.

        Raises `OSError` if none was, because the descriptor cannot be written to.
        """
        give_up = time.monotonic() + _PATIENCE
        if self._pid != os.getpid():  # the parent finishes a line that the parent began
            self._pid, self._rest, self._begun, self._locked = os.getpid(), b"", b"", False
        sent = _Sent([b"" if entry.line is self._begun else entry.line for entry in batch])
        with _without_sigpipe():
            try:
                self._check_descriptor()
                if not self._acquire(give_up):
                    return 0
                if self._finish_line(give_up):
                    sent.skip()
                    self._send(sent, give_up)
            except OSError as exc:
                if not sent.whole:
                    raise OSError(exc.errno, f"file descriptor {self.fd}: {exc.strerror}") from None
            finally:
                if not self._rest and self._locked:
                    self._locked = False
                    self._lock.release()
        return sent.whole

    def close(self, deadline: float) -> None:
        """Release the lock. The sink buffers nothing."""
        self._lock.close()

    def _check_descriptor(self) -> None:
        """Find out what the descriptor refers to. Raises `OSError` if it is closed, or no longer is the program's output: after
        a close, the next file that the program opens gets the number. Children inherit an output, but not such a file."""
        self._is_regular = stat.S_ISREG(os.fstat(self.fd).st_mode)
        if self.fd in (1, 2) and sys.platform != "win32" and not os.get_inheritable(self.fd):
            raise OSError(errno.EBADF, "it now refers to another file, not to the program's output")

    def _acquire(self, give_up: float) -> bool:
        while not self._locked and not self._lock.acquire():
            now = time.monotonic()
            self._locked_out_since = self._locked_out_since or now
            if not self._has_room(0):
                self._locked_out_since = now  # the other process waits for the reader, as we would
            elif now - self._locked_out_since > _STUCK:
                break
            if now > give_up:
                return False
            _system.sleep(0.001)
        else:
            self._locked = True
        self._locked_out_since = 0.0
        return True

    def _finish_line(self, give_up: float) -> bool:
        """Write the rest of the line that was begun, or all of it if another process has ended it meanwhile. False if it is
        still incomplete."""
        if self._rest and _process.ending.give_up_at is not None:
            give_up = time.monotonic() + _ENDING
        while self._rest:
            if not self._has_room(give_up - time.monotonic()):
                return False
            if self._noted and not self._lock.is_torn():  # checked after the wait, during which a process may be stopped
                self._rest = self._begun
            written = self._put(self._rest[: self._room()], begins_line=self._rest is self._begun)
            if not written:
                return False
            self._rest = self._rest[written:]
            if not self._rest:
                self._note(False)
        return True

    def _send(self, sent: _Sent, give_up: float) -> None:
        self._await_half_line(give_up)
        while sent.left and self._has_room(give_up - time.monotonic()):
            atomic, room = _FILE_BATCH if self._is_regular else _ATOMIC, self._room()
            piece = sent.next(atomic, room)
            written = self._put(piece, begins_line=True, full=len(piece) in (atomic, room))
            self._begun, self._rest = sent.advance(written)
            if not written or not self._finish_line(give_up):
                return
            sent.skip()

    def _put(self, piece: bytes, begins_line: bool = False, full: bool = False) -> int:
        """Write `piece` once. Returns how many bytes of it were written; 0 if the program is printing at the moment.

        If `begins_line`, `piece` starts on a new line. `full`: it is so long that one more byte might not be taken at once.
        """
        shares_prints = self.fd == 1 and _process.stdout.prints.lock is not None
        if shares_prints and not _process.stdout.prints.lock.acquire(True, _PATIENCE):
            return 0
        try:
            if shares_prints and not self._has_room(0):  # the program has printed in between
                return 0
            lead = begins_line and self._is_in_line()
            written = self._write(b"\n" + (_shorter(piece) if full else piece) if lead else piece, lead)
            if shares_prints and written:
                _process.stdout.prints.half = False
            return max(written - lead, 0)
        finally:
            if shares_prints:
                _process.stdout.prints.lock.release()

    def _write(self, data: bytes, in_line: bool) -> int:
        torn = not data.endswith(b"\n")
        if torn:
            self._note(True)  # before the write, during which this process may be killed
        try:
            written = os.write(self.fd, data)
        except BlockingIOError:  # another process made it non-blocking, and another writer was faster
            written = 0
        if written < len(data) or in_line:
            self._note(torn or data[written - 1 : written] != b"\n" if written else in_line)
        return written

    def _note(self, torn: bool) -> None:
        self._lock.note_torn(torn)
        self._noted = torn and self._lock.is_torn()

    # ------------------------------------------------------------------------------------------ state of the descriptor

    def _is_in_line(self) -> bool:
        """Whether the last line on the descriptor is incomplete, so that a line written now would continue it."""
        last = _last_byte(self.fd) if self._is_regular else None
        if last is not None:
            return last not in (b"", b"\n")
        return (self.fd == 1 and _process.stdout.prints.half) or self._lock.is_torn()

    def _await_half_line(self, give_up: float) -> None:
        """Wait until the line that the program is printing is complete, unless it has been incomplete for a while."""
        if self.fd != 1:
            return
        _process.stdout.prints.watch()
        _process.stdout.prints.noting = self._lock.noting
        while _process.stdout.prints.half and time.monotonic() < min(_process.stdout.prints.since + _FRESH, give_up):
            _system.sleep(0.0002)

    def _has_room(self, seconds: float) -> bool:
        """Wait at most `seconds` for the reader. True if a write will not block, or if it will fail and so tell the reason."""
        if _system.poll is None or self._is_regular:
            return True
        poll = _system.poll()
        poll.register(self.fd, select.POLLOUT)
        return bool(poll.poll(max(seconds, 0) * 1000))

    def _room(self) -> int:
        """How many bytes are sure to be taken at once. For an empty pipe on Linux that is its capacity."""
        if self._is_regular:
            return _FILE_BATCH
        if sys.platform == "linux":
            try:
                if fcntl.ioctl(self.fd, termios.FIONREAD, b"\0\0\0\0") == b"\0\0\0\0":
                    return max(fcntl.fcntl(self.fd, fcntl.F_GETPIPE_SZ), _ATOMIC)
            except OSError:  # not a pipe
                return _ATOMIC
        return _ATOMIC


class _Sent:
    """The lines of one batch, and how many of them are completely written (`whole`). A line that was begun before is empty."""

    def __init__(self, lines: list[bytes]) -> None:
        self._lines = lines
        self.whole = 0

    @property
    def left(self) -> bool:
        """Whether any line is not completely written."""
        return self.whole < len(self._lines)

    def skip(self) -> None:
        """Count the line that was begun as written, as it is complete."""
        while self.left and not self._lines[self.whole]:
            self.whole += 1

    def next(self, atomic: int, room: int) -> bytes:
        """The next bytes to write: as many whole lines as fit into `atomic` bytes; of a longer line, the first `room` bytes."""
        first = self._lines[self.whole]
        if len(first) > atomic:
            return first[:room]
        end, size = self.whole, 0
        while end < len(self._lines) and size + len(self._lines[end]) <= atomic:
            size += len(self._lines[end])
            end += 1
        return b"".join(self._lines[self.whole : end])

    def advance(self, written: int) -> tuple[bytes, bytes]:
        """Count `written` bytes. Returns the line in which they end and the rest of it; empty if they end with a line."""
        while written > 0:
            line = self._lines[self.whole]
            if written < len(line):
                self._lines[self.whole] = b""
                return line, line[written:]
            written -= len(line)
            self.whole += 1
        return b"", b""


def _shorter(piece: bytes) -> bytes:
    """`piece` without its last line or byte, so that another byte fits in front of it."""
    return piece[: piece.rfind(b"\n", 0, len(piece) - 1) + 1] or piece[:-1]


@contextmanager
def _without_sigpipe() -> Iterator[None]:
    """Turn SIGPIPE into an error here: a program that chose to die of it when it prints must not die of our write."""
    if sys.platform == "win32" or signal.getsignal(signal.SIGPIPE) != signal.SIG_DFL:
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPIPE})
    try:
        yield
    finally:
        if signal.SIGPIPE not in before:
            if signal.SIGPIPE in signal.sigpending():
                signal.sigwait({signal.SIGPIPE})
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


_readers: dict[tuple[int, int], int] = {}
"""A descriptor for reading the file that was written to last. There is one only: closing it releases all locks on the file."""


def _last_byte(fd: int) -> bytes | None:
    """The byte before the position of the next write to a regular file; empty at its start, ``None`` if it cannot be read."""
    try:
        status = os.fstat(fd)
        if sys.platform == "linux" and not fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_APPEND:
            end = os.lseek(fd, 0, os.SEEK_CUR)
        else:
            end = status.st_size
        if end == 0:
            return b""
        file = (status.st_dev, status.st_ino)
        if file not in _readers:
            reader = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY)
            while _readers:
                os.close(_readers.popitem()[1])
            _readers[file] = reader
        return os.pread(_readers[file], 1, end - 1)
    except OSError:  # the file may be written but not read, or this is not Linux
        return None
