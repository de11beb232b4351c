"""The program cannot tell: what the conformance kit does not look at of an SDK is the same without autotrace and with it."""

from __future__ import annotations

import contextlib
import copy
import gc
import importlib
import inspect
import json
import multiprocessing
import operator
import os
import pickle
import re
import subprocess
import sys
import typing
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import autotrace

Look = Callable[..., Any]


def _plain(text: str) -> str:
    return re.sub(r"0x[0-9a-f]+|:\d{4,5}|(req|msg|chatcmpl)[_-]\w+|date', '[^']+|\b[0-9a-f-]{24,36}\b", "…", text)


async def clients(world: Any, sdk: Any, client: Any, wire: Any) -> Any:
    """Looks, methods and signatures of a client; with which exception it cannot be pickled."""
    found: list[Any] = [type(client), sorted(vars(client)), sorted(dir(client))]
    try:
        found.append(len(pickle.dumps(client)))
    except Exception as exc:  # noqa: BLE001 - whatever it is, it is to be the same
        found.append((type(exc), _plain(str(exc))))
    public = [name for name, kind in inspect.getmembers(type(client), callable) if not name.startswith("__")]
    found += [(name, str(_signature(getattr(type(client), name)))) for name in public]
    return found


def _signature(function: Any) -> Any:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError) as exc:
        return type(exc)


def _targets(sdk: Any) -> list[Any]:
    found = []
    for target in sdk.TARGETS:
        module, _, name = target.partition(":")
        found.append(operator.attrgetter(name)(importlib.import_module(module)))
    return found


def _hints(function: Any) -> Any:
    try:
        return typing.get_type_hints(function)
    except NameError as exc:  # of names that a module imports for type checkers only
        return str(exc)


async def functions(world: Any, sdk: Any, client: Any, wire: Any) -> Any:
    """The functions themselves: what copies and pickles of them are, and what `inspect` and `typing` say.

    Not whether one is a generator function: in its place is a function that returns a generator.
    """
    return [
        (
            [copy.copy(one) is one, copy.deepcopy(one) is one, pickle.loads(pickle.dumps(one)) is one],
            [type(one), _plain(repr(one)), hash(one) == hash(copy.copy(one))],
            [inspect.signature(one), inspect.getsource(one), inspect.getdoc(one), _hints(one)],
            inspect.iscoroutinefunction(one),
        )
        for one in _targets(sdk)
    ]


