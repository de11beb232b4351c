"""A hundred credentials, no two alike, in every place where the SDKs of all plugins take one: none is in a record, in the
readable output or on stderr, although every server and many exceptions quote them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

import autotrace
from autotrace import _diagnostics as diagnostics
from autotrace.sinks import MemorySink

openai, anthropic, ollama = map(pytest.importorskip, ("openai", "anthropic", "ollama"))
groq, together, boto3, langchain_openai, mcp = map(
    pytest.importorskip, ("groq", "together", "boto3", "langchain_openai", "mcp")
)
genai = pytest.importorskip("google.genai")

SAID = [{"role": "user", "content": "hi"}]
QUOTED = "authorization x-api-key api-key x-goog-api-key x-amz-security-token x-gateway-token cookie".split()


class Quoting(BaseHTTPRequestHandler):
    """Refuses every request, and quotes what it got: headers, path and body."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode().partition('"headers"')[0]
        got = [value for name, value in self.headers.items() if name.lower() in QUOTED]
        text = f"no access with {got} to {self.path}"
        answer = json.dumps({"error": {"message": text, "type": "auth", "code": 401, "got": body}, "message": text}).encode()
        self.send_response(401)
        self.send_header("content-type", "application/json")
        self.send_header("x-amzn-errortype", "AccessDeniedException")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    quoting = ThreadingHTTPServer(("127.0.0.1", 0), Quoting)
    quoting.daemon_threads = True
    threading.Thread(target=quoting.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{quoting.server_port}"
    quoting.shutdown()
    quoting.server_close()


class Secrets:
    """Makes secrets of no known form, and with forms around them."""

    def __init__(self) -> None:
        self._number = itertools.count(1)
        self.made: list[str] = []

    def __call__(self) -> str:
        self.made.append(f"SECRET{next(self._number):03d}-of-a-test")
        return self.made[-1]

    def headers(self) -> dict[str, str]:
        return {"X-Gateway-Token": self(), "Cookie": f"session={self()}"}

    def url(self) -> str:
        return f"https://user:{self()}@host.example/sse?api_key={self()}&X-Amz-Signature={self()}"

    def mcp(self) -> dict[str, Any]:
        server = {
            "type": "mcp",
            "server_label": "s",
            "server_url": f"{self.url()}&x={self()}#{self()}",
            "authorization": self(),
        }
        return {**server, "headers": {"X-Own": self(), "Authorization": f"Bearer {self()}"}}


def _stainless(s: Secrets, url: str, held: list[Any]) -> Iterator[Callable[[], Any]]:
    def client(kind: Any, **more: Any) -> Any:
        given = {"base_url": url, "max_retries": 0, "default_headers": s.headers(), **more}
        held.append(kind(**given))
        return held[-1]

    for kind in (openai.OpenAI, groq.Groq, together.Together):
        yield lambda kind=kind: client(kind, api_key=s()).chat.completions.create(model="m", messages=SAID)
        yield lambda kind=kind: client(kind, api_key=s()).chat.completions.create(
            model="m", messages=SAID, stream=True, extra_headers={"Authorization": f"Bearer {s()}"}, extra_query={"key": s()}
        )
    for kind in (openai.AsyncOpenAI, groq.AsyncGroq, together.AsyncTogether):
        yield lambda kind=kind: asyncio.run(client(kind, api_key=s()).chat.completions.create(model="m", messages=SAID))
    azure = {"api_version": "1", "base_url": None, "azure_endpoint": url}
    yield lambda: client(openai.AzureOpenAI, azure_ad_token=s(), **azure).embeddings.create(model="m", input="x")
    yield lambda: client(openai.AzureOpenAI, azure_ad_token_provider=s, **azure).responses.create(model="m", input="x")
    yield lambda: client(openai.OpenAI, api_key=s).chat.completions.with_raw_response.create(model="m", messages=SAID)
    policy = {"type": "allowlist", "domain_secrets": [{"domain": "a.b", "name": "KEY", "value": s()}]}
    container = {"type": "code_interpreter", "container": {"type": "auto", "network_policy": policy}}
    inner = [{"type": "additional_tools", "role": "developer", "tools": [s.mcp()]}]
    nested = {"type": "namespace", "name": "n", "description": "d", "tools": [s.mcp()]}
    yield lambda: client(openai.OpenAI, api_key=s()).responses.create(
        model="m", tools=[s.mcp(), container, nested], input=inner
    )
    messages = {"model": "m", "max_tokens": 5, "messages": SAID}
    servers = [{"type": "url", "name": "m", "url": s.url(), "authorization_token": s()}]
    yield lambda: client(anthropic.Anthropic, api_key=s()).messages.create(**messages)
    yield lambda: client(anthropic.Anthropic, auth_token=s()).beta.messages.create(mcp_servers=servers, **messages)
    yield lambda: asyncio.run(client(anthropic.AsyncAnthropic, api_key=s()).messages.create(**messages))
    keys = {"aws_access_key": s(), "aws_secret_key": s(), "aws_session_token": s(), "aws_region": "us-east-1"}
    yield lambda: client(anthropic.AnthropicBedrock, **keys).messages.create(**messages)
    yield lambda: client(anthropic.AnthropicVertex, access_token=s(), project_id="p", region="r").messages.create(**messages)


def _others(s: Secrets, url: str, held: list[Any]) -> Iterator[Callable[[], Any]]:
    for header in (f"Bearer {s()}", f"Bearer {s()}\n", s()):
        yield lambda header=header: ollama.Client(url, headers={"Authorization": header, **s.headers()}).chat("m", SAID)
        yield lambda header=header: asyncio.run(ollama.AsyncClient(url, headers={"X-Api-Key": header}).chat("m", SAID))
    yield lambda: ollama.Client(url, auth=("user", s())).chat("m", SAID)
    yield lambda: ollama.Client(url.replace("://", f"://user:{s()}@")).generate("m", f"Is Bearer {s()} right?")

    def aws(**more: Any) -> Any:
        keys = {"aws_access_key_id": s(), "aws_secret_access_key": s(), "aws_session_token": s(), "region_name": "us-east-1"}
        return boto3.client("bedrock-runtime", **{"endpoint_url": url, **keys, **more})

    talk = {"modelId": "m", "messages": [{"role": "user", "content": [{"text": "hi"}]}]}
    yield lambda: aws().converse(**talk)
    yield lambda: aws().converse_stream(**talk)
    yield lambda: aws(endpoint_url=f"http://user:{s()}@127.0.0.1:9").invoke_model(modelId="m", body=b"{}")

    def google(**more: Any) -> Any:
        held.append(genai.Client(api_key=s(), http_options={"base_url": url, "headers": s.headers()}, **more))
        return held[-1]

    tools = [{"mcp_servers": [{"name": "m", "streamable_http_transport": {"url": s.url(), "headers": {"X-Own": s()}}}]}]
    content = {"model": "m", "contents": "x"}
    yield lambda: google().models.generate_content(**content, config={"tools": tools})
    yield lambda: list(google().models.generate_content_stream(**content))
    yield lambda: google().models.generate_content(**content, config={"http_options": {"headers": {"Authorization": s()}}})
    yield lambda: asyncio.run(google().aio.models.generate_content(**content))
    yield lambda: google().interactions.create(model="m", input="x")
    yield lambda: google().models.embed_content(**content)

    def chain() -> Any:
        from langchain_core.runnables import RunnableLambda

        model = langchain_openai.ChatOpenAI(
            model="m", api_key=s(), base_url=url, max_retries=0, default_headers={"X-Gateway-Token": s()}
        )
        return (RunnableLambda(lambda text: text) | model).invoke("hi")

    yield chain


def _of_mcp(s: Secrets) -> Iterator[Callable[[], Any]]:
    """Resources of a server with credentials in their addresses, and a tool that takes and quotes them."""
    server = (getattr(mcp.server, "MCPServer", None) or pytest.importorskip("mcp.server.fastmcp").FastMCP)("s")

    @server.tool()
    def login(password: str, note: str) -> str:
        raise ValueError(f"wrong: {note}")

    async def use() -> None:
        if hasattr(mcp, "Client"):
            session = mcp.Client(server)
        else:
            from mcp.shared.memory import create_connected_server_and_client_session as connected

            session = connected(server._mcp_server)
        async with session as client:
            with contextlib.suppress(Exception):
                await client.call_tool("login", {"password": s(), "note": f"Authorization: Bearer {s()}, {s.url()}"})
            with contextlib.suppress(Exception):
                await client.read_resource(f"db://user:{s()}@host.example/table?token={s()}")

    yield lambda: asyncio.run(use())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_no_credential_of_any_sdk_leaves_the_process(
    server: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOTRACE_FORMAT", "pretty")
    logging.disable()  # the SDKs' own logs quote what they please
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    secrets, held, memory, answers = Secrets(), [], MemorySink(), []
    autotrace.enable(sinks=["stdout", memory])
    attempts = [*_stainless(secrets, server, held), *_others(secrets, server, held), *_of_mcp(secrets)]
    for attempt in attempts:
        with autotrace.span("around", attributes={"login": {"password": secrets()}, "to": secrets.url()}):
            try:
                attempt()
            except Exception as exc:
                answers.append(str(exc))
                diagnostics.say("test", f"an attempt failed with {exc}", again=True)
    logging.disable(logging.NOTSET)
    autotrace.flush()
    records = json.dumps(memory.spans, ensure_ascii=False)
    autotrace.disable()
    out, err = capfd.readouterr()
    libraries = {span["scope"]["name"] for span in memory.spans}
    assert len(secrets.made) >= 100
    assert len([one for one in secrets.made if one in "".join(answers)]) > 50  # the servers do quote them
    plugins = "openai anthropic groq together ollama bedrock google-genai langchain mcp".split()
    assert libraries >= {f"autotrace-{name}" for name in plugins}
    shown = {"records": records, "readable output": out, "stderr": err}
    assert "chat m" in out
    assert "an attempt failed" in err
    assert {where: [one for one in secrets.made if one in text] for where, text in shown.items()} == {
        where: [] for where in shown
    }
