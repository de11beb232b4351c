"""State that a process has once: claims, fork callbacks, stdout, its end.

Stdout means: which descriptor the lines go to, and whether the output of the program there ends in the middle of a line. This
is part of the activation budget, because the program may print before it makes its first call.
"""

from __future__ import annotations

import sys
from _io import FileIO

from autotrace import _diagnostics as diagnostics
from autotrace import _settings as settings
from autotrace._system import os, time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

# ------------------------------------------------------------------------------------------------------------- claims


class Claim:
    """A right that one thread has at a time.

    Taking it is one step of C code and never waits. So finalisers and signal handlers may try it, and a fork copies no lock
    that another thread holds.
    """

    __slots__ = ("_free",)

    def __init__(self) -> None:
        self._free = [None]

    @property
    def is_free(self) -> bool:
        """Whether no thread has it."""
        return bool(self._free)

    def take(self) -> bool:
        """Take it. Returns False if another thread has it."""
        try:
            self._free.pop()
        except IndexError:
            return False
        return True

    def give_back(self) -> None:
        """Release it. Only its holder may call this."""
        self._free.append(None)


# -------------------------------------------------------------------------------------------------------------- forks


class Forks:
    """Callbacks around each fork of this process, in the order in which they were added."""

    def __init__(self) -> None:
        self._before: list[Callable[[], object]] = []
        self._in_parent: list[Callable[[], object]] = []
        self._in_child: list[Callable[[], object]] = []
        self._in_child_is_registered = self._before_is_registered = False

    def add(
        self,
        before: Callable[[], object] | None = None,
        in_parent: Callable[[], object] | None = None,
        in_child: Callable[[], object] | None = None,
    ) -> None:
        """Register callbacks. `in_child` is active at once, the other two after `call_before`."""
        for calls, function in ((self._before, before), (self._in_parent, in_parent), (self._in_child, in_child)):
            if function is not None:
                calls.append(function)
        if not self._in_child_is_registered and hasattr(os, "register_at_fork"):
            self._in_child_is_registered = True
            os.register_at_fork(after_in_child=lambda: self._run(self._in_child))

    def call_before(self) -> None:
        """Activate the callbacks before a fork and in the parent.

        Before a fork, Python calls what was registered last first. So this is called when our own thread first exists, after
        the modules that the thread imports have registered theirs (`logging` holds its lock from there on).
        """
        if not self._before_is_registered and hasattr(os, "register_at_fork"):
            self._before_is_registered = True
            os.register_at_fork(
                before=lambda: self._run(self._before[::-1]), after_in_parent=lambda: self._run(self._in_parent)
            )

    def _run(self, functions: list[Callable[[], object]]) -> None:
        for function in functions:
            try:
                function()
            except Exception as exc:  # our failure: the fork and the callbacks of others go on
                diagnostics.failed("fork", exc, aside=True)


forks = Forks()
"""The fork callbacks of this process."""

# -------------------------------------------------------------------------------------------------------- environment


class Variables:
    """The environment variables that this process sets for its children."""

    def __init__(self) -> None:
        self._set: dict[str, tuple[str | None, str]] = {}

    def set(self, name: str, value: str) -> None:
        """Set a variable, until `restore`."""
        self._set[name] = (self._set[name][0] if name in self._set else os.environ.get(name), value)
        os.environ[name] = value

    def restore(self) -> None:
        """Give each variable the value that it had, unless the program has set it since."""
        for name, (before, ours) in self._set.items():
            if os.environ.get(name) == ours:
                if before is None:
                    del os.environ[name]
                else:
                    os.environ[name] = before
        self._set.clear()


variables = Variables()
"""The environment variables that this process has set."""

# ------------------------------------------------------------------------------------------------------------- stdout

IDENTITY = "AUTOTRACE_STDOUT"
"""Environment variable: the device and inode of the first active process's stdout."""

_NEWLINE = 10


