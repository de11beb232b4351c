"""Limits: values that are too long are cut inside their fields, and the record says what was cut.

Pure functions on the plain data of a record. A line that is too long is cut in this order, and no further than needed:

1. The longest texts are cut to one common size (water-filling), so that short ones stay whole: roles, ids, names.
2. The longest lists and objects lose elements from their middle.
3. Whole attributes are removed, the largest first; attributes that are not content are removed last.

A mark stands in place of each cut, and the attributes ``autotrace.cut.*`` count them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Optional

import msgspec

from autotrace._declaration import conventions
from autotrace._declaration.conventions import ALWAYS
from autotrace._record.encoding import encode

WHOLE = 256
"""A text of at most this many bytes of JSON stays whole as long as anything else can be cut."""

_FEW = 16
"""A list or object of at most this many elements keeps them all."""

_DEEP = 100
_NAMED = 20
"""How many attributes the notes on what was cut list by name."""

_CHARACTERS, _ELEMENTS, _ATTRIBUTES = (ALWAYS[name].attribute for name in ("cut_characters", "cut_elements", "cut_attributes"))
_NOTES = (_CHARACTERS, _ELEMENTS, _ATTRIBUTES)
_MARK = re.compile(r"…\[(\d+) characters cut\]\Z")
_MARK_SIZE = 48
STRUCTURE = frozenset(
    attribute
    for table in (conventions.REQUEST, conventions.RESPONSE, conventions.USAGE, conventions.ALWAYS)
    for field in table.values()
    if not field.content
    for attribute in (field.attribute, field.also)
)


def cut_text(text: str, kept: int) -> tuple[str, int]:
    """The first `kept` code points of `text` with a mark that says how many are missing, and how many were cut by this call."""
    marked = _MARK.search(text, max(len(text) - _MARK_SIZE, 0))
    length, before = (marked.start(), int(marked[1])) if marked else (len(text), 0)
    if length <= kept:
        return text, 0
    return f"{text[:kept]}…[{length - kept + before} characters cut]", length - kept


def cut_texts(attributes: dict[str, Any], kept: int) -> dict[str, Any]:
    """`attributes` with every text in them cut to `kept` code points; the same object if none was longer."""
    made, cut = dict(attributes), _Cut(attributes)
    for name, value in attributes.items():
        made[name] = _with_texts_cut(value, kept, name, cut, 0)
    return {**made, **cut.notes()} if cut.changed else attributes


def _with_texts_cut(value: Any, kept: int, name: str, cut: _Cut, depth: int) -> Any:
    if isinstance(value, str):
        if len(value) <= kept:
            return value
        text, characters = cut_text(value, kept)
        cut.count(cut.characters, name, characters)
        return text
    if depth < _DEEP and isinstance(value, dict):
        return {key: _with_texts_cut(element, kept, name, cut, depth + 1) for key, element in value.items()}
    if depth < _DEEP and isinstance(value, list):
        return [_with_texts_cut(element, kept, name, cut, depth + 1) for element in value]
    return value


def threshold(sizes: Iterable[int], budget: int) -> int:
    """The highest cap under which all `sizes` add up to at most `budget`; the largest of them if they do anyway.

    Negative for a negative budget.
    """
    ordered = sorted(sizes)
    for position, size in enumerate(ordered):
        share = budget // (len(ordered) - position)
        if size > share:
            return share
        budget -= size
    return ordered[-1] if ordered else 0


def fit(record: Mapping[str, Any], size: int, limit: int) -> bytes:
    """The JSON of `record`, cut from `size` bytes to at most `limit` bytes. `limit` is at least 2,000.

    `record` is not changed. It has ``attributes``, and holds only what msgspec can encode as JSON.
    """
    cut = _Cut(record["attributes"])
    return (
        _with_texts_that_fit(record, size, limit, cut)
        or _thinned_to_fit(record, limit, cut)
        or _with_less(_cut_copy(record, WHOLE, _FEW, cut), limit, cut)
    )


class _Cut:
    """Counts what was cut, by attribute or other field of the record."""

    def __init__(self, attributes: dict[str, Any]) -> None:
        self.before: dict[str, int] = attributes.get(_CHARACTERS) or {}
        self.characters = dict(self.before)
        self.elements: dict[str, int] = {}
        self.attributes: list[str] = []
        self.changed = False
        self.named = _NAMED

    def count(self, counts: dict[str, int], name: str, number: int) -> None:
        if number:
            counts[name] = counts.get(name, 0) + number
            self.changed = True

    def notes(self) -> dict[str, Any]:
        """The ``autotrace.cut.*`` attributes. Those of which most was cut are listed by name, all others as ``…``."""
        removed = [_key(name) for name in self.attributes[: self.named]] + ["…"] * (len(self.attributes) > self.named)
        notes = zip(_NOTES, (_most(self.characters, self.named), _most(self.elements, self.named), removed), strict=True)
        return {attribute: value for attribute, value in notes if value}

    def line(self, record: dict[str, Any]) -> bytes:
        """The JSON of `record` with the notes."""
        return encode({**record, "attributes": {**record["attributes"], **self.notes()}})


def _most(counts: dict[str, int], named: int) -> dict[str, int]:
    """The `named` highest of `counts`, and the sum of all others as ``…``."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    highest = {_key(name): number for name, number in ordered[:named]}
    rest = sum(number for _, number in ordered[named:])
    return {**highest, "…": rest} if rest else highest


