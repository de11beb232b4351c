"""State that a process has once: claims, fork callbacks, stdout, its end.

Stdout means: which descriptor the lines go to, and what the program prints there (`prints`). This is part of the activation
budget, because the program may print before it makes its first call.
"""

from __future__ import annotations

import stat
import sys
from _io import FileIO

from autotrace import _diagnostics as diagnostics
from autotrace import _settings as settings
from autotrace._system import os, time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
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


class Watch:
    """Waits for the program's first write to stdout, with which it imports `prints`."""

    def __init__(self) -> None:
        self._files: list[Any] = []

    def begin(self) -> None:
        """Observe the program's writes to stdout from now on."""
        for stream in (sys.__stdout__, sys.stdout):
            buffer = getattr(stream, "buffer", None)
            file = getattr(buffer, "raw", buffer)
            if type(file) is FileIO and "write" not in file.__dict__ and not file.closed and file.fileno() == 1:
                file.write = _first_write(file, file.write)  # type: ignore[method-assign]
                self._files.append(file)

    def end(self) -> None:
        """Give the program's files their own `write` back."""
        for file in self._files:
            if getattr(file.__dict__.get("write"), "is_first", False):
                file.__dict__.pop("write", None)
        self._files.clear()
        prints = sys.modules.get("autotrace._process.prints")
        if prints is not None:
            prints.release()


def _first_write(file: Any, original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def write(data: Any, /) -> Any:
        try:
            from autotrace._process import prints

            prints.of[1].watch()
        except Exception:  # the interpreter is ending, and imports nothing any more
            return original(data)
        again = file.write
        return original(data) if again is write else again(data)

    write.is_first = True  # type: ignore[attr-defined]
    return write


watch = Watch()
"""The watch of this process."""


class Stdout:
    """The descriptor that the lines go to, decided once, by the stdout that this process was started with."""

    def __init__(self) -> None:
        self._chosen: int | None = None
        self._file: tuple[int, int] | None = None
        """Device and inode of stdout at activation."""
        self.on_leave: Callable[[], None] | None = None
        """Called when stdout is left, if there may be a writer for it."""

    def descriptor(self) -> int:
        """The setting `fd`, else 1, or 2 in a child process whose stdout is not the first active process's.

        There, stdout is an answer that another program parses (`subprocess.check_output`, a protocol server). The first active
        process notes its own stdout in the environment, which children inherit. The decision holds for the life of the process.
        """
        if self._chosen is None:
            noted = identity()
            if noted is None:
                self._chosen = 2
            else:
                self._file = _file_of(os.fstat(1))
                self._chosen = 1 if os.environ.get(IDENTITY, noted) == noted else 2
                if IDENTITY not in os.environ:
                    variables.set(IDENTITY, noted)
        return self._chosen if (named := settings.current.valid("fd")) is None else _open(int(named))

    def place(self) -> int:
        """Where a line goes now: `descriptor`, but 2 while descriptor 1 is another file than at activation.

        The program may have put a connection there, which it talks to by `print`. Raises `OSError` if descriptor 1 is closed,
        and if descriptor 2 is that other file as well.
        """
        if not self.is_chosen():
            return self.descriptor()
        try:
            now = os.fstat(1)
        except OSError as exc:
            raise OSError(exc.errno, f"file descriptor 1: {exc.strerror}") from None
        if _file_of(now) == self._file:
            diagnostics.silent = False
            return 1
        text = "stdout is another file than when autotrace started"
        try:
            has_stderr = not os.path.samestat(now, os.fstat(2))
        except OSError:  # closed
            has_stderr = False
        if has_stderr:
            diagnostics.silent = False
            diagnostics.say("stdout", f"{text}. Records go to stderr; to send them elsewhere, set AUTOTRACE_FILE.")
            return 2
        if _is_null(now):
            return 1
        diagnostics.silent = not stat.S_ISREG(now.st_mode)  # the connection would get the diagnostics
        raise OSError(f"{text}, and so is stderr; set AUTOTRACE_FILE")

    def is_chosen(self) -> bool:
        """Whether lines go to this process's own stdout, and no setting names a descriptor."""
        return self.descriptor() == 1 and settings.current.valid("fd") is None

    def leave(self) -> None:
        """See `leave_stdout`."""
        if self._chosen == 2 or settings.current.valid("fd") is not None:
            return
        self._chosen = 2
        variables.set(IDENTITY, "left")
        watch.end()
        if self.on_leave is not None:
            self.on_leave()

    def reset(self) -> None:
        """Decide again, when autotrace is enabled again. A stdout that was left stays left."""
        if self._chosen == 1:
            self._chosen = self._file = None

    @staticmethod
    def is_wanted() -> bool:
        """Whether the current settings send lines to the descriptor: not if they name other sinks, or a file."""
        given = settings.current.given("sinks")
        return "stdout" in given[0] if given else settings.current.valid("file") is None


def identity() -> str | None:
    """Device and inode of this process's stdout, as `IDENTITY` holds them; ``None`` if it is closed."""
    try:
        status = os.fstat(1)
    except OSError:
        return None
    return f"{status.st_dev}:{status.st_ino}"


def _file_of(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _is_null(status: os.stat_result) -> bool:
    try:
        return stat.S_ISCHR(status.st_mode) and status.st_rdev == os.stat(os.devnull).st_rdev
    except OSError:
        return False


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

    __slots__ = ("_patience", "give_up_at")

    def __init__(self) -> None:
        self._patience = 0.0
        self.give_up_at: float | None = None
        """When sinks stop waiting (`time.monotonic`); ``None`` while the process is not ending."""

    @property
    def left(self) -> float:
        """Seconds until sinks stop waiting; 0 while the process is not ending."""
        return 0.0 if self.give_up_at is None else max(self.give_up_at - time.monotonic(), 0.0)

    def begin(self, patience: float) -> None:
        """The process is ending: from now on, sinks wait at most `patience` seconds for a reader that does not read."""
        self._patience = patience
        self.give_up_at = time.monotonic() + patience

    def took(self) -> None:
        """A reader has taken something, so the seconds count anew: a slow one gets everything."""
        if self.give_up_at is not None:
            self.give_up_at = time.monotonic() + self._patience


ending = Ending()
"""The end of this process."""
