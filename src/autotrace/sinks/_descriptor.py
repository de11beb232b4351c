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
from autotrace import _settings as settings
from autotrace._process import prints
from autotrace._system import os, time
from autotrace.sinks import _last_byte, _locking, _system
from autotrace.sinks._entry import Entry
from autotrace.sinks._sent import Sent, shorter

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

_UNFINISHED = 1.0
"""Seconds for which a record waits for the rest of a line that another process has begun."""

_UNFINISHED_AT_END = 0.5
"""The same when this process is ending: the other one may wait for that."""

_LAST = 0.1
"""Seconds before the end of `exit_timeout` in which a record waits for no print any more."""

_TURN = 0.02
"""Seconds that a record waits for a piece of a line that another process is writing."""

_SOON = 0.1
"""Seconds in which most prints are complete. After that, the writer looks less often."""

_PAUSE = 0.0005
"""Seconds between two looks at whether the program still prints."""


class DescriptorSink:
    """Writes whole lines to descriptor `fd`.

    Lines of several autotrace processes do not mix, whatever their size: a line is written under a lock that the processes
    share (`_locking`), and a line that was begun is finished under it, however long its reader takes.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._lock: _locking.Lock = _locking.for_descriptor(fd)
        self._gate = _locking.Gate(fd)
        self._locked = False
        self._locked_out_since = 0.0
        self._kind, self._is_regular = 0, False
        self._has_lock = True
        """Not on regular files: it would release the program's own locks, and one `write` to them is whole anyway."""
        self._rest = b""
        """The rest of a line that was begun."""
        self._begun = b""
        """That whole line. It counts as taken once it is complete; until then the writer offers it again."""
        self._noted = False
        """Whether the lock has our note that the last line is incomplete. A process that has waited `_STUCK` seconds ends the
        line and clears the note."""
        self._prints = prints.of.get(fd)
        self._due = self._last = 0.0
        """Since when a line waits for the program's prints; and when that was last found."""
        self._is_complete = True
        """Whether the program's buffers have nothing of its incomplete line."""
        self._queued, self._pid = -1, os.getpid()

    def write(self, batch: list[Entry]) -> int:
        """Write as many lines as the reader takes within a few milliseconds. Returns how many were written.

        Raises `OSError` if none was, because the descriptor cannot be written to.
        """
        give_up = time.monotonic() + _PATIENCE
        if self._pid != os.getpid():  # the parent finishes a line that the parent began
            self._pid, self._rest, self._begun, self._locked = os.getpid(), b"", b"", False
        sent = Sent([b"" if entry.line is self._begun else entry.line for entry in batch])
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
        if self._prints is not None and self._prints.notes is self._gate:
            self._prints.notes = None
        for held in (self._lock, self._gate, _last_byte):
            held.close()

    def abandon(self) -> None:
        """Forget a line that was begun: the descriptor has become another file, where its rest must not go."""
        self._rest, self._begun, self._locked = b"", b"", False

    def _check_descriptor(self) -> None:
        """Find out what the descriptor refers to. Raises `OSError` if it is closed, or no longer is the program's output: after
        a close, the next file that the program opens gets the number. Children inherit an output, but not such a file."""
        self._kind = stat.S_IFMT(os.fstat(self.fd).st_mode)
        self._is_regular = self._kind == stat.S_IFREG
        self._has_lock = not self._is_regular or sys.platform != "linux"
        if self.fd in (1, 2) and sys.platform != "win32" and not os.get_inheritable(self.fd):
            raise OSError(errno.EBADF, "it now refers to another file, not to the program's output")

    def _acquire(self, give_up: float) -> bool:
        while self._has_lock and not self._locked and not self._lock.acquire():
            now = time.monotonic()
            self._locked_out_since = self._locked_out_since or now
            self._watch_reader()
            if not self._has_room(0):
                self._locked_out_since = now  # the other process waits for the reader, as we would
            elif now - self._locked_out_since > _STUCK:
                break
            if now > give_up:
                return False
            _system.sleep(0.001)
        else:
            self._locked = self._has_lock
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

    def _send(self, sent: Sent, give_up: float) -> None:
        self._watch_prints()
        while sent.left and self._has_room(give_up - time.monotonic()):
            if self._prints is not None and self._prints.half:
                self._is_complete = self._prints.complete(self._room_at_once())
            atomic, room = _FILE_BATCH if self._is_regular else _ATOMIC, self._room()
            piece = sent.next(atomic, room)
            written = self._put(piece, begins_line=True, full=len(piece) in (atomic, room))
            self._begun, self._rest = sent.advance(written)
            if written and not self._finish_line(give_up):
                return
            sent.skip()
            if not written:
                now = time.monotonic()
                if now > give_up or now > self._due + _SOON:
                    return
                _system.sleep(_PAUSE)

    def _put(self, piece: bytes, begins_line: bool = False, full: bool = False) -> int:
        """Write `piece` once. Returns how many bytes of it were written; 0 if the program is printing at the moment.

        If `begins_line`, `piece` starts on a new line. `full`: it is so long that one more byte might not be taken at once.
        """
        with self._turn(begins_line) as is_ours:
            if not is_ours or (begins_line and self._must_wait()):
                return 0
            lead = begins_line and self._is_in_line()
            if lead and self._must_wait_for_others():
                return 0
            written = self._write(b"\n" + (shorter(piece) if full else piece) if lead else piece, lead)
            if written:
                self._due = 0.0
                if self._prints is not None:
                    self._prints.half = False
            return max(written - lead, 0)

    def _write(self, data: bytes, in_line: bool) -> int:
        torn = not data.endswith(b"\n")
        if torn:
            self._note(True)  # before the write, during which this process may be killed
        try:
            written = os.write(self.fd, data)
        except BlockingIOError:  # another process made it non-blocking, and another writer was faster
            written = 0
        if written:
            _process.ending.took()
        if written < len(data) or in_line:
            self._note(torn or data[written - 1 : written] != b"\n" if written else in_line)
        return written

    def _note(self, torn: bool) -> None:
        if self._has_lock:
            self._lock.note_torn(torn)
            self._noted = torn and self._lock.is_torn()

    # --------------------------------------------------------------------------------------------- the program's prints

    def _watch_prints(self) -> None:
        if self._prints is not None:
            self._prints.watch()
            self._prints.notes = self._lock if self._has_lock else self._gate

    @contextmanager
    def _turn(self, begins_line: bool) -> Iterator[bool]:
        """Keep the program, and other processes if a line begins here, from printing. False if one of them is at it."""
        if self._prints is None:
            yield True
            return
        if not self._prints.lock.acquire(True, _PATIENCE):
            yield False
            return
        others = self._lock if self._has_lock else self._gate
        entered = begins_line and others.enter(_TURN)
        try:
            yield self._has_room(0)  # the program may have printed in between
        finally:
            if entered:
                for _ in others.leaving():
                    break
            self._prints.lock.release()

    def _must_wait(self) -> bool:
        """Whether the program is in the middle of a print, or of a line that it may still finish."""
        if self._prints is None:
            return False
        if self._prints.half and not self._is_in_line():  # another process has ended the line
            self._prints.half = False
        now = time.monotonic()
        if not self._due or now - self._last > _UNFINISHED:
            self._due = now
        self._last = now
        is_ending = _process.ending.give_up_at is not None
        if is_ending and _process.ending.left < _LAST:
            return False
        until = self._prints.hold_until(self._due, is_ending and self._is_complete, settings.current.valid("sync"))
        return now < until

    def _must_wait_for_others(self) -> bool:
        """Whether another process may still finish the incomplete line."""
        if self._prints is None or self._prints.half or settings.current.valid("sync"):
            return False
        patience = _UNFINISHED
        if _process.ending.give_up_at is not None:
            patience = min(_UNFINISHED_AT_END, _process.ending.left - _LAST)
        return (self._locked or not self._has_lock) and time.monotonic() < self._due + patience

    # ------------------------------------------------------------------------------------------ state of the descriptor

    def _is_in_line(self) -> bool:
        """Whether the last line on the descriptor is incomplete, so that a line written now would continue it."""
        last = _last_byte.of(self.fd) if self._is_regular else None
        if last is not None:
            return last not in (b"", b"\n")
        if self._has_lock and self._lock.is_torn():
            return True
        return self._prints is not None and self._prints.half and not (self._has_lock and self._prints.noted)

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

    def _room_at_once(self) -> int:
        """Like `_room`, but also for an empty socket, whose buffer is larger than a buffer of the program."""
        return self._room() if self._kind != stat.S_IFSOCK or self._unread() else 4 * _ATOMIC

    def _watch_reader(self) -> None:
        """Notice that the reader takes what another process writes."""
        unread = self._unread()
        if unread not in (-1, self._queued):
            self._queued = unread
            _process.ending.took()

    def _unread(self) -> int:
        """How many bytes the reader has not taken yet; -1 if the system does not tell."""
        if sys.platform == "linux":
            try:
                asked = fcntl.ioctl(self.fd, termios.FIONREAD if self._kind == stat.S_IFIFO else termios.TIOCOUTQ, b"\0\0\0\0")
                return int.from_bytes(asked, sys.byteorder)
            except OSError:  # a device
                pass
        return -1


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