class Prints:
    """The output of the program through the file under `sys.stdout`, as far as it ends in the middle of a line.

    A buffered stdout is flushed after every 8 KB, wherever a line is at that point. Only its file sees that, so the file gets
    an attribute `write` that calls the original one. `lock` makes the program's writes and record writes exclude each other,
    once there are records.
    """

    def __init__(self) -> None:
        self.since = 0.0
        """When this process began its last write to stdout (`time.monotonic`)."""
        self.lock: Any = None
        self.noting: Callable[[], Iterable[object]] | None = None
        """Returns an iterable. Iterating over it tells other processes about an incomplete line; in C, see `_observed`."""
        self._files: list[Any] = []
        self._before = self._ends_in_line = False
        self._size: int = 0
        self._written: int | None = None

    @property
    def half(self) -> bool:
        """Whether the last write of this process to stdout was incomplete: it ended in the middle of a line."""
        if not self._written:
            return self._before
        return self._ends_in_line or self._written != self._size  # the rest of an incomplete write comes with the next one

    @half.setter
    def half(self, half: bool) -> None:
        self._before, self._written = half, None

    def watch(self) -> None:
        """Observe every write to stdout from now on. Costs nothing if they are observed already."""
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
        """`original`, with the bookkeeping before and after each write.

        A signal handler may raise an exception wherever the interpreter checks for signals: at calls, and at the back edges of
        loops. If one were raised here after the write, the program's buffer would count the write as failed and print the same
        data again. So everything from the write on is C-level iteration in loops that never repeat, where no signal handler can
        run.
        """

        def write(data: Any, /) -> Any:
            lock = self.lock
            held: list[bool] = []
            try:
                if lock is not None:
                    # With a timeout: the interpreter's last flush comes here too.
                    held.extend(map(lock.acquire, (True,), (0.1,)))
                size, noted = self._begin(data)
                released = iter(lock.release, None) if any(held) else ()
                for count in map(original, (data,)):
                    self._written = count
                    try:
                        for _ in noted[count == size]:
                            break
                    except OSError:  # closed meanwhile
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
        """The size of `data`, and two iterables for after the write: one if it was incomplete, one if it was complete."""
        try:
            view = memoryview(data).cast("B")
        except TypeError:  # FileIO rejects it too
            view = memoryview(b"")
        in_line = bool(view) and view[-1] != _NEWLINE
        self._before, self._ends_in_line, self._size, self._written = self.half, in_line, len(view), None
        self.since = time.monotonic()
        if self.noting is None or not view:
            return len(view), ((), ())
        if in_line:
            try:
                for _ in self.noting():
                    break
            except OSError:
                return len(view), ((), ())
        # Again after the write: meanwhile another process may have completed the line.
        noted = self.noting()
        return len(view), (noted, noted if in_line else ())


class Stdout:
    """The descriptor that the lines go to, decided once, by the stdout that this process was started with."""

    def __init__(self) -> None:
        self._chosen: int | None = None
        self.prints = Prints()
        self.on_leave: Callable[[], None] | None = None
        """Called when stdout is left, if there may be a writer for it."""

    def descriptor(self) -> int:
        """The setting `fd`, else 1, or 2 in a child process whose stdout is not the first active process's.

        There, stdout is an answer that another program parses (`subprocess.check_output`, a protocol server). The first active
        process notes its own stdout in the environment, which children inherit. The decision holds for the life of the process.
        """
        if self._chosen is None:
            try:
                status = os.fstat(1)
            except OSError:  # closed
                self._chosen = 2
            else:
                identity = f"{status.st_dev}:{status.st_ino}"
                self._chosen = 1 if os.environ.get(IDENTITY, identity) == identity else 2
                if IDENTITY not in os.environ:
                    variables.set(IDENTITY, identity)
        return self._chosen if (named := settings.current.valid("fd")) is None else _open(int(named))

    def leave(self) -> None:
        """See `leave_stdout`."""
        if self._chosen == 2 or settings.current.valid("fd") is not None:
            return
        self._chosen = 2
        variables.set(IDENTITY, "left")
        self.prints.release()
        if self.on_leave is not None:
            self.on_leave()

    def reset(self) -> None:
        """Decide again, when autotrace is enabled again. A stdout that was left stays left."""
        if self._chosen == 1:
            self._chosen = None

    @staticmethod
    def is_wanted() -> bool:
        """Whether the current settings send lines to the descriptor: not if they name other sinks, or a file."""
        given = settings.current.given("sinks")
        return "stdout" in given[0] if given else settings.current.valid("file") is None


def _open(named: int) -> int:
    """`named` if that descriptor is open in this process, else 2. A child may not have inherited it."""
    try:
        os.fstat(named)
    except OSError:
        diagnostics.say("settings", f"setting fd: descriptor {named} is not open in this process; records go to stderr.")
        return 2
    return named


stdout = Stdout()
"""The stdout of this process."""


def leave_stdout() -> None:
    """Send the lines to stderr from now on, because another program parses this process's stdout.

    A plugin calls this when its library begins to speak a protocol on stdout. The setting `fd` and other sinks stay in force.
    Processes that this one starts do not write to that stdout either.
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
