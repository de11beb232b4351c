"""A target of a plugin, as its replaced function needs it: from the arguments of a call to the end of its span."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from autotrace import _diagnostics as diagnostics
from autotrace._capture import context, helpers, overhead, recording, streams
from autotrace._capture.call import Call
from autotrace._declaration.invocation import UNSET, Invocation, Observation, Target
from autotrace._declaration.operation import Operation, StreamSeam
from autotrace._declaration.paths import Getter
from autotrace._record.origin import Origin
from autotrace._system import perf_counter_ns
from autotrace.errors import DeclarationError

_NOTHING = Operation("nothing")


class TracedTarget:
    """A target of a plugin, as its replaced function needs it.

    `active` is read at every call, because a library that keeps a reference to the replaced function goes on calling it after
    it was removed. After `FAILURES_ALLOWED` failures of ours the target switches itself off and reports that once.
    """

    FAILURES_ALLOWED = 10

    def __init__(self, name: str, target: Target, origin: Origin, errors: Mapping[str, Getter]) -> None:
        self.name = name
        self.target = target
        self.origin = origin
        self.errors = errors
        self.credentials: Callable[[Invocation], tuple[Any, ...]] | None = None
        self.active = True
        self.names: tuple[str, ...] = ()
        self.method = False
        self.failures = diagnostics.Counter()
        self.tripped: str | None = None
        """Why the target was switched off; ``None`` while it is on."""

    def bind(self, function: Any, method: bool) -> None:
        """Read the parameter names of `function`. The first parameter of a `method` is the instance."""
        try:
            names = tuple(inspect.signature(function).parameters)
        except (TypeError, ValueError):  # a C function without a signature
            names = ()
        self.method = method
        self.names = names[1:] if method else names

    def failed(self, exc: Exception) -> None:
        """Count and report a failure of ours."""
        if self.failures.add() + 1 == self.FAILURES_ALLOWED:  # true on one thread only
            self.active = False
            self.tripped = f"failed {self.FAILURES_ALLOWED} times, most recently with {type(exc).__name__}"
            diagnostics.say(
                "circuit",
                f"{self.origin.name}: {self.name} {self.tripped}. It is switched off; call enable() to switch it on again.",
            )
        diagnostics.failed(f"{self.origin.name} {self.name}", exc)

    def restore(self) -> None:
        """Switch the target on again if its failures switched it off."""
        if self.tripped is not None:
            self.tripped = None
            self.failures.reset()
            self.active = True

    def prepare(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Invocation | None:
        """The invocation for a call with these arguments; ``None`` if the call is not to be recorded."""
        if not self.active or context.is_suppressed(self.origin.library or ""):
            return None
        since = perf_counter_ns() if overhead.is_timed() else 0
        try:
            invocation = self.invocation(args, kwargs)
            given = invocation.args
            target = self.target
            operation = target if isinstance(target, Operation) else target(invocation)  # type: ignore[operator]
            if operation is None:
                return None
            if not isinstance(operation, Operation):
                raise DeclarationError(f"the route of {self.name} returned {operation!r}; it must return an Operation or None")
            if invocation.args is not given:
                invocation._call_args = (invocation.instance, *invocation.args) if self.method else invocation.args
            invocation._operation, invocation._nanoseconds = operation, -since
            return invocation
        except Exception as exc:  # a plugin's route, given a call that it was not written for
            self.failed(exc)
            return None

    def begin(self, invocation: Invocation) -> Call:
        """Begin the span of a prepared call."""
        operation: Any = invocation._operation
        try:
            call = recording.begin(
                operation,
                self.origin,
                invocation.arguments() if invocation.request is UNSET else invocation.request,
                parent=invocation.parent,
                key=invocation.key,
                provider=invocation.provider,
                server=invocation.server,
                attributes=invocation.attributes,
                errors=self.errors,
                credentials=() if self.credentials is None else self._picked_up(invocation),
            )
            helpers.began(call)
        except Exception as exc:  # a failure of ours: the call goes on without a span
            self.failed(exc)
            invocation._operation, invocation.stream = _NOTHING, ()  # so that the same call does not fail again
            call = recording.inert(_NOTHING)
        if invocation._nanoseconds:
            invocation._nanoseconds += perf_counter_ns()
        return call

    def _picked_up(self, invocation: Invocation) -> tuple[Any, ...]:
        try:
            return self.credentials(invocation)  # type: ignore[misc]  # there is a function
        except Exception as exc:  # a plugin's function, given a client that it was not written for
            self.failed(exc)
            return ()

    def settle(self, invocation: Invocation, call: Call, result: Any) -> Any:
        """Return `result`. A value ends the call now; a generator or a stream is first arranged to end it later."""
        if not invocation._nanoseconds:
            return self._settle(invocation, call, result)
        since = perf_counter_ns()
        result = self._settle(invocation, call, result)
        overhead.timed.append(invocation._nanoseconds + perf_counter_ns() - since)
        return result

    def _settle(self, invocation: Invocation, call: Call, result: Any) -> Any:
        wire = invocation.wire
        try:
            if streams.is_generator(result):
                if wire is not None:
                    call.begin_stream(lambda _: wire)
                if invocation.lazy:
                    call._postpone()
                    return streams.replace_generator(result, call._resume)
                call.begin_stream()
                return streams.replace_generator(result, lambda: call)
            seams = call.operation.stream if invocation.stream is None else invocation.stream
            for seam in seams:
                if streams.attach(seam, result, call) if isinstance(seam, StreamSeam) else seam(result, call):
                    return result
            call.finish(wire[-1] if wire else result)
        except Exception as exc:  # a plugin's seam: the program still gets its result
            self.failed(exc)
            call.finish()
        return result

    def fail(self, invocation: Invocation, call: Call, exc: BaseException) -> None:
        """End `call` with `exc`, and with what the library had parsed of the answer before it raised.

        The client may have got its credentials only while it ran: they are picked up again.
        """
        if self.credentials is not None and isinstance(exc, Exception):
            call.redact(*self._picked_up(invocation))
        if invocation.wire:
            call.partial(invocation.wire[-1])
        call.fail(exc)

    def invocation(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Invocation:
        """The `Invocation` of a call with these arguments, for the plugin's functions."""
        return Invocation(self.names, self.method, args, kwargs, self.origin.options)

    def tell(self, observe: Observation, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        """Pass `call` to the function of an `Observer`."""
        try:
            observe(call, self.invocation(args, kwargs), result)
        except Exception as exc:  # a plugin's function, given a call that it was not written for
            self.failed(exc)
