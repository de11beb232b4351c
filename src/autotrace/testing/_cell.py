"""One cell of the matrix: one check of one case on one side. autotrace is off before and after it."""

from __future__ import annotations

import contextlib
import contextvars
import itertools
import warnings
from collections.abc import Awaitable, Callable
from time import time_ns
from typing import Any, NamedTuple

import autotrace
from autotrace import _diagnostics as diagnostics
from autotrace.testing._capturing import Capture, capture
from autotrace.testing._library import Ask, Case, Library
from autotrace.testing._sides import Side

_numbers = itertools.count(1)


class NotConform(AssertionError):
    """A check failed. The message names the cell, and says what is wrong and what to do."""


class NotApplicable(Exception):
    """The check does not apply to the library. The message says why."""


class Check(NamedTuple):
    """One row of the matrix."""

    name: str
    run: Callable[[Cell], Awaitable[None]]
    needs: str
    """What a case must describe: ``call``, ``stream``, ``raw``, ``fails``, or ``any`` (a call or a stream)."""
    faults: tuple[str, ...]
    """The faults that the check uses. The library must support at least one of them."""
    sides: tuple[bool, ...]
    """The sides on which the check makes sense; true means asynchronous."""
    whole: bool
    """Whether the check runs once for the library, with its first case, instead of for each case."""

    @property
    def description(self) -> str:
        """What the check requires: its docstring, on one line."""
        return " ".join((self.run.__doc__ or "").split())


def require(holds: object, message: str) -> None:
    """Raise `NotConform` with `message` unless `holds`."""
    if not holds:
        raise NotConform(message)


