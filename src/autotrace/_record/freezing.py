"""Freezing: encodes the program's objects as bytes on the caller's thread, so that no reference to them is kept.

One msgpack encode (1.7 µs at 8 KB) instead of a copy: the result is immutable, has a known size, and is safe to hand to another
thread. Types that msgspec does not know go through `_plain`. Values that make it fail (recursion, integers over 64 bit, lone
surrogates) go through one slow walk that replaces just these. Objects are handled by their type: no ``__getattr__``,
``__class__``, ``__repr__``, ``__iter__``, ``__len__``, ``__eq__`` or property of theirs runs, and no iterator is advanced.
`plain_forms` has the types whose methods are known to have no side effects.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from typing import Any

import msgspec

from autotrace._record import plain_forms

_DEPTH = 100
"""How deep the slow walk goes before it writes ``"…"``: deeper than any real request, below the recursion limit."""

_REPEATS = 10_000
"""How many elements the slow walk reads of containers that it has read before: objects that refer to each other have an
exponential number of paths."""

_PLAIN = frozenset((str, int, float, bool))
_RECURSION = "<recursion>"


def _plain(value: Any) -> Any:
    """The plain form of an object whose type msgspec does not know."""
    kind: Any = type(value)
    return _form(kind)(value)


@lru_cache(maxsize=512)
def _form(kind: Any) -> Callable[[Any], Any]:
    """The function that makes objects of type `kind` plain."""
    if plain_forms.declares(kind, "__pydantic_fields_set__"):
        return _of_guarded_model if _is_guarded(kind) else _of_model
    return plain_forms.of(kind) or plain_forms.name


def _of_model(value: Any) -> Any:
    """The fields that were set, without defaults: what was on the wire, not what the model's class adds."""
    fields, fields_set = value.__dict__, value.__pydantic_fields_set__
    if not fields.keys() <= fields_set:  # not by comparing lengths: the names of extras are in `fields_set` as well
        fields = {name: fields[name] for name in fields if name in fields_set}
    extra = value.__pydantic_extra__
    return {**fields, **extra} if extra else fields


_encoder = msgspec.msgpack.Encoder(enc_hook=_plain)
_decoder = msgspec.msgpack.Decoder()


def freeze(value: Any, roots: frozenset[str] | None = None) -> bytes:
    """`value` as msgpack bytes. Never raises, whatever `value` is.

    `roots` limits a mapping or a model to these top-level names, so that fields which no getter reads (such as the vectors
    of an embedding) are not walked. Only KeyboardInterrupt, SystemExit and the like are raised.
    """
    try:
        if roots is not None:
            value = _only(value, roots)
        return _encoder.encode(value)
    except Exception:  # recursion, an integer over 64 bit, a surrogate, a mapping that raises
        return _freeze_slowly(value)


def _freeze_slowly(value: Any) -> bytes:
    try:
        return _encoder.encode(harmless(value))
    except Exception:  # out of memory or out of stack
        return _encoder.encode(plain_forms.name(value))


def value(value: Any) -> Any:
    """The form in which an attribute is kept: the value itself if it is plain and immutable, else frozen."""
    return value if type(value) in _PLAIN else freeze(value)


def thaw(frozen: bytes) -> Any:
    """The plain data that `freeze` encoded: dicts, lists, strings, numbers, bytes, ``None``."""
    return _decoder.decode(frozen)


def plain(value: Any) -> Any:
    """The plain data of an object. For chunks, which are frozen late, on the writer's thread."""
    return thaw(freeze(value))


def _is_guarded(kind: Any) -> bool:
    """Whether reading an attribute of the objects runs code of their class."""
    return sum(plain_forms.has(base, "__getattribute__") for base in type.mro(kind)) > 1  # `object` has one


def _of_guarded_model(value: Any) -> Any:
    fields, were_set, extra = (object.__getattribute__(value, name) for name in _PARTS)
    return {**{name: fields[name] for name in fields if name in were_set}, **(extra or {})}


_PARTS = ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__")


def _only(value: Any, roots: frozenset[str]) -> Any:
    kind: Any = type(value)
    if issubclass(kind, dict):
        # A loop over the arguments, not over `roots`: an operation has about forty roots, a call five arguments.
        return {name: element for name, element in dict.items(value) if _is_one_of(name, roots)}
    form = _form(kind)
    if form is not plain_forms.name:
        value = form(value)
        if type(value) is not dict:
            return value
        if len(value) < len(roots):
            return {name: element for name, element in value.items() if type(name) is str and name in roots}
        return {name: value[name] for name in roots if name in value}
    try:
        fields = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return value
    return {name: fields[name] for name in roots if name in fields}


