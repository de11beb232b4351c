"""What a stream's chunks are kept in where they are not kept."""

from __future__ import annotations

from typing import Any


class OnlyFirst(list[Any]):
    """A chunk list that keeps a mark for the first chunk, and nothing of any."""

    def append(self, chunk: Any) -> None:
        if not self:
            super().append(None)


class Steps(list[Any]):
    """The chunk list of an agent or a workflow: what it yields are its steps, not pieces of an answer, and are not kept."""

    def __bool__(self) -> bool:
        return True

    def append(self, chunk: Any) -> None:
        return
