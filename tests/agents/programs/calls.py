"""OpenAI's SDK, called under several agents: ``calls.py URL STEP…``, the steps being agents to start, and ``import``.

Prints, as one line of JSON, our records, what each other agent saw, how the calls ended, and what stands on the SDK's
functions: before and after `autotrace.disable()`.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import importlib
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

WRAPPED = {
    "openai.resources.chat.completions.completions": ("Completions.create", "AsyncCompletions.create"),
    "openai.resources.responses.responses": ("Responses.create",),
    "openai._base_client": ("SyncAPIClient.request", "AsyncAPIClient.request", "SyncAPIClient._process_response"),
}
"""Functions on which the agents or we put something."""


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """Let nobody reach another machine."""
    if event != "socket.connect" or not isinstance(arguments[1], tuple):
        return
    if arguments[1][0] not in ("127.0.0.1", "::1", "localhost"):
        raise OSError(f"no connection to {arguments[1][0]} in tests")


def _ours() -> Callable[[], list[Any]]:
    import autotrace

    autotrace.enable("openai")
    return list


def _opentelemetry(module: str) -> Callable[[], list[Any]]:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    importlib.import_module(module).OpenAIInstrumentor().instrument(tracer_provider=provider)

    def seen() -> list[Any]:
        found = [
            [span.name, span.status.status_code.name, (span.attributes or {}).get("gen_ai.usage.output_tokens")]
            for span in exporter.get_finished_spans()
        ]
        exporter.clear()
        return found

    return seen


def _own_instrumentor() -> Callable[[], list[Any]]:
    """One of somebody's own, on the very functions that we replace."""
    from collections.abc import Collection

    import wrapt
    from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

    calls: list[Any] = []

    def wrapper(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        calls.append(type(instance).__name__)
        return wrapped(*args, **kwargs)

    class Own(BaseInstrumentor):
        def instrumentation_dependencies(self) -> Collection[str]:
            return []

        def _instrument(self, **_: Any) -> None:
            for name in ("SyncAPIClient.request", "AsyncAPIClient.request"):
                wrapt.wrap_function_wrapper("openai._base_client", name, wrapper)

        def _uninstrument(self, **_: Any) -> None:
            return

    Own().instrument()
    return _taking(calls)


def _taking(seen: list[Any]) -> Callable[[], list[Any]]:
    def take() -> list[Any]:
        found, seen[:] = list(seen), []
        return found

    return take


def _ddtrace() -> Callable[[], list[Any]]:
    import ddtrace
    from ddtrace.trace import TraceFilter, tracer

    seen: list[Any] = []

    class Keep(TraceFilter):
        def process_trace(self, trace: list[Any]) -> None:
            spans = [span for span in trace if span.name.startswith("openai")]
            seen.extend([span.name, span.resource, span.error] for span in spans)

    tracer.configure(trace_processors=[Keep()])
    ddtrace.patch(openai=True)
    return _taking(seen)


def _newrelic() -> Callable[[], list[Any]]:
    import newrelic.agent

    newrelic.agent.initialize()
    application = newrelic.agent.register_application(timeout=600)
    seen: list[Any] = []

    @contextlib.contextmanager
    def around() -> Iterator[None]:
        with newrelic.agent.BackgroundTask(application, name="calls") as transaction:
            yield
            seen.extend(event[0]["type"] for event in transaction._custom_events.samples)

    surroundings.append(around)
    return _taking(seen)


def _sentry() -> Callable[[], list[Any]]:
    import sentry_sdk
    from sentry_sdk.integrations.openai import OpenAIIntegration
    from sentry_sdk.transport import Transport

    seen: list[Any] = []

    class Keep(Transport):
        def capture_envelope(self, envelope: Any) -> None:
            for item in envelope.items:
                spans = item.payload.json["items"] if item.type == "span" else ()
                seen.extend([span["name"], span["status"]] for span in spans if "gen_ai.operation.name" in span["attributes"])

    sentry_sdk.init(
        dsn="http://key@127.0.0.1:9/1",
        transport=Keep,
        traces_sample_rate=1.0,
        auto_enabling_integrations=False,
        integrations=[OpenAIIntegration()],
    )

    @contextlib.contextmanager
    def around() -> Iterator[None]:
        with sentry_sdk.start_transaction(name="calls"):
            yield

    surroundings.append(around)
    return _taking(seen)


AGENTS: dict[str, Callable[[], Callable[[], list[Any]]]] = {
    "ours": _ours,
    "ddtrace": _ddtrace,
    "newrelic": _newrelic,
    "sentry": _sentry,
    "otel-openai-v2": lambda: _opentelemetry("opentelemetry.instrumentation.openai_v2"),
    "otel-openai": lambda: _opentelemetry("opentelemetry.instrumentation.openai"),
    "own-instrumentor": _own_instrumentor,
}
surroundings: list[Callable[[], contextlib.AbstractContextManager[None]]] = []
"""What an agent needs around calls, to see them."""


def _chat(model: str = "gpt-4o", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "Where is Kigali?"}], **more}


