"""Diagnostics about autotrace itself: JSON lines on stderr, and the handling of every failure of ours.

Nothing here may break the program: a diagnostic that cannot be written is dropped. Each message is written once per process.
This module is part of the activation budget, so `json` is imported only when there is a line to write.
"""

from __future__ import annotations

import sys
from _collections_abc import Mapping

from autotrace._system import os, time
from autotrace.errors import sentences

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

strict = os.environ.get("AUTOTRACE_STRICT") == "1"
"""Re-raise failures of ours after reporting them. Tests set it with `AUTOTRACE_STRICT=1`."""


silent = False
"""Write nothing, because stderr is not the program's any more: it leads to a client, like the stdout that it was put beside."""


class Counter:
    """An exact counter for any number of threads, without a lock.

    `add` is one call of C code on an iterator, which the interpreter does not interrupt. An ``int`` with ``+=`` loses counts. A
    lock could be held by the thread whose finaliser counts, or be copied while it is held by a fork. Without the GIL, `add` may
    lose counts.
    """

    __slots__ = ("_left", "add")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start again at zero, in a forked child."""
        self._left = iter(range(sys.maxsize))
        self.add = self._left.__next__
        """Count one, and return the count before it."""

    @property
    def value(self) -> int:
        """The count."""
        return sys.maxsize - self._left.__length_hint__()  # type: ignore[attr-defined, no-any-return]


class Failures(Mapping[str, int]):
    """The number of caught failures of ours, by the place that caught them (`"begin autotrace-openai"`)."""

    def __init__(self) -> None:
        self._counters: dict[str, Counter] = {}

    def add(self, where: str) -> None:
        """Count one failure at `where`."""
        self._counters.setdefault(where, Counter()).add()

    def clear(self) -> None:
        """Set all counts to zero."""
        self._counters.clear()

    def __getitem__(self, where: str) -> int:
        return self._counters[where].value

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._counters))

    def __len__(self) -> int:
        return len(self._counters)

    def __repr__(self) -> str:
        return repr(dict(self))


failures = Failures()
"""The failures of this process."""

without_content: set[str] = set()
"""The packages whose content is not recorded, and ``autotrace`` for the program's own spans. While there is one, no diagnostic
quotes the text of an exception: a getter that fails on a prompt names the prompt. A package stays in it after `disable()`, as
its open calls still end."""

redacting = False
"""Whether users have added rules of redaction, which no diagnostic knows: then none quotes the text of an exception, either."""

_written: set[tuple[str, str]] = set()


def say(
    event: str, message: str, level: str = "warning", again: bool = False, names_only: bool = False, **details: Any
) -> None:
    """Write one line about autotrace itself to stderr, unless the same message was written before and `again` is false.

    `event` is the part after `autotrace.`. `message` says who, what, and what to do. `details` are plain JSON values. With
    `names_only`, the message has nothing but our words and names of modules, and nothing is imported to look for credentials in
    it: a thread that the message is about may hold the import lock.
    """
    if silent or ((event, message) in _written and not again) or len(_written) > 1000:
        return
    _written.add((event, message))
    line: dict[str, Any] = {
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "level": level,
        "event": "autotrace." + event,
        "message": message,
    }
    line.update(details)
    try:
        import json

        if not names_only:
            from autotrace._credentials import in_diagnostics

            line = in_diagnostics.scrubbed(line)
        os.write(2, json.dumps(line, default=repr).replace("\x7f", "\\u007f").encode() + b"\n")
    except Exception:  # stderr is closed, or imports no longer work
        return


def failed(where: str, exc: BaseException, aside: bool = False, quote: bool = True) -> None:
    """Count and report a failure of ours, caught at `where`. Re-raise it if `strict`, unless it is `aside`.

    Without `quote`, its text is not shown: it may hold what must not be recorded.

    A failure on the writer's side is `aside`. It is never re-raised, because other records are still on their way there.
    """
    failures.add(where)
    if strict and not aside:
        raise exc
    say(
        "failure",
        sentences(
            f"{where}: {described(exc) if quote else type(exc).__name__}",
            "The program is not affected; autotrace skipped this step.",
        ),
        level="error",
        at=place_of(exc),
    )


def described(exc: BaseException) -> str:
    """The class of `exc`, and its text unless that may be content that is not recorded."""
    kind = type(exc).__name__
    if without_content or redacting:
        return f"{kind} (its text is not shown while content is off or redacted)"
    try:
        return f"{kind}: {exc}"
    except Exception:  # an exception whose __str__ raises
        return kind


def place_of(exc: BaseException, package: str = "") -> str:
    """``file:line`` where `exc` was raised.

    The last place inside of `package`, if the traceback has one, else the last place of all.
    """
    place, tb = "?", exc.__traceback__
    inside = False
    while tb is not None:
        own = str(tb.tb_frame.f_globals.get("__name__", "")).partition(".")[0] == package
        if own or not inside:
            place = f"{tb.tb_frame.f_code.co_filename}:{tb.tb_lineno}"
        inside, tb = inside or own, tb.tb_next
    return place


def forget() -> None:
    """Allow all messages again and clear the failures. For tests, and for a forked child, which has its own."""
    _written.clear()
    failures.clear()


def interpreter_is_ending() -> bool:
    """Whether the interpreter is shutting down. Then no import and no thread may be started."""
    return sys.is_finalizing()
