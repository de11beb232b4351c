"""What a stream's chunks are kept in where they are not kept."""

from __future__ import annotations

from typing import Any


class OnlyFirst(list[Any]):
    """A chunk list that keeps a mark for the first chunk, and nothing of any."""

    def append(self, chunk: Any) -> None:
        if not self:
            super().append(None)


class NotKept(list[Any]):
    """A chunk list that keeps nothing: of an agent, whose steps are no pieces of an answer, of a call that has ended, or of one
    that is not recorded."""

    def __bool__(self) -> bool:
        return True

    def append(self, chunk: Any) -> None:
        return
