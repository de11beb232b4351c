"""Which calls that print are under way: the place in the program that made the last write of each thread, and whether that is
still on the thread's stack.

Nothing tells when `print` returns. What it wrote last does not: a newline alone may also be its separator.
"""

from __future__ import annotations

import sys

from autotrace._system import get_ident

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

AT_WRITE, INSIDE, IN_TEXT = 1, 2, 3
"""The states of a call: at a write, or just returned; in code of the program, such as an iterator of ``map(print, …)``; in an
object's ``__str__``, so that the print has not ended."""

_TEXTS = ("__str__", "__repr__")
"""The methods that `print` calls."""

_WRAPPING = ("write", "writelines", "flush")
"""Methods of an object that the program has put in the place of `sys.stdout`, and that writes to the original one."""

_MOST = 1000
"""How many places are remembered, at most. There is one for each thread."""


class Calls:
    """The calls that made the last write of each thread."""

    def __init__(self) -> None:
        self._places: dict[int, tuple[int, int]] = {}
        """For each thread, the frame's id and the instruction. No frame is kept, as that would keep the program's objects."""

    def note(self, depth: int) -> None:
        """The program's frame that makes a write is `depth` frames above the one that calls this."""
        try:
            frame = sys._getframe(depth + 1)
        except ValueError:  # the interpreter itself
            return
        while frame.f_code.co_name in _WRAPPING and frame.f_back is not None:
            frame = frame.f_back
        if len(self._places) > _MOST:
            self._places.clear()
        self._places[get_ident()] = id(frame), frame.f_lasti

    def clear(self) -> None:
        """Forget all places."""
        self._places.clear()

    def state(self) -> int:
        """The highest state of the calls that have not returned; 0 if all have."""
        state = 0
        for thread, place in list(self._places.items()):
            # With gevent the key may be a greenlet's: then its frame is on some thread's stack, if it runs.
            frame = sys._current_frames().get(thread)
            tops = tuple(sys._current_frames().values()) if frame is None else (frame,)
            found = max(_state_below(top, place) for top in tops)
            del frame, tops  # one of them may be this very frame
            if not found:
                self._places.pop(thread, None)
            state = max(state, found)
        return state


def _state_below(frame: FrameType | None, place: tuple[int, int]) -> int:
    state = AT_WRITE
    while frame is not None:
        if (id(frame), frame.f_lasti) == place:
            return state
        if str(frame.f_globals.get("__name__")).partition(".")[0] != "autotrace":
            state = IN_TEXT if frame.f_code.co_name in _TEXTS else INSIDE
        frame = frame.f_back
    return 0
