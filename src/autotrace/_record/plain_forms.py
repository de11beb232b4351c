"""The plain forms of standard and widespread types that msgspec does not know.

A form is a function from a value to plain data: text, numbers, lists, dicts, or values that have a form themselves. The methods
that a form calls are of C, or of the library that defines the type, and have no side effects. They are taken from that type
itself, never from a subclass that may have replaced them. Types are recognised by their names, so nothing is imported for them.
"""

from __future__ import annotations

import datetime
import gc
from collections import ChainMap, UserDict, UserList, UserString, deque
from collections.abc import Callable, Mapping, Sequence, Set
from types import BuiltinFunctionType, MappingProxyType, MethodDescriptorType, SimpleNamespace, WrapperDescriptorType
from typing import Any, Optional

from autotrace._record import files

Form = Callable[[Any], Any]
Make = Callable[[Any], Optional[Form]]
"""Makes the form of a class and its subclasses; ``None`` if the class is not what its name suggests."""

ELEMENTS = 1024
"""The most elements of an array, a table or a range that are kept. A larger one becomes a description."""

MASK = "**********"
"""What stands for a secret: the text that its class shows, too."""

_DICT_OF_TYPE: Any = type.__dict__["__dict__"]
_MODULE_OF_TYPE: Any = type.__dict__["__module__"]
_NAME_OF_TYPE: Any = type.__dict__["__qualname__"]
_C_METHODS = (WrapperDescriptorType, MethodDescriptorType, BuiltinFunctionType)


def of(kind: Any) -> Form | None:
    """The form of objects of type `kind`; ``None`` if it has none."""
    bases = type.mro(kind)
    for base in bases:
        form = _by_name(base)
        if form is not None:
            return form
    for base, form in _BY_TYPE:
        if issubclass(kind, base):
            return form
    if files.is_file(kind):
        return files.described
    for base in (Mapping, Set, Sequence):
        if issubclass(kind, base):
            return _of_collection(bases, dict if base is Mapping else list)
    return None


def declares(kind: Any, name: str) -> bool:
    """Whether `kind` or one of its bases has an attribute `name` in its own namespace."""
    return any(has(base, name) for base in type.mro(kind))


def has(kind: Any, name: str) -> bool:
    """Whether `kind` itself has an attribute `name`, whatever its bases have."""
    return name in _DICT_OF_TYPE.__get__(kind)


def name(value: Any) -> str:
    """The name of an object's type, or of the class itself, without running code of a metaclass."""
    kind = value if issubclass(type(value), type) else type(value)
    return f"<{_MODULE_OF_TYPE.__get__(kind)}.{_NAME_OF_TYPE.__get__(kind)}>"


def _by_name(base: Any) -> Form | None:
    label = _NAME_OF_TYPE.__get__(base)
    if label in _OMITTED:
        return _nothing
    module = None if base is object else _MODULE_OF_TYPE.__get__(base)
    makers = _MAKERS.get(module.partition(".")[0]) if isinstance(module, str) else None
    make = None if makers is None else makers.get(label)
    return None if make is None else make(base)


def _of_c(base: Any, name: str) -> Any:
    """The method of C that the class `base` itself defines under `name`; ``None`` if there is none."""
    method = _DICT_OF_TYPE.__get__(base).get(name)
    return method if type(method) in _C_METHODS else None


def _calling(name: str) -> Make:
    """The result of the method of C called `name`."""
    return lambda base: _of_c(base, name)


def _text(base: Any) -> Form:
    """The text of objects of exactly this class: that of a subclass may be code of anybody's."""
    text = base.__str__
    return lambda value: text(value) if type(value) is base else name(value)


def _masked(_base: Any) -> Form:
    return lambda value: MASK


def _nothing(_value: Any) -> None:
    return None


def _field(name: str, form: Form | None = None) -> Make:
    """The field that each object has under `name`, or `form` of it."""

    def of_field(value: Any) -> Any:
        held = object.__getattribute__(value, name)
        return held if form is None else form(held)

    return lambda base: of_field


def _of_old_model(base: Any) -> Form | None:
    """The fields of a model of pydantic 1 that were set."""
    if not declares(base, "__fields_set__"):
        return None

    def form(value: Any) -> Any:
        fields, were_set = object.__getattribute__(value, "__dict__"), object.__getattribute__(value, "__fields_set__")
        return {key: held for key, held in fields.items() if key in were_set}

    return form


