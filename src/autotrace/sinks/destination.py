"""Which descriptor the lines go to, and whether what the program prints there ends in the middle of a line.

Part of the activation budget: the program may print before it makes its first call.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import _thread
import os
import sys
import time
from _io import FileIO

from autotrace import diagnostics, settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

IDENTITY = "AUTOTRACE_STDOUT"
"""Environment variable: device and inode of the first active process's stdout."""

give_up_at: float | None = None
"""When sinks stop waiting (`time.monotonic`); set when the process is ending."""

_chosen: int | None = None

on_leave: Callable[[], None] | None = None
"""Called when stdout is left, if there is somebody who may have begun to write there."""


def descriptor() -> int:
    """The setting `fd`, else 1, or 2 in a child process whose stdout is not the first active process's.

    There, stdout is an answer that somebody parses (`subprocess.check_output`, a protocol server). The first active process
    notes its own stdout in the environment, which children inherit. That answer holds for the life of the process.
    """
    global _chosen
    if _chosen is None:
        try:
            status = os.fstat(1)
        except OSError:  # closed
            _chosen = 2
        else:
            identity = f"{status.st_dev}:{status.st_ino}"
            _chosen = 1 if os.environ.setdefault(IDENTITY, identity) == identity else 2
    return _chosen if (named := settings.current.valid("fd")) is None else _open(int(named))


def leave_stdout() -> None:
    """Have the lines go to stderr from now on, as what this process writes to its stdout is an answer that somebody parses.

    A plugin says so when its library begins to speak a protocol there. The setting `fd` stays in force, and so do other
    sinks. Processes that this one starts do not write to that stdout either.
    """
    global _chosen
    if _chosen == 2 or settings.current.valid("fd") is not None:
        return
    _chosen = 2
    os.environ[IDENTITY] = "left"
    prints.release()
    if on_leave is not None:
        on_leave()


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


class Prints:
    """What the program prints through the file under `sys.stdout`, as far as it ends in the middle of a line.

    A buffered stdout is flushed when 8 KB are full, wherever a line is then, and only its file sees that: the file gets an
    attribute `write`, which calls its own. `lock`, once somebody writes records, makes the two exclude each other.
    """

    def __init__(self) -> None:
        self.half = False
        """Whether the last thing that this process wrote to stdout was a piece of a line."""
        self.since = 0.0
        """Since when (`time.monotonic`)."""
        self.lock: Any = None
        self.on_half: Callable[[], None] | None = None
        """Called before and after a write that leaves half a line, so that other processes can know."""
        self._files: list[Any] = []

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
        def write(data: Any, /) -> Any:
            written: list[Any] = []
            held: list[Any] = []
            try:
                self._write_locked(original, data, written, held)
            except BaseException as exc:
                _let_go(self.lock, held)
                if not written:
                    raise
                _raise_later(exc)
            return written[0]

        return write

    def _write_locked(self, original: Callable[[Any], Any], data: Any, written: list[Any], held: list[Any]) -> None:
        """Write `data`, and note in `written` what `original` says of it. A signal's handler may raise behind any call of ours:
        what was done is noted by the same call in C that does it, so that it is known, and not done twice."""
        lock = self.lock
        if lock is not None:
            # Not for ever: the interpreter's own last flush comes here, too.
            held.extend(map(lock.acquire, (True,), (0.1,)))
        self._write(original, data, written)
        _let_go(lock, held)

    def _write(self, original: Callable[[Any], Any], data: Any, written: list[Any]) -> None:
        half = not _ends_a_line(data, -1)
        if half and self.on_half is not None:
            self.on_half()
        written.extend(map(original, (data,)))
        count = written[0]
        if count:
            self.half = half = half if count == len(data) else not _ends_a_line(data, count - 1)
            if half:
                self.since = time.monotonic()
                if self.on_half is not None:
                    self.on_half()


def _let_go(lock: Any, held: list[Any]) -> None:
    """Release `lock`, if it is held and was not released before."""
    if held and held[0]:
        try:
            lock.release()
        except RuntimeError:  # it was, and a signal came before that was noted
            return
    held.clear()


def _raise_later(exc: BaseException) -> None:
    """Have `exc`, which a signal's handler has raised in the midst of our code, raised again when that code has returned.

    A program's buffer would take an exception out of `write` for a write that has failed, and print the same once more; right
    after the write it asks for signals by itself. Here comes one that nobody else uses, and whose handler raises `exc`.
    """
    number = getattr(_signal, "SIGURG", None)
    before = None if number is None else _signal.getsignal(number)
    if number is None or before is None:
        raise exc

    def handler(*_: object) -> None:
        _signal.signal(number, before)
        raise exc.with_traceback(None)

    try:
        _signal.signal(number, handler)
    except ValueError:  # not the main thread, in which alone signals are handled
        raise exc from None
    _thread.interrupt_main(number)


def _ends_a_line(data: Any, last: int) -> bool:
    try:
        return bytes(data[last : last + 1 or None]) == b"\n"
    except Exception:  # nothing that FileIO will take
        return True


prints = Prints()
"""Those of this process."""
