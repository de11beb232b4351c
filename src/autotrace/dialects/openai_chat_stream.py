"""Reduce the chunks of a streamed chat or text completion to the completion.

Source: the OpenAI API reference (``ChatCompletionChunk``, ``Completion``). Log probabilities are dropped.
"""

from __future__ import annotations

import base64
import binascii
from itertools import groupby
from typing import Any

from autotrace.dialects import endings, parts, plain
from autotrace.dialects.plain import Pieces

__all__ = ["completion"]

_HEAD = ("id", "object", "created", "model", "system_fingerprint", "service_tier")
_BODY = frozenset({"choices", "usage", "x_groq", "error", "obfuscation", *_HEAD})
_TEXTS = ("refusal", "reasoning", "reasoning_content")
_HANDLED = frozenset({"content", "tool_calls", "function_call", "audio", *_TEXTS})
_CHOICE = frozenset(
    {"index", "finish_reason", "delta", "message", "text", "logprobs", "token_id", "token_ids", "prompt_token_ids"}
)
_ONCE = frozenset({"role", "name", "id", "type"})
"""Strings that arrive whole; some servers repeat them in every chunk. All other strings are deltas."""
_GROWING = ("text", "summary", "data")


def completion(chunks: list[Any]) -> dict[str, Any]:
    """The completion that the chunks of a stream make up, in the shape of one that was not streamed."""
    whole: dict[str, Any] = {}
    choices: dict[int, _Choice] = {}
    newest = 0
    for chunk in plain.mappings(chunks):
        head = plain.sound(chunk)
        for key in _HEAD:  # they are empty in Azure's first chunk (prompt_filter_results, no choices)
            if plain.says(head.get(key)):
                whole.setdefault(key, head[key])
        # OpenAI: in a last chunk without choices; Groq: under x_groq; others: in every chunk, of which the last counts
        for usage in (plain.mapping(chunk.get("x_groq")).get("usage"), chunk.get("usage")):
            if isinstance(usage, dict) and usage:
                whole["usage"] = plain.later({key: held for key, held in _counts(whole).items() if key in usage}, usage)
        error = _error(chunk)
        if plain.says(error):
            whole["error"] = error
        whole.update({key: value for key, value in chunk.items() if key not in _BODY and plain.says(value)})
        sent = plain.mappings(chunk.get("choices"))
        for position, choice in enumerate(sent):
            # alone and without an index, as the closing chunk of some servers, it continues the choice before
            newest = plain.number(choice.get("index"), newest if len(sent) == 1 else position)
            choices.setdefault(newest, _Choice()).add(choice)
    whole["choices"] = [{"index": index, **choices[index].whole()} for index in sorted(choices)]
    return whole


def _counts(whole: dict[str, Any]) -> dict[str, Any]:
    """The usage that came before. Of it, a count stays where the last usage has no number."""
    return {key: value for key, value in plain.mapping(whole.get("usage")).items() if plain.count(value) is not None}


def _error(chunk: dict[str, Any]) -> object:
    """The error in a chunk: beside its choices, Groq's under ``x_groq``, or the chunk itself."""
    error = chunk.get("error")
    if error is None and "x_groq" in chunk:
        error = plain.mapping(chunk["x_groq"]).get("error")
    if error is None and not chunk.get("choices"):
        error = endings.bare_error(chunk, ("usage", "x_groq", "base_resp"))
    return error


