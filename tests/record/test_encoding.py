"""The line's characters: what a terminal obeys, or what ends a line for some readers, is escaped, and the value stays."""

from __future__ import annotations

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from autotrace._record import limits
from autotrace._record.encoding import encode

BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
MARKS = "\u061c\u200e\u200f"


def is_unsafe(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Zl", "Zp") or unicodedata.bidirectional(char) in BIDI or char in MARKS


UNSAFE = [char for char in map(chr, range(0x10000)) if is_unsafe(char)]
TEXTS = st.text(st.one_of(st.sampled_from(UNSAFE), st.characters(exclude_categories=["Cs"])))


def test_every_unsafe_character_is_escaped_and_no_other_one() -> None:
    others = "".join(char for char in map(chr, range(0xD800)) if not is_unsafe(char) and char not in '"\\')
    for char in UNSAFE:
        line = encode(f"a{char}b")
        assert line.isascii()
        assert json.loads(line) == f"a{char}b"
    assert encode(others).decode() == f'"{others}"'


@given(st.recursive(TEXTS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3))))
def test_the_value_stays_and_the_line_is_one_line(value: object) -> None:
    line = encode(value).decode()
    assert not any(map(is_unsafe, line))
    assert len(line.splitlines()) == 1
    assert json.loads(line) == value


@given(st.text(st.sampled_from([*UNSAFE, *"aé中"]), min_size=1, max_size=50))
def test_a_line_that_is_cut_is_within_its_limit_with_its_escapes(part: str) -> None:
    text = part * 5000
    record = {"name": "a", "attributes": {"text": text, "short": "kept"}}
    line = limits.fit(record, len(encode(record)), 4000)
    assert len(line) <= 4000
    cut = json.loads(line)["attributes"]
    assert cut["short"] == "kept"
    assert text.startswith(cut["text"].partition("…")[0])