def _numpy_scalar(base: Any) -> Form | None:
    item = _of_c(base, "item")

    def form(value: Any) -> Any:
        plain = item(value)
        kind = _NAME_OF_TYPE.__get__(type(value))
        if type(plain) is int and kind in ("datetime64", "timedelta64"):
            return str(value)  # nanoseconds, months and years, which Python's types do not have
        if type(plain) is type(value):  # numpy.longdouble and its complex pair, which Python does not have either
            return complex(plain) if kind == "clongdouble" else float(plain)
        return plain

    return None if item is None else form


def _numpy_array(base: Any) -> Form | None:
    if _of_c(base, "tolist") is None:
        return None
    own = _DICT_OF_TYPE.__get__(base)

    def form(value: Any) -> Any:
        kind = own["dtype"].__get__(value)
        if own["size"].__get__(value) > ELEMENTS:
            return f"{name(value)[:-1]} {_NAME_OF_TYPE.__get__(kind.type)} {own['shape'].__get__(value)}>"
        return own["tolist"](own["astype"](value, "U") if kind.kind in "mM" else value)

    return form


def _series(base: Any) -> Form:
    def form(value: Any) -> Any:
        if type(value) is not base:
            return name(value)
        return base.tolist(value) if len(value) <= ELEMENTS else f"{name(value)[:-1]} of {len(value)}>"

    return form


def _frame(base: Any) -> Form:
    """A table by column."""

    def form(value: Any) -> Any:
        if type(value) is not base:
            return name(value)
        rows, columns = value.shape
        if rows * columns > ELEMENTS or not value.columns.is_unique:
            return f"{name(value)[:-1]} {rows}x{columns}>"
        return base.to_dict(value, "list")

    return form


def _mapping(base: Any) -> Form:
    """The items of objects of exactly this class, whose methods are known to have no side effects."""
    return lambda value: dict(base.items(value)) if type(value) is base else name(value)


def _small(base: Any) -> Form:
    """The elements of an `array.array`."""

    def form(value: Any) -> Any:
        count = base.__len__(value)
        return base.tolist(value) if count <= ELEMENTS else f"{name(value)[:-1]} of {count}>"

    return form


def _fraction(base: Any) -> Form:
    own = _DICT_OF_TYPE.__get__(base)

    def form(value: Any) -> str:
        top, bottom = own["_numerator"].__get__(value), own["_denominator"].__get__(value)
        return f"{top}/{bottom}" if bottom != 1 else str(top)

    return form


def _text_of_uuid(digits: str) -> str:
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _path(base: Any) -> Form:
    """A path's text. `pathlib` makes it with other methods, so it is not asked for where a subclass may have replaced them."""

    def form(value: Any) -> str:
        for kind in type.mro(type(value)):
            if _MODULE_OF_TYPE.__get__(kind).partition(".")[0] == "pathlib":
                break
            if any(callable(one) or issubclass(type(one), property) for one in _DICT_OF_TYPE.__get__(kind).values()):
                return name(value)
        return str(base.__str__(value))

    return form


_MAKERS: dict[str, dict[str, Make]] = {
    "array": {"array": _small},
    "bson": {"ObjectId": _text},
    "decimal": {"Decimal": _calling("__str__")},
    "fractions": {"Fraction": _fraction},
    "httpx": {"URL": _text, "Headers": _mapping, "QueryParams": _mapping},
    "ipaddress": dict.fromkeys(
        ("IPv4Address", "IPv6Address", "IPv4Network", "IPv6Network", "IPv4Interface", "IPv6Interface"), _text
    ),
    "numpy": {"generic": _numpy_scalar, "ndarray": _numpy_array},
    "os": {"_Environ": _mapping},
    "pandas": {
        **dict.fromkeys(("Series", "Index", "RangeIndex", "DatetimeIndex"), _series),
        **dict.fromkeys(("NaTType", "NAType"), lambda base: _nothing),
        **dict.fromkeys(("Timestamp", "Timedelta"), lambda base: base.isoformat),
        **dict.fromkeys(("Period", "Interval"), _text),
        "DataFrame": _frame,
    },
    "pathlib": {"PurePath": _path},
    "pydantic": {
        **dict.fromkeys(("_SecretBase", "SecretField", "SecretStr", "SecretBytes"), _masked),
        **dict.fromkeys(("_BaseUrl", "_BaseMultiHostUrl"), _field("_url", str)),
        "BaseModel": _of_old_model,
    },
    "pydantic_core": dict.fromkeys(("Url", "MultiHostUrl"), _text),
    "re": {"Pattern": lambda base: base.pattern.__get__},
    "requests": {"CaseInsensitiveDict": _mapping},
    "starlette": {"Secret": _masked, "Headers": _mapping, "QueryParams": _mapping},
    "urllib3": {"HTTPHeaderDict": _mapping},
    "uuid": {"UUID": _field("int", lambda number: _text_of_uuid(f"{number:032x}"))},
    "yarl": {"URL": _text},
    "zoneinfo": {"ZoneInfo": lambda base: base.key.__get__},
}
"""By the package and the name of a class."""

