"""The program's prints on a descriptor: which of them are under way, so that no record comes between two writes of one.

A print is several writes if stdout is unbuffered (`PYTHONUNBUFFERED=1`: each argument, each separator and the newline), if its
text is longer than the buffer, or if a terminal's line buffer gives out the first of its lines. `sys.stdout` and `print` stay
as they are. Only the file below the buffers gets an attribute `write` that calls the original one. It notes whether the write
ended in the middle of a line, and the place in the program that made it.
"""

from __future__ import annotations

import sys
from _io import BufferedWriter, FileIO, TextIOWrapper

from autotrace._process import calls
from autotrace._system import get_ident, os, time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Protocol

    class Notes(Protocol):
        """What other processes with the same descriptor know. No method waits longer than is said, or raises."""

        def enter(self, seconds: float) -> bool:
            """Keep other processes from beginning a line. False if one does so for longer than `seconds`."""

        def leaving(self) -> Iterable[object]:
            """An iterable whose first step ends that without running Python code."""

        def noting(self) -> Iterable[object]:
            """An iterable whose first step notes an incomplete line without running Python code."""

        def clearing(self) -> Iterable[object]:
            """An iterable whose first step clears that note without running Python code."""


_NEWLINE = 10

_TURN = 0.1
"""Seconds that a write of the program waits for a record that is being written. In general it takes microseconds."""

_TURN_OF_OTHERS = 0.02
"""The same for a record, or a piece of a line, of another process."""

_PRINTING = 30.0
"""Seconds that a record waits for a print that is in the middle of a line or in an object's ``__str__``: it may take long."""

_BETWEEN_LINES = 1.0
"""The same, after the last part, if that ends with a newline: the call may also be one of many lines (``map(print, …)``)."""

_WRITING = 0.25
"""The same if the call is at a write, or has just returned: the next part comes as soon as the thread gets a processor."""

_AT_ONE_PLACE = 1.0
"""The same in all, after the last object that a record has waited for: a loop may print without a pause."""

_UNFINISHED = 1.0
"""Seconds that a record waits for the rest of a line that no print is at (``print("…", end="")``), after its last part."""

_GROWING = 3.0
"""The same if the program goes on adding parts to the line, or lines to the call."""

_ENDING = 0.5
"""Seconds that a record waits for a print of another thread when the process is ending."""

_BUFFER = 4096
"""The smallest buffer that a stdout has."""


