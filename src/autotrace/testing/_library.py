"""What an author describes: a library, how its clients are made, and what a program asks of it.

    library = Library(
        "acme",
        client=lambda url: acme.Client(base_url=url),
        async_client=lambda url: acme.AsyncClient(base_url=url),
        provider=serve,
        cases=[
            Case(
                "chat",
                model="acme-1",
                call=lambda client, ask: client.chat(ask.model, ask.text),
                stream=lambda client, ask: client.chat(ask.model, ask.text, stream=True),
            ),
        ],
    )
    test_conformance = conformance(library)

What a library does not have is left out; the scorecard shows it as not applicable.
"""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from autotrace._declaration import conventions
from autotrace.errors import DeclarationError, nearest


class Ask(NamedTuple):
    """What one call asks. A description puts both where the library wants them."""

    text: str
    """The prompt, the text to embed, a tool's argument: different in every call, and looked for in the record."""
    model: str
    """The model's name, or that of a fault (`autotrace.testing.provider.faults`)."""


Use = Callable[[Any, Ask], Any]
"""``(client, ask)`` to whatever the library gives: a value, an awaitable, a stream, a context manager that holds one."""

FAULTS = ("400", "cut", "error-event", "malformed", "slow", "hang")
"""The faults that the matrix asks for, by the model's name ``fault-…``."""

_FREEZE = (1, 2, 4, 8, 16, 32, 64, 128)
"""Before the how-manieth check."""

_NEEDED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        conventions.GENERATIONS,
        (
            "gen_ai.request.model",
            "gen_ai.input.messages",
            "gen_ai.output.messages",
            "gen_ai.response.model",
            "gen_ai.response.id",
            "gen_ai.response.finish_reasons",
            "gen_ai.usage.input_tokens",
            "gen_ai.usage.output_tokens",
        ),
    ),
    "embeddings": ("gen_ai.request.model", "gen_ai.usage.input_tokens"),
    "execute_tool": ("gen_ai.tool.name", "gen_ai.tool.call.arguments", "gen_ai.tool.call.result"),
}
"""What a good record has, by operation; others have what their conventions say."""


