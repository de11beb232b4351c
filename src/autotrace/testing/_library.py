"""What an author describes: a library, how its clients are made, and the calls that a program makes.

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

Do not describe what a library does not have. The scorecard shows it as not applicable.
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
    """What one call asks. The functions of a `Case` put both fields where the library expects them."""

    text: str
    """The prompt, the text to embed, or a tool's argument. It differs in every call, and is expected in the record."""
    model: str
    """The name of the model, or of a fault (`autotrace.testing.provider.faults`)."""


Use = Callable[[Any, Ask], Any]
"""``(client, ask)`` to what the library returns: a value, an awaitable, a stream, or a context manager of a stream."""

FAULTS = ("400", "400-echo", "cut", "error-event", "malformed", "slow", "hang")
"""The faults that the matrix uses. The model's name ``fault-…`` selects one."""

_FREEZE_BEFORE = (1, 2, 4, 8, 16, 32, 64, 128)
"""The numbers of the checks before which the objects that exist are frozen (see `Library.open`)."""

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
"""The attributes that a good record has, by operation. No attribute is required for other operations."""


class Case:
    """One operation of a library, as a program calls it.

    `name` is the column of the scorecard. `operation` is the ``gen_ai.operation.name`` of the record; the default is `name`.
    `model` is the value of `Ask.model` if no fault is selected.

    `call`, `stream` and `raw` are functions of the client and an `Ask`. Each makes one request. `call` returns a value,
    `stream` an iterable or a context manager of one, and `raw` the raw response. `fails` is a call that raises; by default,
    it is `call` with the model ``fault-400``. `typed` is a call whose arguments or answer do not fit the types that they
    should have, and whose exception or answer quotes them. The asynchronous side uses the same functions, unless
    `async_call`, `async_stream`, `async_raw`, `async_fails` or `async_typed` are given.

    `faults` are the faults that `Ask.model` can select: by default, all of `FAULTS` if there is a provider and a model, else
    none. A library without a provider may implement some of them. `lacks` are attributes that the records of this operation
    cannot have, because the library does not provide them. `expects` are attributes with the exact values that they have in
    each record. `exempt` are checks that cannot pass, each with the reason, which is printed below the scorecard.

    Raises `DeclarationError` if neither a call nor a stream is described, and for an unknown fault.
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
        typed: Use | None = None,
        async_call: Use | None = None,
        async_stream: Use | None = None,
        async_raw: Use | None = None,
        async_fails: Use | None = None,
        async_typed: Use | None = None,
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
            "typed": (typed, async_typed or typed),
        }
        self.faults = faults
        self.lacks = frozenset(lacks)
        self.expects = dict(expects or {})
        self.exempt = dict(exempt or {})
        if not any(use for kind in ("call", "stream") for use in self._uses[kind]):
            raise DeclarationError(f"Case {name!r}: neither a call nor a stream is described; pass call= or stream=")
        for fault in faults or ():
            if fault not in FAULTS:
                raise DeclarationError(f"Case {name!r}: {fault!r} is not a known fault{nearest(fault, FAULTS)}")

    def __repr__(self) -> str:
        return f"Case({self.name!r})"

    def use(self, kind: str, asynchronous: bool) -> Use | None:
        """The function for a ``call``, a ``stream``, … on this side; None if it is not described."""
        return self._uses[kind][asynchronous]

    @property
    def needed(self) -> tuple[str, ...]:
        """The attributes that each record of this case must have."""
        return tuple(name for name in _NEEDED.get(self.operation, ()) if name not in self.lacks)


class Library:
    """A library, and the cases to check with it.

    `package` is the import package that the plugin watches. The plugin must be installed (an editable install is enough).
    `client` and `async_client` are functions of a URL that return a client. The client is awaited and entered if it needs
    that, and closed after each check. A library with one client for both sides passes it twice. `provider` starts the server
    of the client: a function without arguments that returns a URL, or a context manager of a URL or of an object with a
    ``url`` (`autotrace.testing.provider.serve`). It is None for a library that needs no server; its clients get an empty URL.
    `options` are passed to `autotrace.enable()`.

    Raises `DeclarationError` if no client is described, and unless there are cases with different names.
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
        """The results of the checks that `conformance` has run so far (`autotrace.testing._scorecard.Result`)."""
        self._open: contextlib.ExitStack | None = None
        self._opened = 0
        self.source: str | None = sys._getframe(1).f_globals.get("__file__")
        """The file that describes the library. A check that starts a process passes it on."""
        self.provider: Any = None
        """What `provider` returned, while it is open."""
        names = [case.name for case in self.cases]
        if client is None and async_client is None:
            raise DeclarationError(f"Library {package!r}: no client is described; pass client= or async_client=")
        if not names or len(set(names)) < len(names):
            raise DeclarationError(f"Library {package!r}: expected one or more cases with different names, got {names}")

    def __repr__(self) -> str:
        return f"Library({self.package!r})"

    @property
    def sides(self) -> tuple[bool, ...]:
        """The sides that have a client; true means asynchronous."""
        return tuple(side for side in (False, True) if self._clients[side] is not None)

    def client(self, asynchronous: bool) -> Any:
        """A new client of one side, as its factory returns it."""
        factory = self._clients[asynchronous]
        assert factory is not None
        return factory(self.url)

    @property
    def url(self) -> str:
        """The URL of the provider; empty if there is none."""
        return self.provider if isinstance(self.provider, str) else str(getattr(self.provider, "url", ""))

    def faults(self, case: Case) -> tuple[str, ...]:
        """The faults that the name of the model can select in `case`."""
        if case.faults is not None:
            return tuple(case.faults)
        return FAULTS if self._provider is not None and case.model else ()

    def open(self) -> None:
        """Start the provider, unless it runs. Called before each check.

        Until `close`, the garbage collector ignores the objects that exist now. SDKs are a million objects, many of them
        loaded by the first calls, and every collection of a check would traverse them.
        """
        self._opened += 1
        if self._opened in _FREEZE_BEFORE:
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
