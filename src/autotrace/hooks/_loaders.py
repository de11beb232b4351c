"""Intercepting a loader for one execution of a module, while the loader looks as it did.

Three disguises, each because a program can see the difference without it:

- `_Attributes`, for a loader with attributes of its own: it keeps its type and identity. With a proxy ``type(spec.loader)`` is
  another class, a loader shared by several specs is another object, and ``python -m`` leaves the proxy in `__main__`.
- `_Proxy`, for a loader that is a class (built-in, frozen) or takes no attributes: it replaces the loader in its spec.
- `invisible`: without it a traceback shows our frames, and a warning of the module's body names our file.
"""

from __future__ import annotations

import _thread
import sys

from autotrace import _process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _frozen_importlib import ModuleSpec
    from collections.abc import Callable
    from typing import Any, Literal, Protocol

    class Observation(Protocol):
        def begin(self) -> None: ...
        def end(self, done: bool) -> None: ...

    Observe = Callable[[str, Any], Observation]
    """Given the name and the module, what to tell of its execution; no module for `load_module`, which makes it."""

    Method = Literal["exec_module", "load_module"]

_METHODS: tuple[Method, ...] = ("exec_module", "load_module")

_changing = _thread.RLock()
"""Held while the attributes of a loader, or the class of a spec, change. Never held while calling out."""


def changing() -> _thread.RLock:
    """The lock under which loaders and specs are changed."""
    return _changing


def invisible(function: Any) -> Any:
    """Make the frames of `function` look like the import system's own."""
    # import.c removes frames with this file name from tracebacks, and `warnings` skips them. Tested on 3.10 to 3.13.
    function.__code__ = function.__code__.replace(co_filename="<frozen importlib._bootstrap_external>")
    return function


def intercept(holder: Any, loader: Any, name: str, observe: Observe) -> None:
    """Observe the next execution of module `name` by `loader`, which is `holder.loader`.

    A loader that cannot execute anything stays as it is.
    """
    method = next((one for one in _METHODS if hasattr(loader, one)), None)
    if method is None or type(loader) is _Proxy:
        return
    if not _hide(loader, method, name, observe):
        holder.loader = _Proxy(loader, holder, method, name, observe)


def _hide(loader: Any, method: Method, name: str, observe: Observe) -> bool:
    """Put an `_Interceptor` into the loader's attributes. False if that is impossible or would be visible."""
    kind: Any = type(loader)
    if kind.__getattribute__ is not object.__getattribute__ or kind.__setattr__ is not object.__setattr__:
        return False
    with _changing:
        namespace = getattr(loader, "__dict__", None)
        interceptor = dict.get(namespace, method) if type(namespace) is _Attributes else None
        if interceptor is not None:
            interceptor.pending[name] = observe
            return True
        if type(namespace) is not dict or method in namespace:
            return False
        interceptor = _Interceptor(loader, method)
        interceptor.pending[name] = observe
        try:
            loader.__dict__ = _Attributes({**namespace, method: interceptor})
        except (AttributeError, TypeError):  # its class defines `__dict__` itself
            return False
        if getattr(loader, method) is not interceptor:  # the method is a data descriptor, which precedes attributes
            loader.__dict__ = namespace
            return False
        return True


@invisible
def call_observed(execute: Callable[[Any], Any], argument: Any, observation: Observation) -> Any:
    """Return ``execute(argument)``; `observation` is told of its begin and its end."""
    done = False
    try:
        observation.begin()
        result = execute(argument)
        done = True
        return result
    finally:
        observation.end(done)


class _Interceptor:
    """Replaces a loader's method for the next execution of each module that is pending."""

    __slots__ = ("_execute", "_loader", "_method", "pending")

    def __init__(self, loader: Any, method: Method) -> None:
        self._loader = loader
        self._method = method
        self._execute = getattr(loader, method)
        self.pending: dict[str, Observe] = {}

    @invisible
    def __call__(self, argument: Any) -> Any:
        module = argument if self._method == "exec_module" else None
        name = self._name(argument)
        observe = self._take(name)
        if observe is None:
            return self._execute(argument)
        return call_observed(self._execute, argument, observe(name, module))

    def _name(self, argument: Any) -> str:
        """The name under which `argument` is pending; its spec is asked first. It need not be a module."""
        namespace = namespace_of(argument)
        names = (argument, getattr(namespace.get("__spec__"), "name", None), namespace.get("__name__"))
        candidates = (*names, self._loader.__dict__.get("name"))
        return next((one for one in candidates if isinstance(one, str) and one in self.pending), "")

    def _take(self, name: str) -> Observe | None:
        """What observes the execution of module `name`. The loader is as it was after the last one."""
        with _changing:
            observe = self.pending.pop(name, None)
            attributes = self._loader.__dict__
            if not self.pending and type(attributes) is _Attributes:
                self._loader.__dict__ = attributes.copy()
        return observe