class _Choice:
    __slots__ = ("audio", "beside", "calls", "content", "finish_reason", "function_call", "message", "pieces", "plain_text")

    def __init__(self) -> None:
        self.message: dict[str, Any] = {"role": "assistant"}
        self.beside: dict[str, Any] = {}
        self.pieces: Pieces = {}
        self.content = _Content()
        self.audio = _Audio()
        self.calls: list[tuple[int, _Call]] = []
        self.function_call: _Call | None = None
        self.finish_reason: object = None
        self.plain_text = False

    def add(self, choice: dict[str, Any]) -> None:
        if isinstance(choice.get("finish_reason"), str):
            self.finish_reason = choice["finish_reason"]
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            delta = choice.get("message")
        if isinstance(delta, dict):
            self._add_delta(delta)
        elif isinstance(choice.get("text"), str):  # Together repeats the text of a delta here
            self.plain_text = True
            plain.grow(self.pieces, "text", choice["text"])
        others = {key: value for key, value in choice.items() if key not in _CHOICE and plain.says(value)}
        self.beside.update(others)  # content_filter_results, native_finish_reason, error

    def _add_delta(self, delta: dict[str, Any]) -> None:
        self.content.add(delta.get("content"))
        for key in _TEXTS:
            plain.grow(self.pieces, key, delta.get(key))
            if isinstance(delta.get(key), (dict, list)):
                self._add_other(key, delta[key])
        for position, call in enumerate(plain.mappings(plain.listed(delta.get("tool_calls")))):
            self._call(position, call).add(call)
        if isinstance(delta.get("function_call"), dict):
            self.function_call = self.function_call or _Call()
            self.function_call.add({"function": delta["function_call"]})
        self.audio.add(plain.mapping(delta.get("audio")))
        for key, value in plain.sound(delta).items():
            if key not in _HANDLED and plain.says(value):
                self._add_other(key, value)

    def _add_other(self, key: str, value: object) -> None:
        if isinstance(value, str) and key not in _ONCE:
            plain.grow(self.pieces, key, value)
        elif isinstance(value, list):
            held = self.message.get(key)
            self.message[key] = _grown_list(held if isinstance(held, list) else [], value)
        else:
            self.message[key] = value

    def _call(self, position: int, wire: dict[str, Any]) -> _Call:
        index = plain.number(wire.get("index"), position)
        for at, call in reversed(self.calls):
            if at == index and not call.is_other(wire):
                return call
            if at == index:
                break
        self.calls.append((index, _Call()))
        return self.calls[-1][1]

    def whole(self) -> dict[str, Any]:
        texts = plain.grown(self.pieces)
        end = {"finish_reason": self.finish_reason, **self.beside}
        if self.plain_text and "content" not in self.message and not self.content.entries:
            return {"text": texts["text"], **end}
        texts.pop("text", None)
        message = {**self.message, "content": self.content.whole(), **texts}
        if self.calls:
            message["tool_calls"] = [call.whole() for _, call in sorted(self.calls, key=lambda item: item[0])]
        if self.function_call:
            message["function_call"] = self.function_call.whole().get("function", {})
        if self.audio.fields:
            message["audio"] = self.audio.whole()
        return {"message": message, **end}


def _grown_list(held: list[Any], more: list[Any]) -> list[Any]:
    """A list that arrives in deltas: OpenRouter's ``reasoning_details`` are pieces of text in otherwise equal entries."""
    entries = list(held)
    for entry in more:
        last = entries[-1] if entries else None
        if isinstance(entry, dict) and isinstance(last, dict) and any(isinstance(entry.get(key), str) for key in _GROWING):
            same = {key: value for key, value in entry.items() if key not in _GROWING}
            if "index" in same and same == {key: value for key, value in last.items() if key not in _GROWING}:
                grown = {key: str(last.get(key) or "") + entry[key] for key in _GROWING if isinstance(entry.get(key), str)}
                entries[-1] = {**last, **grown}
                continue
        entries.append(entry)
    return entries


