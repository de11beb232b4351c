"""What a process has once: claims, what is to be done when it forks, its stdout, its end.

Of stdout: which descriptor the lines go to, and whether what the program prints there ends in the middle of a line. Part of the
activation budget: the program may print before it makes its first call.
"""

from __future__ import annotations

import os
import sys
import time
from _io import FileIO

from autotrace import _diagnostics as diagnostics
from autotrace._settings import settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

# ------------------------------------------------------------------------------------------------------------- claims


class Claim:
    """A right that one thread has at a time.

    Taking it is one step of C code and waits for nobody: finalisers and signal handlers may ask, and a fork copies no lock
    that another thread holds.
    """

    __slots__ = ("_free",)

    def __init__(self) -> None:
        self._free = [None]

    @property
    def is_free(self) -> bool:
        """Whether nobody has it."""
        return bool(self._free)

    def take(self) -> bool:
        """Take it. False if somebody has it."""
        try:
            self._free.pop()
        except IndexError:
            return False
        return True

    def give_back(self) -> None:
        """Let others take it: by whoever has it."""
        self._free.append(None)


# -------------------------------------------------------------------------------------------------------------- forks


class Forks:
    """What is called around each fork of this process, in the order in which it was added."""

    def __init__(self) -> None:
        self._before: list[Callable[[], object]] = []
        self._in_parent: list[Callable[[], object]] = []
        self._in_child: list[Callable[[], object]] = []
        self._in_child_is_called = self._before_is_called = False

    def add(
        self,
        before: Callable[[], object] | None = None,
        in_parent: Callable[[], object] | None = None,
        in_child: Callable[[], object] | None = None,
    ) -> None:
        """Call `in_child` in each child from now on, and the other two once `call_before` says so."""
        for calls, function in ((self._before, before), (self._in_parent, in_parent), (self._in_child, in_child)):
            if function is not None:
                calls.append(function)
        if not self._in_child_is_called and hasattr(os, "register_at_fork"):
            self._in_child_is_called = True
            os.register_at_fork(after_in_child=lambda: self._run(self._in_child))

    def call_before(self) -> None:
        """Call what was added for before a fork, and for the parent after it, from now on.

        What is registered last is called first before a fork. So this comes after the registrations of the modules that our own
        thread imports (`logging` holds its lock from there on), and not before there is such a thread.
        """
        if not self._before_is_called and hasattr(os, "register_at_fork"):
            self._before_is_called = True
            os.register_at_fork(
                before=lambda: self._run(self._before[::-1]), after_in_parent=lambda: self._run(self._in_parent)
            )

    def _run(self, functions: list[Callable[[], object]]) -> None:
        for function in functions:
            try:
                function()
            except Exception as exc:  # ours: the fork, and what others do around it, go on
                diagnostics.failed("fork", exc, aside=True)


forks = Forks()
"""Those of this process."""

# ------------------------------------------------------------------------------------------------------------- stdout

IDENTITY = "AUTOTRACE_STDOUT"
"""Environment variable: device and inode of the first active process's stdout."""

_NEWLINE = 10


