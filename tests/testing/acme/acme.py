"""An invented SDK, whose server is in the process: sync and async clients, stream objects, bare generators, raw answers."""

from __future__ import annotations

import asyncio
import dataclasses
import time

__version__ = "2.1"
WORDS = ["You said: ", "all ", "of ", "that ", "and ", "more"]


class AcmeError(Exception):
    def __init__(self, status, code):
        super().__init__(f"{status} {code}")
        self.status_code = status
        self.code = code


class Server:
    url = "acme:"

    def __init__(self):
        self.requests = []

    def forget(self):
        self.requests.clear()

    def answer(self, path, body):
        self.requests.append(Request(path, body))
        if body["model"] == "fault-400":
            raise AcmeError(400, "no_such_model")
        whole = {"id": "a1", "model": "acme-1b", "text": "".join(WORDS), "stop": "stop", "usage": {"in": 9, "out": 6}}
        return self.events(body["model"]) if body["stream"] else whole

    def events(self, model):
        for word in WORDS:
            yield {"id": "a1", "model": "acme-1b", "delta": word}
            if model in ("fault-cut", "fault-slow"):
                yield model
        yield {"stop": "stop", "usage": {"in": 9, "out": 6}}


class Request:
    def __init__(self, path, body):
        self.method = "POST"
        self.path = path
        self.headers = {"host": "acme"}
        self.json = dict(body)


SERVER = Server()


@dataclasses.dataclass
class Answer:
    data: dict


@dataclasses.dataclass
class Event:
    data: dict


def events(pieces):
    for piece in pieces:
        if piece == "fault-cut":
            raise AcmeError(500, "cut")
        yield Event(piece)


async def aevents(pieces):
    for piece in pieces:
        if piece == "fault-cut":
            raise AcmeError(500, "cut")
        if piece == "fault-slow":
            await asyncio.sleep(0.01)
        else:
            yield Event(piece)


class Stream:
    def __init__(self, pieces):
        self._events = events(pieces)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._events)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._events.close()


class AsyncStream:
    def __init__(self, pieces):
        self._events = aevents(pieces)

    def __aiter__(self):
        return self

    async def __anext__(self):
        return await self._events.__anext__()

    async def aclose(self):
        await self._events.aclose()


class Client:
    def __init__(self):
        self.closed = False

    def close(self):
        self.closed = True

    def chat(self, model, text, stream=False):
        return self.post("/chat", {"model": model, "text": text, "stream": stream})

    def raw_chat(self, model, text):
        return [self.post("/chat", {"model": model, "text": text, "stream": False})]

    def complete(self, model, text):
        return self.generate("/complete", {"model": model, "text": text, "stream": True})

    def post(self, path, body):
        """Everything but generators goes through here."""
        time.sleep(0.001)
        answer = SERVER.answer(path, body)
        return Stream(answer) if body["stream"] else Answer(answer)

    def generate(self, path, body):
        """Lazily: nothing is sent before the first event is asked for."""
        yield from events(SERVER.answer(path, body))


class AsyncClient(Client):
    async def close(self):
        self.closed = True

    async def raw_chat(self, model, text):
        return [await self.post("/chat", {"model": model, "text": text, "stream": False})]

    async def post(self, path, body):
        """Everything but generators goes through here."""
        await asyncio.sleep(30 if body["model"] == "fault-hang" else 0)
        answer = SERVER.answer(path, body)
        return AsyncStream(answer) if body["stream"] else Answer(answer)

    async def generate(self, path, body):
        """Lazily: nothing is sent before the first event is asked for."""
        if body["model"] == "fault-hang":
            await asyncio.sleep(30)
        async for event in aevents(SERVER.answer(path, body)):
            yield event
