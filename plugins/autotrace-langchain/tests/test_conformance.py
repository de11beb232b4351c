"""The plugin for LangChain, held to the conformance kit: its own view of a model, with no provider's plugin beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openai
import pytest

pytest.importorskip("langchain_openai")

from langchain_core.output_parsers import PydanticOutputParser
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

import autotrace_langchain
from autotrace.testing import Ask, Case, Library, carries_scorecard, check, conformance
from autotrace.testing.provider import serve


class Client:
    """LangChain has none: what makes a model of OpenAI's clients, and closes them."""

    def __init__(self, url: str, kind: Any) -> None:
        self.of = {"base_url": f"{url}/v1", "api_key": "test", "max_retries": 0}
        self.own = kind(**self.of)
        self.is_async = kind is openai.AsyncOpenAI

    def model(self, ask: Ask) -> Any:
        side = "async" if self.is_async else "sync"
        made = ChatOpenAI(model=ask.model, **self.of, stream_usage=True)
        setattr(made, "root_async_client" if side == "async" else "root_client", self.own)
        setattr(made, "async_client" if side == "async" else "client", self.own.chat.completions)
        return made

    def close(self) -> Any:
        return self.own.close()


@tool
def echo(text: str) -> str:
    """Say it again."""
    if text.startswith("fail"):
        raise ValueError(text)
    return text


def invoke(runnable: Any, client: Client, value: Any) -> Any:
    return runnable.ainvoke(value) if client.is_async else runnable.invoke(value)


def stream(client: Client, ask: Ask) -> Any:
    model = client.model(ask)
    return model.astream(ask.text) if client.is_async else model.stream(ask.text)


class Form(BaseModel):
    """What no answer is."""

    number: int


library = Library(
    "langchain_core",
    client=lambda url: Client(url, openai.OpenAI),
    async_client=lambda url: Client(url, openai.AsyncOpenAI),
    provider=serve,
    cases=[
        Case(
            "chat",
            model="gpt-4o",
            call=lambda client, ask: invoke(client.model(ask), client, ask.text),
            typed=lambda client, ask: invoke(client.model(ask) | PydanticOutputParser(pydantic_object=Form), client, ask.text),
            exempt={"double enable": "enable() of all plugins has the provider's own record the call"},
        ),
        Case(
            "streamed",
            operation="chat",
            model="gpt-4o",
            stream=stream,
            lacks=("gen_ai.response.id",),  # langchain-openai drops that of a stream of chat completions
            exempt={"double enable": "enable() of all plugins has the provider's own record the call"},
        ),
        Case(
            "tool",
            operation="execute_tool",
            call=lambda client, ask: invoke(echo, client, {"text": ask.text}),
            fails=lambda client, ask: invoke(echo, client, {"text": f"fail {ask.text}"}),
            typed=lambda client, ask: invoke(echo, client, {"text": [ask.text]}),
            faults=(),
        ),
    ],
)
test_conformance = conformance(library)
test_readme = carries_scorecard(library, Path(__file__).parents[1] / "README.md")


def test_the_plugin_is_declared_well() -> None:
    assert check(autotrace_langchain.instrumentor)
