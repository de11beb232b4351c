"""What a body is, and the binary data in it."""

from __future__ import annotations

from typing import Any, NamedTuple

from autotrace._declaration.operation import Dialect

DATA = "aGVsbG8="
PICTURE = "data:image/png;base64," + DATA


class Body(NamedTuple):
    """A request and its answer, and where in them the content of messages is."""

    name: str
    dialect: Dialect
    request: dict[str, Any]
    response: dict[str, Any]
    said: tuple[str, ...] = ("messages",)
    answered: tuple[str, ...] = ("choices",)
