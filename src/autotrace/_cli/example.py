"""A small trip planner: ordinary code that uses three SDKs. `autotrace demo` runs it.

Keys and addresses come from the SDKs' own environment variables (OPENAI_API_KEY, OPENAI_BASE_URL, …). It prints to stderr:
stdout is for the lines that autotrace writes, so that `python -m autotrace run … | jq` works.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import sys
from typing import Any

import autotrace

OPENAI_MODEL = os.environ.get("OPENAI_MODEL", "gpt-4o-mini")
EMBEDDING_MODEL = os.environ.get("OPENAI_EMBEDDING_MODEL", "text-embedding-3-small")
ANTHROPIC_MODEL = os.environ.get("ANTHROPIC_MODEL", "claude-haiku-4-5")
OLLAMA_MODEL = os.environ.get("OLLAMA_MODEL", "llama3.2")

WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "examples": ["Lisbon"]}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


def get_weather(city: str) -> str:
    return f"It is 24 degrees and sunny in {city}."


def tell(what: str, text: str | None) -> None:
    print(f"{what}: {text}", file=sys.stderr)


def plan_with_openai() -> None:
    """A question with a tool, the tool's answer, and a stream, inside a manual span."""
    from openai import OpenAI

    with OpenAI() as client, autotrace.span("plan_trip", attributes={"trip.city": "Lisbon", "trip.days": 3}):
        messages: list[Any] = [{"role": "user", "content": "Is the weather in Lisbon good enough for the beach?"}]
        asked = client.chat.completions.create(model=OPENAI_MODEL, messages=messages, tools=[WEATHER]).choices[0].message
        messages.append(asked)
        for call in asked.tool_calls or ():
            weather = get_weather(**json.loads(call.function.arguments))  # type: ignore[union-attr]
            messages.append({"role": "tool", "tool_call_id": call.id, "content": weather})
        answer = client.chat.completions.create(model=OPENAI_MODEL, messages=messages, tools=[WEATHER])
        tell("weather", answer.choices[0].message.content)

        stream = client.chat.completions.create(
            model=OPENAI_MODEL,
            messages=[{"role": "user", "content": "Three days in Lisbon, one line each."}],
            stream=True,
            stream_options={"include_usage": True},
        )
        tell("plan", "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices))


def look_up_with_openai() -> None:
    """The Responses API, and embeddings."""
    from openai import OpenAI

    with OpenAI() as client:
        response = client.responses.create(
            model=OPENAI_MODEL, instructions="Answer in one sentence.", input="What should I pack for Lisbon?"
        )
        tell("packing", response.output_text)
        vectors = client.embeddings.create(model=EMBEDDING_MODEL, input=["beach", "museum"])
        tell("embeddings", f"{len(vectors.data)} of {len(vectors.data[0].embedding)} dimensions")


async def compare_with_openai() -> None:
    """Two concurrent calls."""
    from openai import AsyncOpenAI

    async with AsyncOpenAI() as client:

        async def praise(city: str) -> str | None:
            answer = await client.chat.completions.create(
                model=OPENAI_MODEL, messages=[{"role": "user", "content": f"Praise {city} in one sentence."}]
            )
            return answer.choices[0].message.content

        for text in await asyncio.gather(praise("Lisbon"), praise("Porto")):
            tell("compared", text)


def exceed_the_limit() -> None:
    """A call that fails: only the embedded provider knows this model."""
    import openai

    with openai.OpenAI(max_retries=0) as client:
        try:
            client.chat.completions.create(model="fault-429", messages=[{"role": "user", "content": "Too much"}])
        except openai.RateLimitError as exc:
            tell("rate limit", exc.message)


async def ask_anthropic() -> None:
    """A message, and a streamed one."""
    from anthropic import Anthropic, AsyncAnthropic

    with Anthropic() as sync_client:
        message = sync_client.messages.create(
            model=ANTHROPIC_MODEL,
            max_tokens=200,
            system="Answer in one sentence.",
            messages=[{"role": "user", "content": "A restaurant in Lisbon?"}],
        )
        tell("restaurant", "".join(block.text for block in message.content if block.type == "text"))
    async with (
        AsyncAnthropic() as client,
        client.messages.stream(
            model=ANTHROPIC_MODEL, max_tokens=200, messages=[{"role": "user", "content": "A song about Lisbon?"}]
        ) as stream,
    ):
        tell("song", "".join([text async for text in stream.text_stream]))


def ask_ollama() -> None:
    """A streamed chat with a local model."""
    import ollama

    parts = ollama.chat(
        model=OLLAMA_MODEL, messages=[{"role": "user", "content": "How do I say thanks in Portuguese?"}], stream=True
    )
    tell("phrase", "".join(part.message.content or "" for part in parts))


def available(sdk: str, *variables: str) -> bool:
    """Whether an SDK is installed and configured; if not, print one line about it."""
    if importlib.util.find_spec(sdk) is None:
        tell("skipped", f"{sdk} is not installed")
    elif not any(map(os.environ.get, variables)):
        tell("skipped", f"{sdk} is not configured: set {' or '.join(variables)}")
    else:
        return True
    return False


def main() -> None:
    if available("openai", "OPENAI_API_KEY"):
        plan_with_openai()
        look_up_with_openai()
        asyncio.run(compare_with_openai())
        if os.environ.get("AUTOTRACE_DEMO") == "1":
            exceed_the_limit()
    if available("anthropic", "ANTHROPIC_API_KEY"):
        asyncio.run(ask_anthropic())
    if available("ollama", "OLLAMA_HOST"):
        ask_ollama()


if __name__ == "__main__":
    main()