class _Call:
    """One tool call: its id and name arrive first, its arguments (a custom tool's input) in deltas."""

    __slots__ = ("fields", "pieces")

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self.pieces: Pieces = {}

    def is_other(self, wire: dict[str, Any]) -> bool:
        """Whether another call starts, although it has the same index.

        Gemini's compatible API sends parallel calls whole, all with index 0: another id with a name starts another call. Other
        servers send no ids, or the same for all: a name with arguments starts another call if the arguments of this one are
        complete.
        """
        id, function = plain.sound(wire).get("id"), plain.mapping(wire.get("function"))
        if not plain.string(function.get("name")):
            return False
        if id and self.fields.get("id") and id != self.fields["id"]:
            return True
        held = "".join(self.pieces.get(("function", "arguments"), ()))
        return bool(function.get("arguments")) and isinstance(parts.parsed(held), (dict, list))

    def add(self, wire: dict[str, Any]) -> None:
        for key, value in plain.sound(wire).items():
            if key == "index" or not plain.says(value):
                continue
            if key in ("id", "type"):
                self.fields.setdefault(key, value)
            elif key in ("function", "custom"):
                self._add_inner(key, plain.sound(value))
            elif isinstance(value, str):
                plain.grow(self.pieces, key, value)
            else:
                self.fields[key] = value

    def _add_inner(self, kind: str, wire: dict[str, Any]) -> None:
        for key, value in wire.items():
            if key == "name" and "".join(self.pieces.get((kind, "name"), ())) == value:
                continue  # some servers repeat the name in every chunk
            if isinstance(value, str):
                plain.grow(self.pieces, (kind, key), value)
            elif value is not None:
                self.fields.setdefault(kind, {})[key] = value

    def whole(self) -> dict[str, Any]:
        call = {key: dict(value) if isinstance(value, dict) else value for key, value in self.fields.items()}
        for key, text in plain.grown(self.pieces).items():
            if isinstance(key, str):
                call[key] = text
                continue
            kind, name = key
            held = call.setdefault(kind, {})
            held[name] = text
        return call


class _Content:
    """Content in deltas: strings, or Mistral's arrays of typed parts."""

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: list[Any] = []

    def add(self, value: object) -> None:
        if isinstance(value, list):
            self.entries.extend(value)
        elif value is not None:
            self.entries.append(value)

    def whole(self) -> Any:
        if all(isinstance(entry, str) for entry in self.entries):
            return "".join(self.entries) if self.entries else None
        whole_parts: list[Any] = []
        for kind, run in groupby(map(_kind, self.entries), key=lambda pair: pair[0]):
            entries = [entry for _, entry in run]
            whole_parts.extend([_joined(kind, entries)] if kind else entries)
        return whole_parts


def _kind(entry: Any) -> tuple[str, Any]:
    if isinstance(entry, str):
        return "text", entry
    wire = plain.mapping(entry)
    if wire.get("type") == "text" and isinstance(wire.get("text"), str):
        return "text", wire["text"]
    if wire.get("type") == "thinking" and isinstance(wire.get("thinking"), list):
        return "thinking", "".join(
            text for one in plain.mappings(wire["thinking"]) for text in plain.strings(one.get("text")) or ()
        )
    return "", entry


def _joined(kind: str, run: list[str]) -> dict[str, Any]:
    text = "".join(run)
    return {"type": "text", "text": text} if kind == "text" else {"type": kind, "thinking": [{"type": "text", "text": text}]}


class _Audio:
    """A spoken answer. The ``data`` of each delta is base64 with its own padding, so each piece is decoded separately."""

    __slots__ = ("data", "fields", "transcript")

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self.data: list[str] = []
        self.transcript: list[str] = []

    def add(self, wire: dict[str, Any]) -> None:
        for key, value in plain.known(wire).items():
            self.fields.setdefault(key, value)
            if key == "data" and isinstance(value, str):
                self.data.append(value)
            elif key == "transcript" and isinstance(value, str):
                self.transcript.append(value)

    def whole(self) -> dict[str, Any]:
        audio = {**self.fields}
        if self.data:
            audio["data"] = _together(self.data)
        if self.transcript:
            audio["transcript"] = "".join(self.transcript)
        return audio


def _together(pieces: list[str]) -> str | bytes:
    try:
        return b"".join(base64.b64decode(piece, validate=True) for piece in pieces)
    except (binascii.Error, ValueError):
        return "".join(pieces)