_OMITTED = frozenset({"NotGiven", "Omit", "PydanticUndefinedType", "Unset"})
"""The classes of marks for an argument that is left out. Many packages have one of their own."""


def _range(value: range) -> Any:
    count = max(0, -((value.start - value.stop) // value.step))  # `len` fails for more than 63 bits
    return list(value) if count <= ELEMENTS else repr(value)


def _bytes(value: Any) -> bytes:
    with memoryview(value) as view:
        return view.tobytes()


def _chain(value: Any) -> Any:
    whole: dict[Any, Any] = {}
    for one in reversed(object.__getattribute__(value, "maps")):
        form = of(type(one))
        part = None if form is None else form(one)
        if type(part) is dict:
            whole.update(part)
    return whole


def _timedelta(value: Any) -> Any:
    """A subclass as its base, which msgspec knows."""
    own = datetime.timedelta.__dict__
    return datetime.timedelta(*(own[part].__get__(value) for part in ("days", "seconds", "microseconds")))


def _data(value: Any) -> Any:
    return object.__getattribute__(value, "data")


_BY_TYPE: tuple[tuple[Any, Form], ...] = (
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
    (complex, complex.__repr__),
    ((bytes, bytearray, memoryview), _bytes),
    (dict, lambda value: dict(dict.items(value))),
    (deque, lambda value: list(deque.__iter__(value))),
    (range, _range),
    (datetime.datetime, datetime.datetime.isoformat),
    (datetime.date, datetime.date.isoformat),
    (datetime.time, datetime.time.isoformat),
    (datetime.timedelta, _timedelta),
    # To ask the proxy itself would run the methods of what it shows.
    (MappingProxyType, lambda value: gc.get_referents(value)[0]),
    ((UserDict, UserList, UserString), _data),
    (ChainMap, _chain),
    (SimpleNamespace, lambda value: dict(object.__getattribute__(value, "__dict__"))),
    (type({}.values()), list),
)


def _of_collection(bases: list[Any], make: Any) -> Form:
    """The form of a collection that is not of the standard library: of its methods, if they are of C."""
    for method in ("__iter__", "__getitem__", "keys") if make is dict else ("__iter__",):
        owner = next((base for base in bases if has(base, method)), None)
        if owner is None or _of_c(owner, method) is None:
            return _held
    return make  # type: ignore[no-any-return]


def _held(value: Any) -> Any:
    """The one builtin collection that an object of a collection's class in Python holds; else the name of the class."""
    held = [one for one in _fields(value) if issubclass(type(one), (dict, list, tuple, set, frozenset, deque))]
    return held[0] if len(held) == 1 else name(value)


class _Slotted:
    __slots__ = ("slot",)


def _fields(value: Any) -> list[Any]:
    """The values of an object's own fields, and of its slots."""
    kind: Any = type(value)
    fields = list(object.__getattribute__(value, "__dict__").values()) if declares(kind, "__dict__") else []
    for base in type.mro(kind):
        for slot in list(_DICT_OF_TYPE.__get__(base).values()):
            if type(slot) is type(_Slotted.__dict__["slot"]):
                try:
                    fields.append(slot.__get__(value))
                except AttributeError:  # a slot that was never set
                    continue
    return fields