def namespace_of(module: Any) -> dict[str, Any]:
    """The `__dict__` of `module`, which may be lazy or any other object; empty if it has none."""
    try:
        namespace: dict[str, Any] = object.__getattribute__(module, "__dict__")
    except AttributeError:
        return {}
    return namespace


class _Attributes(dict):  # type: ignore[type-arg]
    """The `__dict__` of a loader with an `_Interceptor` in it that is visible to the look-up of attributes only.

    CPython looks attributes up in the table of the dict; everybody else uses the methods of its class.
    """

    __slots__ = ()
    __hash__ = None

    def copy(self) -> dict[str, Any]:
        return {key: value for key, value in dict.items(self) if type(value) is not _Interceptor}

    def __eq__(self, other: object) -> bool:
        return self.copy() == other

    def __ne__(self, other: object) -> bool:
        return self.copy() != other

    def __reduce_ex__(self, protocol: Any) -> Any:
        return dict, (self.copy(),)


def _without_interceptor(method: str) -> Any:
    return lambda self, *arguments: getattr(self.copy(), method)(*arguments)


for _name in "contains getitem iter len or repr reversed ror".split():
    setattr(_Attributes, f"__{_name}__", _without_interceptor(f"__{_name}__"))
for _name in "get items keys values".split():
    setattr(_Attributes, _name, _without_interceptor(_name))


class _Proxy:
    """Replaces a loader in one spec until the body runs. Its attributes and its class are those of the loader."""

    def __init__(self, loader: Any, holder: Any, method: Method, name: str, observe: Observe) -> None:
        self.__dict__["_autotrace"] = (loader, holder, name, observe)
        self.__dict__[method] = self._load if method == "load_module" else self._execute
        if hasattr(loader, "create_module"):
            self.__dict__["create_module"] = self._create

    def __getattr__(self, name: str) -> Any:
        return getattr(self._autotrace[0], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._autotrace[0], name, value)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return self._autotrace[0].__class__

    def __eq__(self, other: object) -> bool:
        return bool(self._autotrace[0] == (other._autotrace[0] if type(other) is _Proxy else other))

    def __hash__(self) -> int:
        return hash(self._autotrace[0])

    def __repr__(self) -> str:
        return repr(self._autotrace[0])

    def __reduce_ex__(self, protocol: Any) -> Any:
        # A copy or a pickle is the loader itself: `max` of one object returns it, and is importable without autotrace.
        return max, ((self._autotrace[0],),)

    @invisible
    def _create(self, spec: ModuleSpec) -> Any:
        loader, _, name, observe = self._autotrace
        found = spec.loader
        module = loader.create_module(spec)
        if spec.loader is not found:  # the loader has replaced itself
            intercept(spec, spec.loader, name, observe)
        return module

    @invisible
    def _execute(self, module: Any) -> None:
        loader, _, name, observe = self._autotrace
        self._step_aside(module)
        call_observed(loader.exec_module, module, observe(name, module))

    @invisible
    def _load(self, fullname: str) -> Any:
        loader, _, name, observe = self._autotrace
        self._step_aside(sys.modules.get(fullname))
        return call_observed(loader.load_module, fullname, observe(name, None))

    def _step_aside(self, module: Any) -> None:
        """Put the loader back where the proxy replaced it, and where the import system has copied the proxy to."""
        loader, holder = self._autotrace[:2]
        namespace = namespace_of(module)
        for place in (holder, namespace.get("__spec__")):
            if place is not None and place.loader is self:
                place.loader = loader
        if namespace.get("__loader__") is self:
            namespace["__loader__"] = loader


def _in_child() -> None:
    global _changing
    _changing = _thread.RLock()


_process.forks.add(in_child=_in_child)
