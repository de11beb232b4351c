"""How far a batch of lines is written."""

from __future__ import annotations


class Sent:
    """The lines of one batch, and how many of them are completely written (`whole`). A line that was begun before is empty."""

    def __init__(self, lines: list[bytes]) -> None:
        self._lines = lines
        self.whole = 0

    @property
    def left(self) -> bool:
        """Whether any line is not completely written."""
        return self.whole < len(self._lines)

    def skip(self) -> None:
        """Count the line that was begun as written, as it is complete."""
        while self.left and not self._lines[self.whole]:
            self.whole += 1

    def next(self, atomic: int, room: int) -> bytes:
        """The next bytes to write: as many whole lines as fit into `atomic` bytes; of a longer line, the first `room` bytes."""
        first = self._lines[self.whole]
        if len(first) > atomic:
            return first[:room]
        end, size = self.whole, 0
        while end < len(self._lines) and size + len(self._lines[end]) <= atomic:
            size += len(self._lines[end])
            end += 1
        return b"".join(self._lines[self.whole : end])

    def advance(self, written: int) -> tuple[bytes, bytes]:
        """Count `written` bytes. Returns the line in which they end and the rest of it; empty if they end with a line."""
        while written > 0:
            line = self._lines[self.whole]
            if written < len(line):
                self._lines[self.whole] = b""
                return line, line[written:]
            written -= len(line)
            self.whole += 1
        return b"", b""


def shorter(piece: bytes) -> bytes:
    """`piece` without its last line or byte, so that another byte fits in front of it."""
    return piece[: piece.rfind(b"\n", 0, len(piece) - 1) + 1] or piece[:-1]
