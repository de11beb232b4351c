"""Transparent calls: inferences that other inferences carry out, so that one model call is one span.

What begins inside a transparent call takes the call's parent as its own and its attributes along, and notes itself in the
call's `Frame`; a call in whose frame there is an inference writes nothing. No span changes another.

A library that calls its provider on a thread of its own loses the context variables on the way. The response id tells
then (`autotrace._record.response_ids`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autotrace._capture.context import SpanContext
from autotrace._declaration import conventions
from autotrace._declaration.operation import Operation
from autotrace._record import response_ids


class Frame:
    """What a transparent call leaves for the spans inside it: attributes to inherit, and where to say that they are there.

    It holds nothing of the call, so a context that outlives the call keeps no more than this.
    """

    __slots__ = ("attributes", "inferences", "operation", "outer")

    def __init__(self, operation: Operation, attributes: Mapping[str, Any], outer: Frame | None) -> None:
        self.operation = operation
        self.attributes = attributes
        self.outer = outer
        self.inferences: set[int] = set()
        """The span ids of the inferences inside; an add and a discard are one step each, whatever threads do it."""

    def enter(self, operation: Operation, span_id: int) -> bool:
        """A span begins inside: it is noted in every frame for which it is an inner inference. True: in this one."""
        if self.outer is not None:
            self.outer.enter(operation, span_id)
        inner = self.operation.covers(operation)
        if inner:
            self.inferences.add(span_id)
        return inner

    def leave(self, span_id: int) -> None:
        """What had begun has sent nothing yet and does not count."""
        frame: Frame | None = self
        while frame is not None:
            frame.inferences.discard(span_id)
            frame = frame.outer


class _Joint(Frame):
    """The frames of several calls that one request carries out: what is inside of it is inside of each."""

    __slots__ = ("frames",)

    def __init__(self, frames: list[Frame]) -> None:
        super().__init__(frames[0].operation, frames[0].attributes, None)
        self.frames = frames

    def enter(self, operation: Operation, span_id: int) -> bool:
        inner = [frame.enter(operation, span_id) for frame in self.frames]  # in all of them, before any is asked
        return any(inner)

    def leave(self, span_id: int) -> None:
        for frame in self.frames:
            frame.leave(span_id)


class Layer(SpanContext):
    """What is current inside a transparent call, and inside the spans there that are no inferences.

    Its ids are those that spans take as their parent: of a transparent call, its own parent's. `own` is the id of the
    span that runs, `frame` the innermost transparent call's. A copy is the same layer; pickled, only the ids remain.
    """

    own: int
    frame: Frame

    def __new__(cls, trace_id: int, span_id: int, own: int, frame: Frame) -> Layer:
        self = super().__new__(cls, trace_id, span_id)
        self.own = own
        self.frame = frame
        return self

    def __copy__(self) -> Layer:
        return self

    def __deepcopy__(self, memo: object) -> Layer:
        return self

    def __reduce__(self) -> tuple[type[SpanContext], tuple[int, int]]:
        return SpanContext, (self.trace_id, self.span_id)


def together(shown: list[SpanContext]) -> SpanContext:
    """What is current while calls are carried out together, each of which shows one of `shown`: the first's place."""
    layers = [here for here in shown if type(here) is Layer]
    first = layers[0] if len(layers) > 1 else None
    return shown[0] if first is None else Layer(*first, first.own, _Joint([layer.frame for layer in layers]))


class Place:
    """Where a call stands that is transparent, or begins at `above`, inside a transparent one, or both.

    `shown` is what is current while it runs, `inherited` the attributes of the call around it.
    """

    __slots__ = ("_inside", "_operation", "_own", "_span_id", "inherited", "shown")

    def __init__(
        self,
        operation: Operation,
        trace_id: int,
        span_id: int,
        above: SpanContext | None,
        attributes: Mapping[str, Any] | None,
    ) -> None:
        self._operation = operation
        self._span_id = span_id
        self._inside = inside = above.frame if type(above) is Layer else None
        self._own: Frame | None = None
        self.inherited: Mapping[str, Any] | None = None if inside is None else inside.attributes
        inner = self.enter()
        if operation.transparent:
            self._own = Frame(operation, {**(self.inherited or {}), **(attributes or {})}, inside)
            self.shown: SpanContext = Layer(trace_id, 0 if above is None else above.span_id, span_id, self._own)
        elif inside is None or inner or operation.name in conventions.INTERNAL_OPERATIONS:
            self.shown = SpanContext(trace_id, span_id)  # what an agent or a tool asks of a model is its own affair
        else:
            self.shown = Layer(trace_id, span_id, span_id, inside)  # a step of the program's, say, between the two

    def enter(self) -> bool:
        """The call begins. True: it is an inner inference of the one around it."""
        if self._operation.transparent:
            response_ids.wait(self._span_id)
        return self._inside is not None and self._inside.enter(self._operation, self._span_id)

    def leave(self) -> None:
        """The call has sent nothing yet and does not count."""
        response_ids.forget(self._span_id)
        if self._inside is not None:
            self._inside.leave(self._span_id)

    def is_covered(self) -> bool:
        """Whether what was recorded inside the call, which ends, is the record of it."""
        if self._own is None or not self._own.inferences:
            return False
        response_ids.forget(self._span_id)
        return True