def _synchronous(client: Any) -> Iterator[Any]:
    yield lambda: client.chat.completions.create(**_chat())
    yield lambda: client.chat.completions.create(**_chat(stream=True, stream_options={"include_usage": True}))
    yield lambda: client.chat.completions.with_raw_response.create(**_chat()).parse()
    yield lambda: client.responses.create(model="gpt-4o", input="Where is Kigali?")
    yield lambda: client.embeddings.create(model="text-embedding-3-small", input="Kigali")
    yield lambda: client.chat.completions.create(**_chat("fault-400"))


def _asynchronous(client: Any) -> Iterator[Any]:
    yield lambda: client.chat.completions.create(**_chat())
    yield lambda: client.chat.completions.create(**_chat(stream=True, stream_options={"include_usage": True}))
    yield lambda: client.chat.completions.create(**_chat("fault-400"))


def _outcome(result: Any, items: list[Any] | None = None) -> Any:
    """What the program got: its type, and the id and usage that a record has to repeat."""
    last = items[-1] if items else result
    usage = getattr(last, "usage", None)
    kind = f"{type(result).__module__}.{type(result).__qualname__}"
    return {
        "type": kind,
        "items": None if items is None else len(items),
        "id": getattr(last, "id", None),
        "output_tokens": getattr(usage, "output_tokens", getattr(usage, "completion_tokens", None)),
    }


async def _asynchronous_outcomes(openai: Any, url: str) -> list[Any]:
    found: list[Any] = []
    async with openai.AsyncOpenAI(base_url=url, api_key="sk-test", max_retries=0) as client:
        for call in _asynchronous(client):
            try:
                result = await call()
                found.append(_outcome(result, [item async for item in result] if hasattr(result, "__aiter__") else None))
            except openai.APIError as exc:
                found.append({"type": type(exc).__name__, "message": str(exc)})
    return found


def outcomes(openai: Any, url: str) -> list[Any]:
    """Make every call, and read every stream; what came of them."""
    found: list[Any] = []
    with contextlib.ExitStack() as stack:
        for around in surroundings:
            stack.enter_context(around())
        client = stack.enter_context(openai.OpenAI(base_url=url, api_key="sk-test", max_retries=0))
        for call in _synchronous(client):
            try:
                result = call()
                streamed = hasattr(result, "__next__")
                found.append(_outcome(result, list(result) if streamed else None))
            except openai.APIError as exc:
                found.append({"type": type(exc).__name__, "message": str(exc)})
        found += asyncio.run(_asynchronous_outcomes(openai, url))
    return found


def layers() -> dict[str, list[str]]:
    """What stands on each function of `WRAPPED`, from the outside in."""
    found: dict[str, list[str]] = {}
    for module, names in WRAPPED.items():
        for name in names:
            owner, _, attribute = name.partition(".")
            each = vars(vars(importlib.import_module(module))[owner])[attribute]
            found[name] = []
            while each is not None:
                found[name].append(f"{type(each).__module__}.{type(each).__name__} of {getattr(each, '__module__', '')}")
                each = getattr(each, "__wrapped__", None)
    return found


def main(url: str, *steps: str) -> None:
    faulthandler.dump_traceback_later(600, exit=True)
    sys.addaudithook(_refuse)
    warnings.simplefilter("ignore")
    seen: dict[str, Callable[[], list[Any]]] = {}
    report: dict[str, Any] = {}
    for step in steps:
        if step == "import":
            importlib.import_module("openai")
        else:
            seen[step] = AGENTS[step]()
    openai: Any = importlib.import_module("openai")
    tracing = "ours" in steps
    with contextlib.ExitStack() as stack:
        captured: Any = None
        if tracing:
            from autotrace.testing import capture

            captured = stack.enter_context(capture())
        for when in ("enabled", "disabled"):
            if when == "disabled" and tracing:
                import autotrace

                captured.clear()
                autotrace.disable()
            told = outcomes(openai, url)
            report[when] = {
                "outcomes": told,
                "records": captured.spans if tracing else [],
                "seen": {agent: take() for agent, take in seen.items() if agent != "ours"},
                "layers": layers(),
            }
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
