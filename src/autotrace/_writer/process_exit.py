"""Writes the records before the process ends in a way that runs no more Python.

Forked children end with `os._exit` (multiprocessing, billiard, any program that follows the documentation of `os.fork`),
programs that restart themselves with `exec`, and servers by raising again the signal that they have handled (uvicorn). None of
these runs `atexit`.

A replaced function waits only for an end that comes: not for an argument that the function refuses, for a file that does not
exist, or for a signal that the program handles, that is ignored, or that ends nothing.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # getsignal of `signal` makes Enums
import functools
import operator
import os
import signal
from collections.abc import Callable
from typing import Any, Protocol

from autotrace import _diagnostics as diagnostics
from autotrace import _system

_ENDS_NOTHING = {
    getattr(signal, name, 0) for name in "SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGWINCH SIGINFO".split()
}
"""The signals that do not end a process that does not handle them; 0 asks whether the process exists."""


class Writer(Protocol):
    """What writes the records."""

    def before_exit_call(self) -> None:
        """The process ends here, and with it the open spans."""

    def before_exec(self) -> None:
        """The process becomes another program, if the system can start that one."""

    def before_signal(self) -> None:
        """A signal ends the process. It must not wait for long."""

    def after_exit_call(self) -> None:
        """The process has not ended: the function that was called was not the system's."""


class ProcessExit:
    """The functions of `os` and `signal` that end the process, replaced from `watch` to `release`."""

    def __init__(self, writer: Writer) -> None:
        nothing = self._nothing
        self._replaced: list[tuple[Any, str, Any, Any]] = []
        self._ends = (
            (os, "_exit", _is_status, writer.before_exit_call, writer.after_exit_call),
            (os, "execv", _can_start, writer.before_exec, nothing),
            (os, "execve", _can_start, writer.before_exec, nothing),
            (os, "kill", _ends_itself, writer.before_signal, nothing),
            (signal, "raise_signal", _ends_a_process, writer.before_signal, nothing),
        )
        self._active = False

    @staticmethod
    def _nothing() -> None:
        return None

    def watch(self) -> None:
        """Replace the functions. Idempotent."""
        self._active = True
        below = {(id(module), name): ours for module, name, _, ours in self._replaced}
        for module, name, ends, before, after in self._ends:
            original = getattr(module, name, None)
            if callable(original) and (id(module), name) not in below:
                ours = self._replacement(original, module.__name__, ends, before, after)
                self._replaced.append((module, name, original, ours))
                setattr(module, name, ours)

    def release(self) -> None:
        """Put the functions back. One that other code has wrapped since stays where it is and does nothing."""
        self._active = False
        kept = []
        for module, name, original, ours in self._replaced:
            if getattr(module, name, None) is ours:
                setattr(module, name, original)
            else:
                kept.append((module, name, original, ours))
        self._replaced = kept

    def _replacement(
        self,
        original: Callable[..., Any],
        module: str,
        ends: Callable[..., bool],
        before: Callable[[], None],
        after: Callable[[], None],
    ) -> Callable[..., Any]:
        @functools.wraps(original)
        def replaced(*args: Any, **kwargs: Any) -> Any:
            prepared = False
            try:
                prepared = self._active and ends(*args, **kwargs)
                if prepared:
                    before()
            except Exception as exc:  # arguments that the function refuses, or a failure of ours: the program's call goes on
                if prepared:
                    diagnostics.failed(f"writer: before {original.__name__}", exc, aside=True)
            try:
                return original(*args, **kwargs)
            finally:
                if prepared:
                    after()

        replaced.__module__ = module  # where pickle finds it, instead of the C module
        return replaced


def _is_status(status: Any) -> bool:
    return -(1 << 31) <= operator.index(status) < 1 << 31


def _can_start(path: Any, argv: Any, env: Any = None) -> bool:
    _system.os.stat(path)  # `os.execvp` tries all directories on the path
    return isinstance(argv, (list, tuple))


def _ends_itself(pid: Any, number: Any, /) -> bool:
    return type(pid) is int and pid == os.getpid() and _ends_a_process(number)


def _ends_a_process(signalnum: Any) -> bool:
    number = operator.index(signalnum)
    return number not in _ENDS_NOTHING and number != 0 and _signal.getsignal(number) == _signal.SIG_DFL