def _key(key: Any) -> str:
    """A key or an attribute's name, cut to the length that it may have in a line that is too long."""
    text = key if isinstance(key, str) else encode(key).decode()
    return text if len(text) <= WHOLE // 12 or _size(text) <= WHOLE // 2 else _cut_to_size(text, WHOLE // 2)[0]


def _cut_to_size(text: str, size: int) -> tuple[str, int]:
    """Like `cut_text`, but to at most `size` bytes of JSON, including quotes and mark."""
    room = max(size - _MARK_SIZE, 0)
    kept = min(room, len(text))
    if _size(text[:kept]) > room:
        kept = bisect_right(range(kept + 1), room, key=lambda length: _size(text[:length])) - 1
    return cut_text(text, kept)


def _size(text: str) -> int:
    """Bytes of JSON, without the quotes."""
    return len(encode(text)) - 2


def _long_texts(record: Mapping[str, Any], limit: int) -> Optional[list[tuple[str, int]]]:
    """The field and the size of each text over `WHOLE` bytes; ``None`` if everything else takes more than `limit`."""
    texts: list[tuple[str, int]] = []
    shortest = WHOLE // 6  # no character takes more than six bytes: "\u0000"
    for name, value in (*record["attributes"].items(), *record.items()):
        if name in _NOTES or value is record["attributes"]:
            continue
        todo: list[Iterator[Any]] = [iter((value,))]
        while todo and limit > 0:
            element = next(todo[-1], todo)
            if element is todo:  # the iterator is exhausted
                todo.pop()
            elif isinstance(element, str):
                if len(element) > shortest and (size := _size(element) + 2) > WHOLE:
                    texts.append((name, size))
                limit -= 2 + min(len(element), WHOLE)
            elif isinstance(element, dict):
                todo.append(iter(element.values()))
                limit -= 2 + sum(len(key) + 3 for key in element if isinstance(key, str))
            else:
                todo += [iter(element)] if isinstance(element, list) else ()
                limit -= 2
    return texts if limit > 0 else None


def _with_texts_that_fit(record: Mapping[str, Any], size: int, limit: int, cut: _Cut) -> Optional[bytes]:
    """The line with its longest texts cut; ``None`` if short texts would have to be cut as well."""
    texts = _long_texts(record, limit)
    if texts is None:
        return None
    names = {name for name, _ in texts} | cut.before.keys()
    notes = 100 + sum(sorted((_size(_key(name)) + 20 for name in names), reverse=True)[: _NAMED + 1])
    rest = size - sum(size for _, size in texts)
    cap = threshold((size for _, size in texts), limit - notes - rest)
    line = cut.line(_cut_copy(record, cap, None, cut)) if cap >= WHOLE else None
    return line if line is not None and len(line) <= limit else None


def _thinned_to_fit(record: Mapping[str, Any], limit: int, cut: _Cut) -> Optional[bytes]:
    """The line with as many elements in each list and object as fit, the same maximum for all; ``None`` if even a few do not
    fit."""
    best: Optional[bytes] = None
    most, enough, too_many = _FEW, 0, 0
    while not too_many or too_many - enough > enough // 8:  # double while it fits, then bisect
        line = cut.line(_cut_copy(record, WHOLE, most, cut))
        if len(line) > limit:
            if best is None:
                return None
            too_many = most
        else:
            best, enough = line, most
            if not cut.elements:
                break
        most = (enough + too_many) // 2 if too_many else most * 2
    return best