async def subclasses(world: Any, sdk: Any, client: Any, wire: Any) -> Any:
    """A client that overrides the replaced method, calls its super, and sees each call once."""
    seen: list[Any] = []
    method = sdk.TARGETS[0].rpartition(".")[2]

    def told(self: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append((len(args), sorted(kwargs)))
        return getattr(super(kind, self), method)(*args, **kwargs)

    kind: Any = type("Mine", (type(client),), {method: told})
    base = sdk.client(world.asynchronous, wire.url)
    mine = world.closing(copy.copy(base))
    mine.__class__ = kind
    if hasattr(mine, "chat"):
        vars(mine).pop("chat", None)
    vars(mine).pop("messages", None)
    result = await world.value(sdk.value(mine, "x"))
    await world.items(await world.value(sdk.stream(mine, "x")))
    return type(result), seen


async def unawaited(world: Any, sdk: Any, client: Any, wire: Any) -> Any:
    """What is said of a coroutine that nobody awaits, or that is closed; that nothing is sent."""
    if not world.asynchronous:
        return None
    said: list[Any] = []
    for close in (False, True):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            coroutine = sdk.value(client, "x")
            said.append((type(coroutine), coroutine.__qualname__, inspect.getcoroutinestate(coroutine)))
            if close:
                coroutine.close()
            del coroutine
            gc.collect()
        said += [(one.category.__name__, str(one.message)) for one in caught]
    return said, len(wire.provider.requests)


def _watched(stream: Any, log: list[str]) -> Any:
    """The body of a response, which says when it is read and closed."""

    class Watched(type(stream)):  # type: ignore[misc]
        def __iter__(self) -> Any:
            self._begun()
            yield from super().__iter__()

        async def __aiter__(self) -> Any:
            self._begun()
            async for piece in super().__aiter__():
                yield piece

        def _begun(self) -> None:
            if log[-1] != "read":  # what is left of a body may be read by a second iterator, or not
                log.append("read")

        def close(self) -> None:
            log.append("closed")
            super().close()

        async def aclose(self) -> None:
            log.append("closed")
            await super().aclose()

    stream.__class__ = Watched
    return stream


class Transport:
    """A client's transport, which says when a request is sent."""

    def __init__(self, inner: Any, log: list[str]) -> None:
        self._inner = inner
        self._log = log

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def handle_request(self, request: Any) -> Any:
        self._log.append("sent")
        response = self._inner.handle_request(request)
        _watched(response.stream, self._log)
        return response

    async def handle_async_request(self, request: Any) -> Any:
        self._log.append("sent")
        response = await self._inner.handle_async_request(request)
        _watched(response.stream, self._log)
        return response


def _hook(world: Any, name: str, log: list[str]) -> Callable[..., Any]:
    def hook(*_: Any) -> None:
        log.append(name)

    async def later(*_: Any) -> None:
        log.append(name)

    return later if world.asynchronous else hook


async def side_effects(world: Any, sdk: Any, client: Any, wire: Any) -> Any:
    """In which order the program's iterators are read, its hooks called, requests sent, bodies read and closed, items given.

    And that the HTTP client has the program's hooks, transport and headers, and no others.
    """
    log: list[str] = []
    http = getattr(client, "_client", client)
    http.event_hooks = {name: [_hook(world, f"{name} hook", log)] for name in ("request", "response")}
    given = {name: list(hooks) for name, hooks in http.event_hooks.items()}
    http._transport = transport = Transport(http._transport, log)
    if hasattr(client, "_prepare_request"):
        client._prepare_request = _hook(world, "prepare_request", log)
        client._should_retry = lambda _response: log.append("should_retry") or False

    def messages() -> Any:
        for message in sdk.chat("x")["messages"]:
            log.append("message read")
            yield message

    await world.value(sdk.value(client, "", messages=messages()))
    log.append("- whole stream")
    stream = await world.value(sdk.stream(client, "", messages=messages()))
    while await world.take(stream, 1):
        log.append("item")
    log.append("- part of a stream")
    stream = await world.value(sdk.stream(client, "", messages=messages()))
    log += ["item"] * len(await world.take(stream, 1))
    log += ["item"] * len(await world.take(stream, 1))
    await world.close(stream)
    log.append("- failure")
    with contextlib.suppress(Exception):
        await world.value(sdk.value(client, "x", model="fault-400"))
    same = (http.event_hooks == given, http._transport is transport)
    return log, same, {name: value for name, value in http.headers.items() if "key" not in name and "auth" not in name}


async def raw(world: Any, sdk: Any, client: Any, wire: Any) -> Any:
    """Raw and streaming responses: their type, attributes and what they parse to."""
    if sdk.PACKAGE == "ollama":
        return None
    resource = client.chat.completions if sdk.PACKAGE == "openai" else client.messages
    first = await world.value(resource.with_raw_response.create(**sdk.chat("x")))
    parsed = await world.value(first.parse())
    found = [type(first), sorted(vars(first)), type(parsed), first.status_code, (await world.value(first.parse())) is parsed]
    async with world.entered(resource.with_streaming_response.create(**sdk.chat("x"))) as second:
        found += [type(second), _plain(repr(second)), type(await world.value(second.parse())), second.is_closed]
    return [*found, second.is_closed]


async def connections(world: Any, sdk: Any, client: Any, wire: Any) -> Any:
    """When connections go back to the pool: after values, whole streams, closed ones and dropped ones."""
    http = getattr(client, "_client", client)
    pool = http._transport._pool
    found = []
    await world.value(sdk.value(client, "x"))
    found.append([one.is_idle() for one in pool.connections])
    stream = await world.value(sdk.stream(client, "x"))
    await world.items(stream)
    found.append([one.is_idle() for one in pool.connections])
    stream = await world.value(sdk.stream(client, "x"))
    await world.take(stream, 2)
    found.append([one.is_idle() for one in pool.connections])
    await world.close(stream)
    found.append([one.is_idle() for one in pool.connections])
    if not world.asynchronous:  # there the loop decides when
        stream = await world.value(sdk.stream(client, "x"))
        await world.take(stream, 2)
        del stream
        found.append([one.is_idle() for one in pool.connections])
        gc.collect()
        found.append([one.is_idle() for one in pool.connections])
    return found


ASPECTS: list[Look] = [
    clients,
    functions,
    subclasses,
    side_effects,
    unawaited,
    raw,
    connections,
]


@pytest.mark.parametrize("aspect", ASPECTS, ids=lambda one: one.__name__)
async def test_an_sdk_is_the_same_with_autotrace(world: Any, aspect: Look, sdk: Any, wire: Any, captured: Any) -> None:
    async def look() -> Any:
        wire.provider.requests.clear()
        return await aspect(world, sdk, world.closing(sdk.client(world.asynchronous, wire.url)), wire)

    await look()  # what is cached with the first use
    before = await look()
    autotrace.enable()
    assert await look() == before
    autotrace.disable()
    assert await look() == before


SCRIPT = """
import multiprocessing, pickle, sys
from concurrent.futures import ProcessPoolExecutor
import ollama

def tried(attempt):
    try:
        return type(attempt()).__name__
    except Exception as exc:
        return repr(exc)

def chat(text):
    return ollama.chat(model="llama3.2", messages=[{"role": "user", "content": text}])

if __name__ == "__main__":
    message = {"role": "user", "content": "from a worker"}
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(sys.argv[1])) as pool:
        print(tried(pool.submit(chat, "x").result), file=sys.stderr)
        print(tried(pool.submit(ollama.chat, model="llama3.2", messages=[message]).result), file=sys.stderr)
        print(tried(pool.submit(ollama.Client.chat, None).result), file=sys.stderr)
        print(tried(pool.submit(ollama.Client._request, None, dict, "POST", "/api/chat").result), file=sys.stderr)
    print(pickle.loads(pickle.dumps(ollama.Client._request)) is ollama.Client._request, file=sys.stderr)
"""


PATIENT = {"AUTOTRACE_EXIT_TIMEOUT": "600", "PYTHONWARNINGS": "ignore"}


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_functions_of_an_sdk_go_to_other_processes(method: str, wire: Any, tmp_path: Path) -> None:
    """Those that can be pickled are; the others (`ollama.chat` is bound to a client with a lock) fail as they do without us."""
    pytest.importorskip("ollama")
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    program = tmp_path / "program.py"
    program.write_text(SCRIPT)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACE")}
    alone, active = (
        subprocess.run(
            [sys.executable, str(program), method],
            env={**inherited, "OLLAMA_HOST": wire.url, "AUTOTRACE": switch, **PATIENT},
            capture_output=True,
            text=True,
            timeout=600,
            check=True,
        )
        for switch in ("0", "1")
    )
    assert active.stderr == alone.stderr
    assert alone.stderr.startswith("ChatResponse\n")
    reasons = [json.loads(line)["end_reason"] for line in active.stdout.splitlines()]
    assert (alone.stdout, reasons) == ("", ["completed", "error"])
