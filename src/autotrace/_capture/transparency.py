"""Transparent calls: inferences that other inferences carry out. One model call becomes one span.

A span that begins inside a transparent call takes that call's parent as its own, inherits its attributes, and registers itself
in the call's `Frame`. A transparent call with an inference in its frame writes no record. No span changes another.

A library that calls its provider on another thread loses the context variables. Then the response id decides
(`autotrace._record.response_ids`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autotrace._capture.context import SpanContext
from autotrace._declaration import conventions
from autotrace._declaration.operation import Operation
from autotrace._record import response_ids


class Frame:
    """What spans inside a transparent call need of it: the attributes to inherit, and a place to register themselves.

    It has no reference to the call, so a context that outlives the call keeps only this alive.
    """

    __slots__ = ("attributes", "content", "inferences", "operation", "outer")

    def __init__(self, operation: Operation, attributes: Mapping[str, Any], content: bool, outer: Frame | None) -> None:
        self.operation = operation
        self.attributes = attributes
        self.content = content
        """Whether content is recorded for the calls that the attributes come from."""
        self.outer = outer
        self.inferences: set[int] = set()
        """The span ids of the inferences inside. An add and a discard are atomic, on any thread."""

    def enter(self, operation: Operation, span_id: int) -> bool:
        """Register a span that begins inside, in every frame for which it is an inner inference. True if this frame is one."""
        if self.outer is not None:
            self.outer.enter(operation, span_id)
        inner = self.operation.covers(operation)
        if inner:
            self.inferences.add(span_id)
        return inner

    def leave(self, span_id: int) -> None:
        """Unregister a span that has sent nothing yet."""
        frame: Frame | None = self
        while frame is not None:
            frame.inferences.discard(span_id)
            frame = frame.outer


class _Joint(Frame):
    """The frames of several calls that one request carries out: a span inside the request is inside each of them."""

    __slots__ = ("frames",)

    def __init__(self, frames: list[Frame]) -> None:
        super().__init__(frames[0].operation, frames[0].attributes, frames[0].content, None)
        self.frames = frames

    def enter(self, operation: Operation, span_id: int) -> bool:
        inner = [frame.enter(operation, span_id) for frame in self.frames]  # a list: `any` would stop at the first
        return any(inner)

    def leave(self, span_id: int) -> None:
        for frame in self.frames:
            frame.leave(span_id)


class Layer(SpanContext):
    """The current span context inside a transparent call, and inside those spans in it that are not inferences.

    Its ids are the ones that spans take as their parent; for a transparent call they are its own parent's. `own` is the id of
    the span that runs, `frame` that of the innermost transparent call. A copy is the same object; pickling keeps only the ids.
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
    """The current span context while one request carries out several calls, each with its context in `shown`: the first's."""
    layers = [context for context in shown if type(context) is Layer]
    first = layers[0] if len(layers) > 1 else None
    return shown[0] if first is None else Layer(*first, first.own, _Joint([layer.frame for layer in layers]))


class Place:
    """The position of a call that is transparent, or that begins inside a transparent one (at `above`), or both.

    `shown` is the span context that is current while it runs, `inherited` the attributes of the transparent call around it, and
    `inherited_content` whether content was recorded for that. `content` says so for the call itself.
    """

    __slots__ = ("_inside", "_operation", "_own", "_span_id", "inherited", "inherited_content", "shown")

    def __init__(
        self,
        operation: Operation,
        trace_id: int,
        span_id: int,
        above: SpanContext | None,
        attributes: Mapping[str, Any] | None,
        content: bool,
    ) -> None:
        self._operation = operation
        self._span_id = span_id
        self._inside = inside = above.frame if type(above) is Layer else None
        self._own: Frame | None = None
        self.inherited: Mapping[str, Any] | None = None if inside is None else inside.attributes
        self.inherited_content = inside is None or inside.content
        inner = self.enter()
        if operation.transparent:
            self._own = Frame(
                operation, {**(self.inherited or {}), **(attributes or {})}, content and self.inherited_content, inside
            )
            self.shown: SpanContext = Layer(trace_id, 0 if above is None else above.span_id, span_id, self._own)
        elif inside is None or inner or operation.name in conventions.INTERNAL_OPERATIONS:
            self.shown = SpanContext(trace_id, span_id)  # the model calls of an agent or a tool are not the outer call's
        else:
            self.shown = Layer(trace_id, span_id, span_id, inside)  # such as a manual span between the two

    def enter(self) -> bool:
        """Register the call as begun. True if it is an inner inference of the call around it."""
        if self._operation.transparent:
            response_ids.wait(self._span_id)
        return self._inside is not None and self._inside.enter(self._operation, self._span_id)

    def leave(self) -> None:
        """Unregister the call, as it has sent nothing yet."""
        response_ids.forget(self._span_id)
        if self._inside is not None:
            self._inside.leave(self._span_id)

    def is_covered(self) -> bool:
        """Whether a span inside the call, which is ending, is its record."""
        if self._own is None or not self._own.inferences:
            return False
        response_ids.forget(self._span_id)
        return True
