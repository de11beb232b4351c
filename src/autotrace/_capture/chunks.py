"""Lists for chunks that are not kept."""

from __future__ import annotations

from typing import Any


class OnlyFirst(list[Any]):
    """A chunk list that keeps a mark for the first chunk and no chunk itself."""

    def append(self, chunk: Any) -> None:
        if not self:
            super().append(None)


class NotKept(list[Any]):
    """A chunk list that keeps nothing: for an agent, whose steps are not parts of an answer, for a call that has ended, and for
    one that is not recorded."""

    def __bool__(self) -> bool:
        return True

    def append(self, chunk: Any) -> None:
        return
