"""The plugin for it, as an author would write it."""

from autotrace.plugin import Instrumentor, Operation, StreamSeam


def said(role, text):
    return [{"role": role, "parts": [{"type": "text", "content": text}]}]


def whole(chunks):
    """What events add up to: the answer as it would have come in one piece."""
    answer = {"text": "".join(text for chunk in chunks if isinstance(text := chunk["data"].get("delta"), str))}
    for chunk in chunks:
        answer.update({key: chunk["data"][key] for key in ("id", "model", "stop", "usage") if key in chunk["data"]})
    return {"data": answer}


FIELDS = {
    "request": {"model": "model", "input_messages": lambda body: said("user", body["text"])},
    "response": {
        "id": "data.id",
        "model": "data.model",
        "finish_reasons": lambda answer: [answer["data"]["stop"]] if "stop" in answer["data"] else None,
        "output_messages": lambda answer: said("assistant", answer["data"].get("text", "")),
    },
    "usage": {"input_tokens": "data.usage.in", "output_tokens": "data.usage.out"},
    "reduce": whole,
}
CHAT = Operation("chat", stream=StreamSeam("_events", close=("close", "aclose")), **FIELDS)
COMPLETE = Operation("text_completion", **FIELDS)


def route(call):
    call.request = call.argument("body")
    return {"/chat": CHAT, "/complete": COMPLETE}[call.argument("path")]


instrumentor = Instrumentor(
    provider="acme",
    requires="acme>=2,<3",
    errors={"http_status": "status_code", "error_code": "code"},
    targets={f"acme:{client}.{name}": route for client in ("Client", "AsyncClient") for name in ("post", "generate")},
)
