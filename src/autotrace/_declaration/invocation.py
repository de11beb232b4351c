"""`Invocation`, one call as a target sees it, and the kinds of targets: `Operation`, route, `Observer`, `RunsInside`,
`Continues`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Optional, Union

from autotrace._declaration import checking
from autotrace._declaration.operation import Operation, Seam, StreamSeam
from autotrace.errors import DeclarationError


class Invocation:
    """One call of a target, as a route sees it.

    It is apart from `Call` because it has the program's own arguments, which a `Call` must not keep, and because a route may
    decide that the call is not recorded.

    `instance` is the object whose method is called (``None`` for a function). `args` and `kwargs` are the arguments of the
    call, without `instance`. `options` are the options of the plugin: the defaults that its `Instrumentor` declares, and what
    the user set.

    A route may set

    - `request`: the object that the request getters of the operation read; by default the arguments by name.
    - `provider`: instead of the provider of the Instrumentor.
    - `server`: anything whose ``str()`` is a URL.
    - `stream`: instead of the stream seams of the operation.
    - `attributes`: additional attributes, by full name.
    - `parent`: a `Call`, a `SpanContext`, or the `key` of an open call, instead of the current span.
    - `key`: any hashable object that identifies the call while it is open.
    - `args`: the positional arguments that the library's function is called with instead.
    - `lazy`: False if the request has already been sent when the function returns a bare generator. By default the call begins
      with the first step of the generator, and a generator that is never read is not a call.
    - `wire`: a list that the route fills with the plain data that the library parses, chunk by chunk, for libraries whose own
      objects hold less.
    """

    __slots__ = (
        "_call_args",
        "_names",
        "_nanoseconds",
        "_operation",
        "args",
        "attributes",
        "instance",
        "key",
        "kwargs",
        "lazy",
        "options",
        "parent",
        "provider",
        "request",
        "server",
        "stream",
        "wire",
    )

    def __init__(
        self,
        names: tuple[str, ...],
        method: bool,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        options: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self._names = names
        self._call_args = args
        """The original arguments of the call, instance first. A route may change `args`."""
        self._operation: Operation | None = None
        """The operation that the route returned."""
        self._nanoseconds = 0
        """The time that our code has taken from the caller so far, if measured. Negative while the clock runs."""
        self.options = options
        self.instance = args[0] if method and args else None
        self.args = args[1:] if method else args
        self.kwargs = kwargs
        self.request: Any = UNSET
        self.provider: str | None = None
        self.server: Any = None
        self.wire: list[Any] | None = None
        self.lazy = True
        self.stream: tuple[Seam, ...] | None = None
        self.attributes: dict[str, Any] | None = None
        self.parent: Any = None
        self.key: Any = None

    def argument(self, name: str, default: Any = None) -> Any:
        """The value that the call gave for the parameter `name`, by position or by keyword; else `default`."""
        if name in self.kwargs:
            return self.kwargs[name]
        for known, value in zip(self._names, self.args, strict=False):
            if known == name:
                return value
        return default

    def replace(self, name: str, value: Any) -> None:
        """Call the library's function with `value` for the parameter `name`. The call must have given that parameter."""
        if name in self.kwargs:
            self.kwargs[name] = value
        else:
            at = self._names.index(name)
            self.args = (*self.args[:at], value, *self.args[at + 1 :])

    def arguments(self) -> dict[str, Any]:
        """All arguments of the call by parameter name, except those collected by ``*args``."""
        named = dict(zip(self._names, self.args, strict=False))
        named.update(self.kwargs)
        return named


UNSET: Any = object()

Route = Callable[[Invocation], Optional[Operation]]
"""Looks at a call and returns its operation, or ``None`` if the call is not recorded. Runs on the caller's thread."""

Observation = Callable[[Any, Invocation, Any], None]


class Observer:
    """A target inside calls that shows more of them than their own target does: an attempt, the headers of a response.

    When it has returned (a coroutine function: when it has been awaited), `function` is called with the open `Call` that it ran
    in, its own `Invocation`, and the result. `function` is not called if there is no open call, or if the target raised. Then
    `raised`, if given, is called in the same way, with the exception instead of a result.
    """

    __slots__ = ("function", "raised")

    def __init__(self, function: Observation | None = None, *, raised: Observation | None = None) -> None:
        if function is not None or raised is None:
            checking.function("Observer", function, "call", "invocation", "result")
        if raised is not None:
            checking.function("Observer: raised", raised, "call", "invocation", "exc")
        self.function = function
        self.raised = raised


class RunsInside:
    """A target that carries out calls that callbacks of the library begin. While it runs, the call is the current span.

    `key` takes the `Invocation` and returns the key of a call that has already begun (`start(key=…)`), or a list of keys if one
    request carries out several calls. Without `key`, the call is the first one that this plugin begins with `start` while the
    target runs. For a generator, each step runs inside the call, and closing it early abandons the call. If there is no such
    call, the function runs unchanged.
    """

    __slots__ = ("key",)

    def __init__(self, key: Callable[[Invocation], Any] | None = None) -> None:
        if key is not None:
            checking.function("RunsInside: key", key, "invocation")
        self.key = key


class Continues:
    """A target that goes on with a call after the function that sent the request has returned: a method of a helper, which
    makes events or an answer of a stream. What it raises is a failure of that call, unless the call has ended by then.

    The call is that of the stream (see `observe_stream`) or of the helper that `of` returns for the `Invocation`; without
    `of`, that of the instance. With `seam`, the target is the constructor of the helper, and `of` returns the stream. Then
    what the helper's iterator (``seam.iterator``) raises is a failure, too, and the call ends not with the stream but when one
    of the methods ``seam.close`` closes the helper, or when it is collected.

    With ``inside=True``, the target is a function around the one that sends the request. The first call of the plugin that
    begins inside ends with it, and what it raises, in a step of its generator too, is a failure. Raises `DeclarationError`.
    """

    __slots__ = ("inside", "of", "seam")

    def __init__(
        self, of: Callable[[Invocation], Any] | None = None, *, seam: StreamSeam | None = None, inside: bool = False
    ) -> None:
        if inside and (of is not None or seam is not None):
            raise DeclarationError("Continues: inside=True needs neither of= nor seam=; the call is the one that begins inside")
        if of is not None:
            checking.function("Continues: of", of, "invocation")
        if seam is not None and not isinstance(seam, StreamSeam):
            raise DeclarationError(f"Continues: seam: expected a StreamSeam, got {seam!r}")
        if seam is not None and of is None:
            raise DeclarationError("Continues: seam: also give of=, a function that returns the stream, such as call.argument")
        self.of = of
        self.seam = seam
        self.inside = inside


Target = Union[Operation, Route, Observer, RunsInside, Continues]
