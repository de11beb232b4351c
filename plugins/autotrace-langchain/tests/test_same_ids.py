"""Runs that the program gives one id, and what LangChain's annotations say of our handler."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler, CallbackManager
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import RunnableLambda

import autotrace


class Echo(BaseChatModel):
    """Answers when the other call has begun too."""

    begun: Any

    @property
    def _llm_type(self) -> str:
        return "echo"

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **_: Any) -> ChatResult:
        self.begun.wait()
        return ChatResult(generations=[ChatGeneration(message=AIMessage("re " + messages[-1].content))])

    def _stream(self, messages: Any, stop: Any = None, run_manager: Any = None, **_: Any) -> Iterator[ChatGenerationChunk]:
        for piece in ("re ", messages[-1].content):
            yield ChatGenerationChunk(message=AIMessageChunk(piece))


def _said(span: Any) -> tuple[str, ...]:
    attributes = span["attributes"]
    return tuple(attributes[f"gen_ai.{side}.messages"][0]["parts"][0]["content"] for side in ("input", "output"))


@pytest.mark.parametrize("same_object", [True, False])
@pytest.mark.parametrize("way", ["threads", "streams", "chains"])
def test_two_runs_with_one_id_stay_apart(captured: Any, way: str, same_object: bool) -> None:
    autotrace.enable()
    text = str(uuid.uuid4())
    one = uuid.UUID(text)

    def config() -> Any:
        return {"run_id": one if same_object else uuid.UUID(text)}

    model = Echo(begun=threading.Barrier(1 if way == "streams" else 2, timeout=300))
    if way == "streams":
        streams = [model.stream(name, config=config()) for name in "ab"]
        for stream in streams:
            next(stream)
        for stream in streams:
            list(stream)
    else:
        runnable: Any = RunnableLambda(lambda name: name) | model if way == "chains" else model
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda name: runnable.invoke(name, config=config()), "ab"))
    chats = [span for span in captured.spans if span["name"].startswith("chat")]
    assert sorted(map(_said, chats)) == [("a", "re a"), ("b", "re b")]
    assert {span["end_reason"] for span in captured.spans} == {"completed"}


def test_the_handler_is_one_of_langchains() -> None:
    autotrace.enable()
    assert all(isinstance(handler, BaseCallbackHandler) for handler in CallbackManager.configure().handlers)


def test_two_asynchronous_runs_with_one_id_stay_apart(captured: Any) -> None:
    class Waiting(Echo):
        async def _agenerate(self, messages: Any, stop: Any = None, run_manager: Any = None, **_: Any) -> ChatResult:
            mine, other = self.begun if messages[-1].content == "a" else self.begun[::-1]
            mine.set()
            await other.wait()
            return ChatResult(generations=[ChatGeneration(message=AIMessage("re " + messages[-1].content))])

    async def main() -> None:
        config: Any = {"run_id": uuid.uuid4()}
        model = Waiting(begun=(asyncio.Event(), asyncio.Event()))
        await asyncio.gather(*(model.ainvoke(name, config=config) for name in "ba"))

    autotrace.enable()
    asyncio.run(main())
    assert sorted(map(_said, captured.spans)) == [("a", "re a"), ("b", "re b")]