class Prints:
    """What the program prints through the file under `sys.stdout`, as far as it ends in the middle of a line.

    A buffered stdout is flushed when 8 KB are full, wherever a line is then, and only its file sees that: the file gets an
    attribute `write`, which calls its own. `lock`, once somebody writes records, makes the two exclude each other.
    """

    def __init__(self) -> None:
        self.since = 0.0
        """When this process began its last write to stdout (`time.monotonic`)."""
        self.lock: Any = None
        self.noting: Callable[[], Iterable[object]] | None = None
        """Gives what tells other processes of half a line when it is iterated over; in C, see `_observed`."""
        self._files: list[Any] = []
        self._before = self._ends_in_line = False
        self._offered: int = 0
        self._taken: int | None = None

    @property
    def half(self) -> bool:
        """Whether the last thing that this process wrote to stdout was a piece of a line."""
        if not self._taken:
            return self._before
        return self._ends_in_line or self._taken != self._offered  # what was not taken of a write comes with the next

    @half.setter
    def half(self, half: bool) -> None:
        self._before, self._taken = half, None

    def watch(self) -> None:
        """Have every write to stdout noticed from now on. Costs nothing where that is so already."""
        for stream in (sys.__stdout__, sys.stdout):
            buffer = getattr(stream, "buffer", None)
            file = getattr(buffer, "raw", buffer)
            if type(file) is FileIO and "write" not in file.__dict__ and not file.closed and file.fileno() == 1:
                file.write = self._observed(file.write)  # type: ignore[method-assign]
                self._files.append(file)

    def release(self) -> None:
        """Give the program's files their own `write` back."""
        for file in self._files:
            file.__dict__.pop("write", None)
        self._files.clear()
        self.half = False

    def _observed(self, original: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """`original`, and before it all that is to be done for it.

        A signal's handler may raise an exception wherever the interpreter looks for signals: at calls, and where loops go
        back. Out of here, after the write, the program's buffer would take that for a write that has failed, and print the
        same once more. So what has to be done from the write on is done by iterators of C, in loops that never go back.
        """

        def write(data: Any, /) -> Any:
            lock = self.lock
            held: list[bool] = []
            try:
                if lock is not None:
                    # Not for ever: the interpreter's own last flush comes here, too.
                    held.extend(map(lock.acquire, (True,), (0.1,)))
                size, noted = self._begin(data)
                released = iter(lock.release, None) if any(held) else ()
                for count in map(original, (data,)):
                    self._taken = count
                    try:
                        for _ in noted[count == size]:
                            break
                    except OSError:  # closed in between
                        pass
                    for _ in released:
                        break
                    return count
            except BaseException:
                if any(held):
                    lock.release()
                raise

        return write

    def _begin(self, data: Any) -> tuple[int, tuple[Iterable[object], Iterable[object]]]:
        """The size of `data`, and what to iterate over after the write: if not all of it was taken, and if all was."""
        try:
            view = memoryview(data).cast("B")
        except TypeError:  # nothing that FileIO will take
            view = memoryview(b"")
        in_line = bool(view) and view[-1] != _NEWLINE
        self._before, self._ends_in_line, self._offered, self._taken = self.half, in_line, len(view), None
        self.since = time.monotonic()
        if self.noting is None or not view:
            return len(view), ((), ())
        if in_line:
            try:
                for _ in self.noting():
                    break
            except OSError:
                return len(view), ((), ())
        # Once more afterwards: in between another process may have put an end to the line that was there.
        noted = self.noting()
        return len(view), (noted, noted if in_line else ())


class Stdout:
    """Which descriptor the lines go to: decided once, by what this process was started with."""

    def __init__(self) -> None:
        self._chosen: int | None = None
        self.prints = Prints()
        self.on_leave: Callable[[], None] | None = None
        """Called when stdout is left, if there is somebody who may have begun to write there."""

    def descriptor(self) -> int:
        """The setting `fd`, else 1, or 2 in a child process whose stdout is not the first active process's.

        There, stdout is an answer that somebody parses (`subprocess.check_output`, a protocol server). The first active process
        notes its own stdout in the environment, which children inherit. That answer holds for the life of the process.
        """
        if self._chosen is None:
            try:
                status = os.fstat(1)
            except OSError:  # closed
                self._chosen = 2
            else:
                identity = f"{status.st_dev}:{status.st_ino}"
                self._chosen = 1 if os.environ.setdefault(IDENTITY, identity) == identity else 2
        return self._chosen if (named := settings.current.valid("fd")) is None else _open(int(named))

    def leave(self) -> None:
        """See `leave_stdout`."""
        if self._chosen == 2 or settings.current.valid("fd") is not None:
            return
        self._chosen = 2
        os.environ[IDENTITY] = "left"
        self.prints.release()
        if self.on_leave is not None:
            self.on_leave()

    @staticmethod
    def is_wanted() -> bool:
        """Whether lines go to the descriptor at all, as the settings are now: not if they name other sinks, or a file."""
        given = settings.current.given("sinks")
        return "stdout" in given[0] if given else settings.current.valid("file") is None


def _open(named: int) -> int:
    """`named`, if that is open in this process: a child may not have inherited it."""
    try:
        os.fstat(named)
    except OSError:
        diagnostics.say("settings", f"setting fd: descriptor {named} is not open in this process; records go to stderr.")
        return 2
    return named


stdout = Stdout()
"""That of this process."""


def leave_stdout() -> None:
    """Have the lines go to stderr from now on, as what this process writes to its stdout is an answer that somebody parses.

    A plugin says so when its library begins to speak a protocol there. The setting `fd` stays in force, and so do other
    sinks. Processes that this one starts do not write to that stdout either.
    """
    stdout.leave()


# ---------------------------------------------------------------------------------------------------------------- end


class Ending:
    """How this process ends."""

    __slots__ = ("give_up_at",)

    def __init__(self) -> None:
        self.give_up_at: float | None = None
        """When sinks stop waiting (`time.monotonic`); ``None`` while the process is not ending."""


ending = Ending()
