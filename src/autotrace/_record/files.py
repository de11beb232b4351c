"""Files that the program hands over: what is in them, without reading them as the program would.

The position of a file never changes. Only files in memory and regular files of the file system are looked into, by the methods
of C and by the operating system; a pipe, a socket, or a file whose class is written in Python is not.
"""

from __future__ import annotations

import hashlib
import stat
from typing import Any

from autotrace._system import io, os

LARGEST = 16 * 2**20
"""The most bytes of a file that are read, for its content or its hash."""

_OPEN = (io.BufferedReader, io.BufferedWriter, io.BufferedRandom, io.FileIO, io.TextIOWrapper)
_TEMPORARY = frozenset({"SpooledTemporaryFile", "_TemporaryFileWrapper"})
_HELD = ("_file", "file")
_MODULE_OF_TYPE: Any = type.__dict__["__module__"]
_NAME_OF_TYPE: Any = type.__dict__["__qualname__"]


def is_file(kind: Any) -> bool:
    """Whether objects of type `kind` are files that these functions know."""
    return issubclass(kind, (io.BytesIO, io.StringIO, *_OPEN)) or _is_temporary(kind)


def _is_temporary(kind: Any) -> bool:
    names = [(_MODULE_OF_TYPE.__get__(base), _NAME_OF_TYPE.__get__(base)) for base in type.mro(kind)]
    return any(module == "tempfile" and name in _TEMPORARY for module, name in names)


def content(value: Any) -> bytes | str | None:
    """What a reader of the file `value` gets from its position on; ``None`` if only reading it would tell. Never raises."""
    try:
        return _content(_inner(value))
    except Exception:  # a closed file, or one that is not readable
        return None


def described(value: Any) -> Any:
    """The text in a file in memory; of any other file an object with its name, its size in bytes and its content's hash.

    The size and the hash are of what is left to read, or of everything where nothing is left.
    """
    file = _inner(value)
    try:
        if issubclass(type(file), io.StringIO):
            return _content(file) or io.StringIO.getvalue(file)
        held = _content(file)
        if held == b"" and issubclass(type(file), io.BytesIO):
            held = io.BytesIO.getvalue(file)
    except Exception:  # as in `content`
        held = None
    found: dict[str, Any] = {"type": "file"}
    label = _name(value) or _name(file)
    if label:
        found["name"] = label
    size = len(held) if held is not None else _size(file)
    if size is not None:
        found["size"] = size
    if held is not None:
        found["sha256"] = hashlib.sha256(held if isinstance(held, bytes) else held.encode("utf-8", "replace")).hexdigest()
    return found


def _inner(value: Any) -> Any:
    """The file in a temporary file of `tempfile`, whose classes are wrappers in Python; any other file itself."""
    if _is_temporary(type(value)):
        fields = object.__getattribute__(value, "__dict__")
        return next((fields[name] for name in _HELD if name in fields), value)
    return value


def _content(file: Any) -> bytes | str | None:
    kind = type(file)
    if issubclass(kind, io.BytesIO):
        whole = io.BytesIO.getvalue(file)
        position = io.BytesIO.tell(file)
        return (whole[position:] if position else whole) if len(whole) - position <= LARGEST else None
    if issubclass(kind, io.StringIO):
        text = io.StringIO.getvalue(file)
        return text[io.StringIO.tell(file) :] if len(text) <= LARGEST else None
    if kind is io.TextIOWrapper or kind not in _OPEN or not hasattr(os, "pread"):
        return None
    raw = _raw(file)
    size = _size(file)
    position = kind.tell(file) if size is not None else 0
    if raw is None or size is None or not io.FileIO.readable(raw) or size - position > LARGEST:
        return None
    return os.pread(io.FileIO.fileno(raw), max(size - position, 0), position)


def _raw(file: Any) -> Any:
    """The ``FileIO`` at the bottom of `file`; ``None`` if there is another one."""
    if type(file) is io.TextIOWrapper:
        file = file.buffer
    if type(file) in _OPEN and type(file) is not io.FileIO:
        file = file.raw
    return file if type(file) is io.FileIO else None


def _size(file: Any) -> int | None:
    try:
        if issubclass(type(file), io.BytesIO):
            return len(io.BytesIO.getvalue(file))
        status = os.fstat(io.FileIO.fileno(_raw(file)))
    except Exception:  # closed, or no file of the operating system
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _name(file: Any) -> str | None:
    raw = _raw(file)
    try:
        label = object.__getattribute__(file if raw is None else raw, "__dict__").get("name")
        if type(label) is bytes:
            label = os.fsdecode(label)
        return os.path.basename(label) or None if type(label) is str else None
    except Exception:  # an object without fields
        return None


def without_bytes(value: Any, depth: int = 0) -> Any:
    """Plain data without binary content: bytes become their size and hash."""
    if isinstance(value, bytes):
        return {"type": "bytes", "size": len(value), "sha256": hashlib.sha256(value).hexdigest()}
    if depth < _DEEPEST and isinstance(value, list):
        return [without_bytes(element, depth + 1) for element in value]
    if depth < _DEEPEST and isinstance(value, dict):
        return {key: without_bytes(element, depth + 1) for key, element in value.items()}
    return value


_DEEPEST = 100
"""How many lists and objects deep bytes are looked for."""