class Case:
    """One operation of a library, as a program asks for it.

    `name` is the column of the scorecard. `operation` is the ``gen_ai.operation.name`` that its record has, `name` if not
    given. `model` is what `Ask.model` holds where no fault is asked for.

    `call`, `stream` and `raw` are functions of the client and an `Ask`, which make one request: to a value, to something to
    iterate over (or a context manager that gives it), and to the response as it came. `fails` is a call that raises; if not
    given, `call` asks for the model ``fault-400``. The asynchronous side uses the same functions, unless `async_call`,
    `async_stream`, `async_raw`, `async_fails` are given.

    `faults` are those that the library meets when `Ask.model` names them: all of `FAULTS` if there is a provider and a model,
    else none. An in-process library may know some of them by itself. `lacks` are attributes that this operation's records
    cannot have because the library does not tell them; `expects` are attributes and the very values that they have in each
    record. `exempt` are checks that cannot hold, each with the reason, which stands below the scorecard.

    Raises `DeclarationError` for what contradicts itself.
    """

    def __init__(
        self,
        name: str,
        *,
        operation: str | None = None,
        model: str = "",
        call: Use | None = None,
        stream: Use | None = None,
        raw: Use | None = None,
        fails: Use | None = None,
        async_call: Use | None = None,
        async_stream: Use | None = None,
        async_raw: Use | None = None,
        async_fails: Use | None = None,
        faults: Sequence[str] | None = None,
        lacks: Iterable[str] = (),
        expects: Mapping[str, Any] | None = None,
        exempt: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.operation = operation or name
        self.model = model
        self._uses = {
            "call": (call, async_call or call),
            "stream": (stream, async_stream or stream),
            "raw": (raw, async_raw or raw),
            "fails": (fails, async_fails or fails),
        }
        self.faults = faults
        self.lacks = frozenset(lacks)
        self.expects = dict(expects or {})
        self.exempt = dict(exempt or {})
        if not any(use for kind in ("call", "stream") for use in self._uses[kind]):
            raise DeclarationError(f"Case {name!r}: describe a call or a stream")
        for fault in faults or ():
            if fault not in FAULTS:
                raise DeclarationError(f"Case {name!r}: no check asks for the fault {fault!r}{nearest(fault, FAULTS)}")

    def __repr__(self) -> str:
        return f"Case({self.name!r})"

    def use(self, kind: str, asynchronous: bool) -> Use | None:
        """How a program makes a ``call``, opens a ``stream``, … on this side; None where that is not described."""
        return self._uses[kind][asynchronous]

    @property
    def needed(self) -> tuple[str, ...]:
        """The attributes that a record of this case has to have."""
        return tuple(name for name in _NEEDED.get(self.operation, ()) if name not in self.lacks)


class Library:
    """A library and the cases that are tried with it.

    `package` is the import package that the plugin watches; the plugin has to be installed (an editable install will do).
    `client` and `async_client` are functions of a URL to a client; what they give is awaited and entered where it asks for
    it, and closed after each check. A library with one client for both sides gives it twice. `provider` is what the client
    talks to: a function without arguments that gives a URL, or a context manager of one (of an object with a ``url``, as
    `autotrace.testing.provider.serve` does); None for a library that needs none, whose clients are given an empty URL.
    `options` are given to `autotrace.enable()`.

    Raises `DeclarationError` for what contradicts itself.
    """

    def __init__(
        self,
        package: str,
        *,
        cases: Sequence[Case],
        client: Callable[[str], Any] | None = None,
        async_client: Callable[[str], Any] | None = None,
        provider: Callable[[], Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.package = package
        self.cases = tuple(cases)
        self.options = dict(options or {})
        self._clients = client, async_client
        self._provider = provider
        self.results: list[Any] = []
        """How the checks came out that `conformance` has run so far (`autotrace.testing._scorecard.Result`)."""
        self._open: contextlib.ExitStack | None = None
        self._opened = 0
        self.source: str | None = sys._getframe(1).f_globals.get("__file__")
        """The file in which it is described: for a check in a process of its own."""
        self.provider: Any = None
        """What `provider` gave, while it is open."""
        names = [case.name for case in self.cases]
        if client is None and async_client is None:
            raise DeclarationError(f"Library {package!r}: say how a client is made: client=, async_client=")
        if not names or len(set(names)) < len(names):
            raise DeclarationError(f"Library {package!r}: cases need names of their own: {names}")

    def __repr__(self) -> str:
        return f"Library({self.package!r})"

    @property
    def sides(self) -> tuple[bool, ...]:
        """Whether asynchronous, for each side that has a client."""
        return tuple(side for side in (False, True) if self._clients[side] is not None)

    def client(self, asynchronous: bool) -> Any:
        """A new client of one side, as its factory makes it."""
        factory = self._clients[asynchronous]
        assert factory is not None
        return factory(self.url)

    @property
    def url(self) -> str:
        """Where the provider is; empty without one."""
        return self.provider if isinstance(self.provider, str) else str(getattr(self.provider, "url", ""))

    def faults(self, case: Case) -> tuple[str, ...]:
        """Those that `case` meets when the model is called so."""
        if case.faults is not None:
            return tuple(case.faults)
        return FAULTS if self._provider is not None and case.model else ()

    def open(self) -> None:
        """Start the provider, unless it runs; called before each check.

        Until `close` the garbage collector leaves alone what was there before: SDKs are a million objects, many of them loaded
        with the first calls, at which every collection of a check would look.
        """
        self._opened += 1
        if self._opened in _FREEZE:
            gc.collect()
            gc.freeze()
        if self._open is not None:
            return
        self._open = contextlib.ExitStack()
        self._open.callback(gc.unfreeze)
        made: Any = self._provider() if self._provider is not None else ""
        self.provider = self._open.enter_context(made) if hasattr(made, "__enter__") else made

    def close(self) -> None:
        """Stop the provider."""
        if self._open is not None:
            self._open.close()
        self._open, self.provider, self._opened = None, None, 0
