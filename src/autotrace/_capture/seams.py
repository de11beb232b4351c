"""What a function for streams (``Operation(stream=…)``) does with an object of the library: watch its chunks, and its close."""

from __future__ import annotations

import inspect
from typing import Any

from autotrace._capture import closing, helpers, streams
from autotrace._capture.call import Call
from autotrace._declaration.operation import StreamSeam
from autotrace._declaration.paths import Path


def observe_stream(stream: Any, seam: StreamSeam, call: Call) -> bool:
    """Have `call` record what the iterator in `stream` yields, and end with it.

    `seam` says where `stream` keeps that iterator, and which of its methods close it. `stream` stays the same object. False
    if it has no such iterator; then nothing has been changed.
    """
    observed = streams.attach(seam, stream, call)
    if observed:
        helpers.know(stream, call)
    return observed


def observe_close(owner: Any, name: str, call: Call) -> None:
    """Have `call` end as abandoned, unless it has ended by then, when the program calls the method `name` of `owner`.

    `name` may be a dotted path to a method of an object that `owner` holds (``"response.close"``). The method may be a
    coroutine function. Nothing happens where there is no such method.
    """
    path, _, method = name.rpartition(".")
    holder = Path(path)(owner) if path else owner
    asynchronous = inspect.iscoroutinefunction(getattr(type(holder), method, None))
    closing.watch(owner, name, call, asynchronous)
