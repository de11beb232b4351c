"""What autotrace has to say about itself: JSON lines on stderr, and the guard that every failure of ours goes through.

Nothing here may break the program: a diagnostic that cannot be written is dropped. The same message is said once a
process. This module is part of the activation budget: `json` is imported when there is something to say.
"""

from __future__ import annotations

import os
import sys
import time
from _collections_abc import Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

strict = os.environ.get("AUTOTRACE_STRICT") == "1"
"""Re-raise failures of ours instead of only reporting them. Set by tests (`AUTOTRACE_STRICT=1`)."""


class Counter:
    """Counts what is `add`-ed to it, one at a time: exactly, from any threads, without a lock.

    `add` is one call of C code on an iterator, which the interpreter does not interrupt. An ``int`` with ``+=`` loses counts; a
    lock could be held by the very thread whose finaliser counts, or be copied by a fork. (Without the GIL it may lose some.)
    """

    __slots__ = ("_left", "add")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin at zero: in a forked child."""
        self._left = iter(range(sys.maxsize))
        self.add = self._left.__next__
        """Count one; what was counted before it."""

    @property
    def value(self) -> int:
        """How many were added."""
        return sys.maxsize - self._left.__length_hint__()  # type: ignore[attr-defined, no-any-return]


class Failures(Mapping[str, int]):
    """How many failures of ours were caught, by the place that caught them (`"begin autotrace-openai"`)."""

    def __init__(self) -> None:
        self._counters: dict[str, Counter] = {}

    def add(self, where: str) -> None:
        """Count one at `where`."""
        self._counters.setdefault(where, Counter()).add()

    def clear(self) -> None:
        """Begin at zero."""
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
"""Those of this process."""

_said: set[tuple[str, str]] = set()


def say(event: str, message: str, level: str = "warning", again: bool = False, **details: Any) -> None:
    """Write one line about autotrace itself to stderr, unless the same was said before; with `again` all the same.

    `event` is the part after `autotrace.`; `message` says who, what, and what to do. `details` are plain JSON values.
    """
    if ((event, message) in _said and not again) or len(_said) > 1000:
        return
    _said.add((event, message))
    line: dict[str, Any] = {
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "level": level,
        "event": "autotrace." + event,
        "message": message,
    }
    line.update(details)
    try:
        import json

        os.write(2, json.dumps(line, default=repr).encode() + b"\n")
    except Exception:  # stderr is closed, or nothing can be imported any more
        return


def failed(where: str, exc: BaseException, aside: bool = False) -> None:
    """Count and report a failure of ours that was caught at `where`; re-raise it when `strict`.

    What fails `aside`, on the writer's side, is never raised: other records are on their way there.
    """
    failures.add(where)
    if strict and not aside:
        raise exc
    say(
        "failure",
        f"{where}: {type(exc).__name__}: {exc}. The program is not affected; what autotrace would have done here is missing.",
        level="error",
        at=place_of(exc),
    )


def place_of(exc: BaseException, package: str = "") -> str:
    """``file:line`` where `exc` was raised; the last place inside of `package`, if one is given and it came by there."""
    found, tb = "?", exc.__traceback__
    inside = False
    while tb is not None:
        own = str(tb.tb_frame.f_globals.get("__name__", "")).partition(".")[0] == package
        if own or not inside:
            found = f"{tb.tb_frame.f_code.co_filename}:{tb.tb_lineno}"
        inside, tb = inside or own, tb.tb_next
    return found


def forget() -> None:
    """Say again what was said before. For tests, and for a forked child that speaks for itself."""
    _said.clear()
    failures.clear()


def interpreter_is_ending() -> bool:
    """Whether the interpreter is shutting down, when no import and no thread may be started any more."""
    return sys.is_finalizing()