def _is_one_of(name: Any, roots: frozenset[str]) -> bool:
    return (name if type(name) is str else str.__str__(name) if issubclass(type(name), str) else "") in roots


def harmless(value: Any) -> Any:
    """A copy of the data without values that JSON and msgpack cannot hold: these are replaced. Keys become text."""
    return _Walk().plain(value, 0)


class _Walk:
    """One walk through data that msgspec cannot encode as it is."""

    def __init__(self) -> None:
        self._path: set[int] = set()
        self._seen: set[int] = set()
        self._repeats = _REPEATS

    def plain(self, value: Any, depth: int) -> Any:
        """`value` in plain form; values that have none become a name or a mark."""
        kind = type(value)
        if value is None or kind is bool or kind is float:
            return value
        try:
            if issubclass(kind, Enum):
                return self.plain(object.__getattribute__(value, "_value_"), depth + 1) if depth < _DEPTH else "…"
            if issubclass(kind, str):
                return str.__str__(value).encode("utf-8", "backslashreplace").decode()
            if issubclass(kind, int):
                return _integer(int.__int__(value))
            elements = _elements(value, kind)
            if elements is None:
                known, found = _native(value)
                if known:
                    return found
                found = _plain(value)
                if type(found) not in (dict, list):
                    return self.plain(found, depth + 1) if depth < _DEPTH else "…"
                elements = found
            return self._container(value, elements, depth)
        except Exception:  # a model that raises when it is read, or out of stack
            return plain_forms.name(value)

    def _container(self, value: Any, elements: dict[Any, Any] | list[Any], depth: int) -> Any:
        identity = id(value)
        if identity in self._path:
            return _RECURSION
        if identity in self._seen:
            self._repeats -= len(elements)
        if depth >= _DEPTH or self._repeats < 0:
            return "…"
        self._seen.add(identity)
        self._path.add(identity)
        try:
            if isinstance(elements, list):
                return [self.plain(element, depth + 1) for element in elements]
            made: dict[str, Any] = {}
            for key, element in elements.items():
                name = self._key(key, depth)
                made[name if name not in made else f"{name} #{len(made)}"] = self.plain(element, depth + 1)
            return made
        finally:
            self._path.discard(identity)

    def _key(self, key: Any, depth: int) -> str:
        """The text of a key: None, True and numbers as `json` writes them; for a tuple, its JSON."""
        plain = self.plain(key, depth + 1)
        return plain if isinstance(plain, str) else msgspec.json.encode(plain).decode()


def _elements(value: Any, kind: Any) -> dict[Any, Any] | list[Any] | None:
    """A copy of a container's elements, which other threads may be changing; ``None`` if `value` is not a container."""
    if issubclass(kind, dict):
        return dict(dict.items(value))
    if issubclass(kind, list):
        return list.copy(value)
    if issubclass(kind, tuple):
        return list(tuple.__iter__(value))
    if issubclass(kind, (set, frozenset)):
        base: Any = set if issubclass(kind, set) else frozenset
        return list(base.__iter__(value))
    if issubclass(kind, msgspec.Struct):
        return _fields(value, [name for name in kind.__struct_fields__ if getattr(value, name, None) is not None])
    if plain_forms.declares(kind, "__dataclass_fields__"):
        return _fields(value, type.__getattribute__(kind, "__dataclass_fields__"))
    if plain_forms.declares(kind, "__attrs_attrs__"):
        return _fields(value, [field.name for field in type.__getattribute__(kind, "__attrs_attrs__")])
    return None


def _fields(value: Any, names: Any) -> dict[Any, Any]:
    fields: dict[Any, Any] = {}
    for name in names:
        try:
            fields[name] = object.__getattribute__(value, name)
        except Exception:  # a field that was never set, or one that a property hides
            continue
    return fields


def _integer(value: int) -> int | str:
    if -(2**63) <= value < 2**64:
        return value
    # Conversion to text takes quadratic time, and Python refuses it from 4,300 digits on.
    return str(value) if value.bit_length() < 4000 else "<huge integer>"


def _native(value: Any) -> tuple[bool, Any]:
    """Whether msgspec knows the type (dates, decimals, UUIDs, …), and the form of `value` if it does."""
    try:
        return True, thaw(msgspec.msgpack.encode(value))
    except Exception:  # TypeError for an unknown type
        return False, None
