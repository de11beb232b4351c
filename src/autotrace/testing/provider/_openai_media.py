"""OpenAI's endpoints for images, audio, files and batches. Nothing is stored: what a client fetches is made from its id."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from autotrace.testing.provider.script import deltas, tokens
from autotrace.testing.provider.wire import CREATED, Answer, Call, Json, json_answer, sse, sse_answer

__all__ = [
    "HEARD",
    "MP3",
    "PNG",
    "batches",
    "cancel_batch",
    "create_batch",
    "files",
    "images",
    "one_batch",
    "one_file",
    "speech",
    "transcriptions",
    "upload",
]

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
MP3 = b"ID3\x04\x00\x00\x00\x00\x00\x00" + b"\xff\xfb\x90\x64" + bytes(413)
HEARD = "Hello — this is what I heard."


def images(call: Call) -> Answer:
    count, kind = int(call.json.get("n") or 1), call.json.get("output_format") or "png"
    if call.json.get("response_format") == "url":
        return json_answer({"created": CREATED, "data": [{"url": "https://images.invalid/1.png"}] * count})
    picture = {"b64_json": base64.b64encode(PNG).decode()}
    prompt = tokens(str(call.json.get("prompt") or ""))
    return json_answer(
        {
            "created": CREATED,
            "background": "opaque",
            "data": [picture] * count,
            "output_format": kind,
            "quality": "low",
            "size": call.json.get("size") or "1024x1024",
            "usage": {
                "input_tokens": prompt,
                "input_tokens_details": {"text_tokens": prompt, "image_tokens": 0},
                "output_tokens": 272 * count,
                "total_tokens": prompt + 272 * count,
            },
        }
    )


def speech(call: Call) -> Answer:
    kind = {"wav": "audio/wav", "opus": "audio/opus", "flac": "audio/flac"}.get(
        str(call.json.get("response_format")), "audio/mpeg"
    )
    return Answer(pieces=[MP3[i : i + 128] for i in range(0, len(MP3), 128)], content_type=kind)


def transcriptions(call: Call) -> Answer:
    wanted = call.json.get("response_format") or "json"
    if call.json.get("stream") == "true":
        return sse_answer(_transcription_events(call))
    if wanted in ("text", "srt", "vtt"):
        return Answer((HEARD + "\n").encode(), content_type="text/plain; charset=utf-8")
    if wanted == "verbose_json":
        segment = {"id": 0, "seek": 0, "start": 0.0, "end": 2.0, "text": HEARD, "tokens": [1, 2], "temperature": 0.0}
        segment.update(avg_logprob=-0.1, compression_ratio=1.0, no_speech_prob=0.01)
        verbose = {"task": "transcribe", "language": "english", "duration": 2.0, "text": HEARD, "segments": [segment]}
        return json_answer({**verbose, "usage": {"type": "duration", "seconds": 2}})
    return json_answer({"text": HEARD, "usage": _transcription_usage(call)})


def _transcription_usage(call: Call) -> Json:
    """The usage of a transcription: whisper counts seconds, the others tokens."""
    if call.model.startswith("whisper"):
        return {"type": "duration", "seconds": 2}
    output = tokens(HEARD)
    details = {"audio_tokens": 20, "text_tokens": 0}
    return {
        "type": "tokens",
        "input_tokens": 20,
        "input_token_details": details,
        "output_tokens": output,
        "total_tokens": 20 + output,
    }


def _transcription_events(call: Call) -> Iterator[bytes]:
    for text in deltas(HEARD):
        yield sse({"type": "transcript.text.delta", "delta": text})
    yield sse({"type": "transcript.text.done", "text": HEARD, "usage": _transcription_usage(call)})
    yield b"data: [DONE]\n\n"


def _file(file_id: str, name: str, size: int, purpose: str) -> Json:
    file = {"id": file_id, "object": "file", "bytes": size, "created_at": CREATED, "filename": name, "purpose": purpose}
    return {**file, "status": "processed", "expires_at": None, "status_details": None}


def upload(call: Call) -> Answer:
    file: Any = call.json.get("file")
    name, size = (file["filename"], file["size"]) if isinstance(file, dict) else ("file", 0)
    return json_answer(_file(call.id("file-"), name, size, str(call.json.get("purpose"))))


def one_file(call: Call) -> Answer:
    return json_answer(_file(_last(call), "batch.jsonl", 120, "batch"))


def files(_: Call) -> Answer:
    return json_answer(_page([_file("file-embedded", "batch.jsonl", 120, "batch")]))


def _batch(batch_id: str, status: str, body: Json) -> Json:
    done = status == "completed"
    times = {"in_progress_at": CREATED + 1, "expires_at": CREATED + 86_400, "completed_at": CREATED + 2 if done else None}
    return {
        "id": batch_id,
        "object": "batch",
        "endpoint": body.get("endpoint", "/v1/chat/completions"),
        "errors": None,
        "input_file_id": body.get("input_file_id", "file-embedded"),
        "completion_window": body.get("completion_window", "24h"),
        "status": status,
        "output_file_id": "file-output" if done else None,
        "error_file_id": None,
        "created_at": CREATED,
        **times,
        "request_counts": {"total": 2, "completed": 2 * done, "failed": 0},
        "metadata": body.get("metadata"),
    }


def create_batch(call: Call) -> Answer:
    return json_answer(_batch(call.id("batch_"), "validating", call.json))


def one_batch(call: Call) -> Answer:
    return json_answer(_batch(_last(call), "completed", {}))


def cancel_batch(call: Call) -> Answer:
    return json_answer(_batch(call.path.split("/")[-2], "cancelling", {}))


def batches(_: Call) -> Answer:
    return json_answer(_page([_batch("batch_embedded", "completed", {})]))


def _last(call: Call) -> str:
    return call.path.rsplit("/", 1)[1]


def _page(data: list[Json]) -> Json:
    return {"object": "list", "data": data, "first_id": data[0]["id"], "last_id": data[-1]["id"], "has_more": False}