class Prints:
    """The output of the program on descriptor `fd`.

    `lock` makes its writes and record writes exclude each other, once there are records; `notes` does so among processes.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.since = 0.0
        """When this process began its last write (`time.monotonic`)."""
        self.lock: Any = None
        self.notes: Notes | None = None
        self.noted = False
        """Whether other processes know of the incomplete line."""
        self._files: list[Any] = []
        self._before = self._ends_in_line = False
        self._size: int = 0
        self._written: int | None = None
        self._calls = calls.Calls()
        self._waited_for = 0.0
        """When a record last waited for code of the program inside of a call."""
        self._completing = 0
        self._room = self._most_kept = self._rest = 0

    @property
    def half(self) -> bool:
        """Whether the last write of this process was incomplete: it ended in the middle of a line."""
        if not self._written:
            return self._before
        return self._ends_in_line or self._written != self._size  # the rest of an incomplete write comes with the next one

    @half.setter
    def half(self, half: bool) -> None:
        self._before, self._written = half, None

    def watch(self) -> None:
        """Observe every write from now on. Costs little if they are observed already."""
        fds = {1, 2} if _same_file() else {self.fd}
        for stream in (sys.__stdout__, sys.stdout, sys.__stderr__, sys.stderr):
            buffer = getattr(stream, "buffer", None)
            file = getattr(buffer, "raw", buffer)
            if type(file) is not FileIO or file.closed or file.fileno() not in fds:
                continue
            if getattr(file.__dict__.get("write"), "is_first", False):  # `Watch` has waited for this
                file.__dict__.pop("write", None)
            if "write" not in file.__dict__:
                file.write = self._observed(file.write)  # type: ignore[method-assign]
                self._files.append(file)

    def release(self) -> None:
        """Give the program's files their own `write` back."""
        for file in self._files:
            file.__dict__.pop("write", None)
        self._files.clear()
        self._calls.clear()
        self.notes = None
        self.half = False

    # ------------------------------------------------------------------------------------------------ the program's writes

    def _observed(self, original: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """`original`, with the bookkeeping before and after each write.

        A signal handler may raise an exception wherever the interpreter checks for signals: at calls, and at the back edges of
        loops. If one were raised here after the write, the program's buffer would count the write as failed and print the same
        data again. So everything from the write on is C-level iteration in loops that never repeat, where no signal handler can
        run.
        """

        def write(data: Any, /) -> Any:
            if self._completing and self._completing == get_ident():
                return self._write_lines(original, data)
            lock = self.lock
            held: list[bool] = []
            try:
                if lock is not None:
                    # With a timeout: the interpreter's last flush comes here too.
                    held.extend(map(lock.acquire, (True,), (_TURN,)))
                size, noted, left = self._begin(data, any(held))
                released = iter(lock.release, None) if any(held) else ()
                for count in map(original, (data,)):
                    self._written = count
                    try:
                        for _ in noted[count == size]:
                            break
                        for _ in left:
                            break
                    except OSError:  # closed meanwhile
                        pass
                    for _ in released:
                        break
                    return count
            except BaseException:
                if any(held):
                    self._leave()
                    lock.release()
                raise

        return write

    def _begin(self, data: Any, alone: bool) -> tuple[int, tuple[Iterable[object], Iterable[object]], Iterable[object]]:
        """The size of `data`, and iterables for after the write: one if it was incomplete, one if it was complete, and one that
        lets other processes write. `alone`: no other thread is writing."""
        try:
            view = memoryview(data).cast("B")
        except TypeError:  # FileIO rejects it too
            view = memoryview(b"")
        in_line, half = bool(view) and view[-1] != _NEWLINE, self.half
        self._before, self._ends_in_line, self._size, self._written = half, in_line, len(view), None
        self.since = time.monotonic()
        self._calls.note(2)  # behind `_begin` and `write`
        notes = self.notes
        if notes is None or not view or not (in_line or half):
            return len(view), ((), ()), ()
        is_alone = alone and notes.enter(_TURN_OF_OTHERS)
        left = notes.leaving() if is_alone else ()
        self.noted = False
        try:
            if in_line:
                for _ in notes.noting():
                    break
                self.noted = True
        except OSError:
            return len(view), ((), ()), left
        if is_alone and in_line:
            return len(view), ((), ()), left
        # Again after the write: meanwhile another process may have completed the line.
        return len(view), (notes.noting(), notes.noting() if in_line else notes.clearing()), left

    def _leave(self) -> None:
        if self.notes is not None:
            try:
                for _ in self.notes.leaving():
                    break
            except OSError:  # closed meanwhile
                return

    # ------------------------------------------------------------------------------------------------- the records' turn

    def hold_until(self, due: float, is_ending: bool, is_urgent: bool) -> float:
        """Until when (`time.monotonic`) a record waits that could have been written at `due`; 0 for not at all.

        While a print is under way, whose place is on a thread's stack, a record waits long. A line that no print is at may
        stay unfinished for ever, so a record waits shortly, and not at all if `is_urgent` or if the process `is_ending`.
        The caller holds `lock`.
        """
        call = self._calls.state()
        if not call:
            can_wait = self.half and not is_ending and not is_urgent
            return min(max(due, self.since) + _UNFINISHED, due + _GROWING) if can_wait else 0.0
        until = self._end_of_patience(call, due)
        if call != calls.AT_WRITE and time.monotonic() < until:
            self._waited_for = time.monotonic()
        return min(until, due + _ENDING) if is_ending else until

    def _end_of_patience(self, call: int, due: float) -> float:
        if self.half:
            return due + _PRINTING
        if call == calls.AT_WRITE:
            begin = max(due, self._waited_for)  # the time that an object took is not that of this write
            return min(max(begin, self.since) + _WRITING, begin + _AT_ONE_PLACE)
        if call == calls.IN_TEXT and self.since < due + _GROWING:  # later, it is a loop that prints such objects
            return max(due, self.since) + _PRINTING
        return min(max(due, self.since) + _BETWEEN_LINES, due + _GROWING)

    def complete(self, room: int) -> bool:
        """Have the program's buffers give out the rest of the incomplete line, up to its newline, but at most `room` bytes.
        False if there is too little room to try.

        A buffer is written out when it is full, wherever a line is at that point. The rest of the line would follow when it is
        full again, or at the end of the program. What is behind the newline stays in the buffer.
        """
        tried = True
        for stream in {id(one): one for one in (sys.stdout, sys.__stdout__)}.values():
            if type(stream) is not TextIOWrapper or not self.half:
                continue
            self._completing = get_ident()
            try:
                self._room, self._most_kept, self._rest = room, sys.maxsize, 0
                buffer = stream.buffer
                if type(buffer) is not BufferedWriter or buffer.raw not in self._files:
                    continue
                has_rest = self._given_out(buffer)
                tried = not self.half or room >= 4 * _BUFFER
                if self.half and tried:
                    # The text's own buffer. Its content goes to the other one, which may reject what it has no room for.
                    # It does that if it first writes out what it had before: that has to go.
                    self._room, self._most_kept, self._rest = sys.maxsize, _BUFFER, self._rest if has_rest else 0
                    self._given_out(stream)
            except (OSError, ValueError):  # closed, or its reader is gone: the program's next print finds that, too
                continue
            finally:
                self._completing = 0
        return tried

    @staticmethod
    def _given_out(stream: Any) -> bool:
        """Flush `stream`. True if something stays in its buffer."""
        try:
            stream.flush()
        except BlockingIOError:
            return True
        return False

    def _write_lines(self, original: Callable[[Any], Any], data: Any) -> int | None:
        """Write `data` up to its first newline, or more if otherwise too much would be kept. ``None`` to keep all of it, as a
        file that would block does."""
        data, must = bytes(data), len(data) - (0 if self.half and len(data) == self._rest else self._most_kept)
        if not self.half and must <= 0:
            self._rest = len(data)
            return None
        size = min(data.find(b"\n", max(must - 1, 0)) + 1 or max(must, 0), self._room)
        if not size:
            self._rest = len(data)
            return None
        held = self.lock.acquire(True, _TURN_OF_OTHERS)
        if not held and must <= 0:
            return None
        try:
            written: int | None = original(data[:size])
            if written:
                self.half = data[written - 1] != _NEWLINE
                if self.notes is not None and not self.half:
                    for _ in self.notes.clearing():
                        break
            return written
        finally:
            if held:
                self.lock.release()


of = {1: Prints(1), 2: Prints(2)}
"""The prints of the program, by the descriptor on which they and the lines appear."""


def release() -> None:
    """Give the program's files their own `write` back."""
    for prints in of.values():
        prints.release()


def _same_file() -> bool:
    try:
        return os.path.samestat(os.fstat(1), os.fstat(2))
    except OSError:  # closed
        return False