def _cut_copy(record: Mapping[str, Any], longest: int, most: Optional[int], cut: _Cut) -> dict[str, Any]:
    """A copy of `record` with texts of at most `longest` bytes, and lists and objects of at most `most` elements.

    It has all attributes. What was cut is counted in `cut`.
    """
    cut.elements, cut.characters = {}, dict(cut.before)
    copy = _Copy(longest, most, cut)
    made = {name: copy.of(value, name, 0) for name, value in record.items() if name != "attributes"}
    attributes = record["attributes"]
    made["attributes"] = {name: copy.of(value, name, 0) for name, value in attributes.items() if name not in _NOTES}
    return made


class _Copy:
    """See `_cut_copy`."""

    def __init__(self, longest: int, most: Optional[int], cut: _Cut) -> None:
        self._longest = longest
        self._sure = longest // 6
        self._most = most
        self._cut = cut

    def of(self, value: Any, name: str, depth: int) -> Any:
        """A copy of `value`, which is in the attribute or field `name`."""
        if isinstance(value, str):
            if len(value) <= self._sure or _size(value) + 2 <= self._longest:
                return value
            text, characters = _cut_to_size(value, self._longest)
            self._cut.count(self._cut.characters, name, characters)
            return text
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if not isinstance(value, (dict, list)):
            return self.of(msgspec.to_builtins(value, str_keys=True), name, depth)
        missing = max(len(value) - (len(value) if self._most is None else self._most), 0)
        if depth > _DEEP:
            self._cut.count(self._cut.elements, name, len(value))
            return "…"
        self._cut.count(self._cut.elements, name, missing)
        elements: Iterable[Any] = value.items() if isinstance(value, dict) else value
        return self._container(_ends(elements, len(value) - missing) if missing else elements, value, missing, name, depth + 1)

    def _key(self, key: Any, name: str) -> str:
        short = _key(key)
        if isinstance(key, str) and short is not key:
            self._cut.count(self._cut.characters, name, _cut_to_size(key, WHOLE // 2)[1])
        return short

    def _container(self, elements: Iterable[Any], value: Any, missing: int, name: str, depth: int) -> Any:
        if isinstance(value, dict):
            made = {self._key(key, name): self.of(element, name, depth) for key, element in elements}
            return {**made, "…": f"[{missing} elements cut]"} if missing else made
        kept = [self.of(element, name, depth) for element in elements]
        if missing:
            kept.insert((len(kept) + 1) // 2, _gap(kept[0], missing))
        return kept


def _ends(elements: Iterable[Any], most: int) -> list[Any]:
    """The first and the last of `elements`, `most` in total."""
    everything = list(elements)
    return everything[: (most + 1) // 2] + everything[len(everything) - most // 2 :]


def _gap(neighbour: Any, missing: int) -> Any:
    """The mark for `missing` elements of a list: of the same kind as its neighbour if that is a message or a part."""
    text = f"…[{missing} elements cut]"
    part = {"type": "text", "content": text}
    if isinstance(neighbour, dict) and "parts" in neighbour:
        return {"role": "autotrace", "parts": [part]}
    return part if isinstance(neighbour, dict) and "type" in neighbour else text


def _with_less(record: dict[str, Any], limit: int, cut: _Cut) -> bytes:
    """The line without its largest attributes and, if that is not enough, without fields that the record does not define."""
    attributes: dict[str, Any] = record["attributes"]
    sizes = {name: len(encode(name)) + len(encode(value)) + 2 for name, value in attributes.items()}
    order = sorted(sizes, key=lambda name: (name in STRUCTURE, -sizes[name]))
    size = len(cut.line(record))
    for name in order:
        if size <= limit and len(cut.line(record)) <= limit:
            break
        del attributes[name]
        cut.attributes.append(name)
        cut.characters.pop(name, None)
        cut.elements.pop(name, None)
        size -= sizes[name]
    for name in sorted(record.keys() - _FIELDS, key=lambda name: -len(encode(record[name]))):
        if len(cut.line(record)) <= limit:
            break
        del record[name]
        cut.attributes.append(name)
    while cut.named and len(cut.line(record)) > limit:
        cut.named //= 2
    emptied: tuple[dict[str, Any], ...] = ({}, {"resource": {}})
    for smaller in emptied:
        if len(cut.line(record)) > limit:
            record = _cut_copy({**record, **smaller}, WHOLE // 4, _FEW, cut)
    return cut.line(record)


_FIELDS = frozenset(
    "timestamp level event schema name kind trace_id span_id parent_id start_ns end_ns duration_ns status end_reason "
    "attributes events links scope resource".split()
)
