"""What a target sees of a call: `Invocation`, and what a target may be: an `Operation`, a route, an `Observer`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Optional, Union

from autotrace._declaration import checking
from autotrace._declaration.operation import Operation, Seam


class Invocation:
    """One call of a target, as a route sees it.

    `options` are the plugin's own, as `Instrumentor` declares them and `enable()` was given them.

    `instance` is the object whose method is called (``None`` for a function), `args` and `kwargs` are the call's own,
    without `instance`. A route may set

    - `request`: what the operation's request getters read; the arguments by name unless set,
    - `provider`: over the Instrumentor's,
    - `server`: anything whose ``str()`` is a URL,
    - `stream`: over the operation's,
    - `attributes`: extra ones, by full name,
    - `parent`: a `Call`, a `SpanContext`, or the `key` of an open call, instead of the current span,
    - `key`: anything hashable, by which the call can be found while it is open,
    - `args`: what the library's function is called with instead,
    - `lazy`: False where a bare generator that the function returns belongs to a request that has been sent by then; else
      the call begins with the generator's first step, and one that is never read is none,
    - `wire`: a list that the route fills with the plain data as the library parses it, chunk by chunk, where the library's own
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
        """What the library's function is called with, its instance first; `args` has it as the route leaves it."""
        self._operation: Operation | None = None
        """What the route has named."""
        self._nanoseconds = 0
        """What our own code has cost the caller so far, where that is measured; negative while the clock runs."""
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
        """The value that the call gave for parameter `name`, by position or by keyword."""
        if name in self.kwargs:
            return self.kwargs[name]
        for known, value in zip(self._names, self.args, strict=False):
            if known == name:
                return value
        return default

    def replace(self, name: str, value: Any) -> None:
        """Call the library's function with `value` for the parameter `name`, which the call has given."""
        if name in self.kwargs:
            self.kwargs[name] = value
        else:
            at = self._names.index(name)
            self.args = (*self.args[:at], value, *self.args[at + 1 :])

    def arguments(self) -> dict[str, Any]:
        """All arguments that the call gave, by parameter name; those behind ``*args`` are left out."""
        named = dict(zip(self._names, self.args, strict=False))
        named.update(self.kwargs)
        return named


UNSET: Any = object()

Route = Callable[[Invocation], Optional[Operation]]
"""Looks at a call and names the operation; ``None``: this call is none of ours. It runs on the caller's thread."""

Observation = Callable[[Any, Invocation, Any], None]


class Observer:
    """A target inside of calls, at which more is to be seen of them than at their own: an attempt, a response's headers.

    After it has returned (a coroutine function: when it was awaited), `function` is called with the open `Call` inside
    which it ran, its own `Invocation`, and what it returned; never when there is no such call, or when it raised.
    """

    __slots__ = ("function",)

    def __init__(self, function: Observation) -> None:
        checking.function("Observer", function, "call", "invocation", "result")
        self.function = function


class Inside:
    """A target that carries out calls which callbacks of the library begin: while it runs, the call is the current span.

    `key` is a function of its `Invocation` that gives the key of the call, which has begun before (`start(key=…)`), or a
    list of keys, where one request carries out several. Without it, the call is the first that this plugin begins in there
    with `start`. Of a generator, each step is inside, and closing it early abandons the call. A function that is called where
    there is no such call runs as it is.
    """

    __slots__ = ("key",)

    def __init__(self, key: Callable[[Invocation], Any] | None = None) -> None:
        if key is not None:
            checking.function("Inside: key", key, "invocation")
        self.key = key


Target = Union[Operation, Route, Observer, Inside]