class Cell:
    """What a check works with: clients, calls and streams of its case on its side, and their records."""

    def __init__(self, library: Library, case: Case, asynchronous: bool, check: Check) -> None:
        self.library = library
        self.case = case
        self.check = check
        self.side = Side(asynchronous)
        self.figures: dict[str, str] = {}
        """What the check has measured, by name; printed below the scorecard."""
        self._captured: Capture
        self._stack: contextlib.AsyncExitStack
        self._since = 0

    @property
    def name(self) -> str:
        """The name as pytest shows it: ``chat-early-close-async``."""
        parts = [self.library.package if self.check.whole else self.case.name, self.check.name, self.side.name]
        return "-".join(parts).replace(" ", "-")

    def run(self) -> None:
        """Run the check. Raises `NotConform`, `NotApplicable`, or an unexpected exception of the library."""
        self.library.open()
        autotrace.disable()
        diagnostics.forget()
        try:
            with warnings.catch_warnings(), capture() as self._captured:
                warnings.simplefilter("ignore")  # the library's own, and sockets of streams that a check drops on purpose
                self._since = time_ns()
                contextvars.copy_context().run(self.side.run, self._run_check())
            failures = dict(diagnostics.failures)
            require(not failures, f"{self.name}: autotrace or the plugin failed (see stderr for details): {failures}")
        finally:
            autotrace.disable()
            diagnostics.forget()
            diagnostics.without_content.clear()

    async def _run_check(self) -> None:
        async with contextlib.AsyncExitStack() as self._stack:
            await self.check.run(self)

    # What a program does.

    def ask(self, *, fault: str = "", text: str = "") -> Ask:
        """An `Ask` with a unique text, or with `text`; for the case's model, or for the model of `fault`."""
        text = (
            text
            or f"Question {next(_numbers)}: what is it that you can tell me about – well – all of this, and of that as well?"
        )
        return Ask(text, f"fault-{fault}" if fault else self.case.model)

    @property
    def faults(self) -> tuple[str, ...]:
        """The faults of the check that the library supports."""
        return tuple(fault for fault in self.check.faults if fault in self.library.faults(self.case))

    def enable(self, **options: Any) -> None:
        """Call `autotrace.enable` for this library, with the options of the description and these."""
        autotrace.enable(self.library.package, **{**self.library.options, **options})

    async def client(self) -> Any:
        """A new client, closed when the check ends."""
        return await self._entered(await self.side.value(self.library.client(self.side.asynchronous)), self._stack)

    async def _entered(self, client: Any, stack: contextlib.AsyncExitStack) -> Any:
        if self.side.enters(client):
            return await stack.enter_async_context(self.side.entered(client))
        for name in ("aclose", "close"):
            close = getattr(client, name, None)
            if close is not None:

                async def closed(close: Callable[[], Any] = close) -> None:
                    await self.side.value(close())

                stack.push_async_callback(closed)
                break
        return client

    def has(self, kind: str) -> bool:
        """Whether the case describes a use of this kind (``call``, ``stream``, ``raw``, ``typed``, ``fails``) on this side."""
        if kind == "any":
            return self.has("call") or self.has("stream")
        if kind == "fails":
            described = self.case.use("fails", self.side.asynchronous) is not None
            return described or "400" in self.library.faults(self.case)
        return self.case.use(kind, self.side.asynchronous) is not None

    def start(self, kind: str, client: Any, ask: Ask) -> Any:
        """What the library returns for a use of this kind, not awaited yet."""
        use = self.case.use(kind, self.side.asynchronous)
        assert use is not None
        return use(client, ask)

    async def call(self, client: Any, ask: Ask | None = None) -> Any:
        """The result of a call, or all items of a stream if the case has no call."""
        ask = ask or self.ask()
        if self.has("call"):
            return await self.side.value(self.start("call", client, ask))
        return await self.read(client, ask)

    async def read(self, client: Any, ask: Ask | None = None) -> list[Any]:
        """All items of a stream."""
        async with self.stream(client, ask) as (stream, _managed):
            return await self.side.items(stream)

    @contextlib.asynccontextmanager
    async def stream(self, client: Any, ask: Ask | None = None) -> Any:
        """A context manager of a stream, and whether the library wraps the stream in a context manager of its own."""
        made = await self.side.value(self.start("stream", client, ask or self.ask()))
        if self.side.iterates(made):
            yield made, False
            return
        require(
            self.side.enters(made),
            f"{self.name}: stream= returned a {type(made).__qualname__}, which is neither iterable nor a context manager",
        )
        async with self.side.entered(made) as entered:
            yield entered, True

    async def fail(self, client: Any, text: str = "") -> BaseException:
        """The exception of a call that fails, which asks `text` if given. Raises `NotConform` if the call succeeds."""
        described = self.case.use("fails", self.side.asynchronous) is not None
        try:
            if described:
                result = await self.side.value(self.start("fails", client, self.ask(text=text)))
                if self.side.iterates(result):
                    await self.side.items(result)
            else:
                result = await self.call(client, self.ask(fault="400", text=text))
        except Exception as exc:  # each library has exceptions of its own
            return exc
        raise NotConform(f"{self.name}: the call that should fail returned {result!r:.200}; pass a call that raises as fails=")

    # What was sent and recorded.

    def sent(self) -> list[Any]:
        """The requests that the provider has received; empty if it does not keep them."""
        return list(getattr(self.library.provider, "requests", ()))

    def forget(self) -> None:
        """Make the provider answer as if it had received nothing before, if it can."""
        forget = getattr(self.library.provider, "forget", None)
        if forget is not None:
            forget()

    @property
    def spans(self) -> list[dict[str, Any]]:
        """The records of this library and of the case's operation, in the order in which they ended."""
        return [span for span in self.all_spans if self._is_ours(span)]

    @property
    def all_spans(self) -> list[dict[str, Any]]:
        """All records of this cell, without those of calls that an earlier check left to the garbage collector."""
        return [span for span in self._captured.spans if span["start_ns"] >= self._since]

    def clear(self) -> None:
        """Forget the records so far, and ignore those of calls that have already started."""
        self._captured.clear()
        self._since = time_ns()

    def _is_ours(self, span: dict[str, Any]) -> bool:
        origin = span["scope"].get("library"), span["attributes"].get("gen_ai.operation.name")
        return origin == (self.library.package, self.case.operation)

    def records(self, count: int, of: str) -> list[dict[str, Any]]:
        """The records so far. Raises `NotConform` unless there are `count` of them; `of` describes the calls in the message."""
        spans = self.spans
        if len(spans) != count:
            names = [(span["name"], span["end_reason"], span["scope"]["library"]) for span in self.all_spans]
            raise NotConform(
                f"{self.name}: {len(spans)} records of {self.case.operation!r} for {of}, expected {count}; all "
                f"records: {names}. Check that one target sees each call, and that a seam sees its end."
            )
        return spans

    def record(self, of: str, end: str) -> dict[str, Any]:
        """The only record. Raises `NotConform` unless its end reason is `end`."""
        (span,) = self.records(1, of)
        require(span["end_reason"] == end, f"{self.name}: {of} is recorded as {span['end_reason']!r}, expected {end!r}")
        return span
