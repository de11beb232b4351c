"""The values that a client sends: what counts of what a plugin has picked up, and in which forms it is looked for."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from autotrace._credentials import values
from autotrace._credentials.scrubbing import Scrubber

KEY = "SECRET+of/a=client"


@pytest.mark.parametrize(
    ("picked_up", "expected"),
    [
        ("SECRET-key", {"SECRET-key"}),
        ("  SECRET-key\n", {"SECRET-key"}),
        (b"SECRET-key", {"SECRET-key"}),
        ("Bearer SECRET-key\n", {"SECRET-key"}),
        (KEY, {KEY, "SECRET%2Bof%2Fa%3Dclient", "SECRET%2Bof/a%3Dclient"}),
        ({"Authorization": "Token SECRET-key", "User-Agent": "python-requests"}, {"SECRET-key"}),
        ([(b"x-api-key", b"SECRET-key"), (b"accept", b"application/json")], {"SECRET-key"}),
        ((("api-version", "2026-11-30"), ("X-Gateway-Token", "SECRET-key")), {"SECRET-key"}),
        (
            {"X-Gateway-Auth": "SECRET-key", "X-Key": "SECRET-one", "X-User": "ann-12345", "Idempotency-Key": "i-12345678"},
            {"SECRET-key", "SECRET-one"},
        ),
        ({"Cookie": "a=SECRET-one; b=SECRET-two"}, {"a=SECRET-one; b=SECRET-two", "SECRET-one", "SECRET-two"}),
        *(
            (one, set())
            for one in ("", "short", "ollama", "embedded", "lm-studio", "not-needed", "<your key>", None, 7, object())
        ),
        *((one, set()) for one in ([1, 2], {"Authorization": None}, {1: 2}, [("a",)], {"x": {"authorization": 1}})),
    ],
)
def test_what_counts_of_what_was_picked_up(picked_up: Any, expected: set[str]) -> None:
    found = set(values.of([picked_up]))
    assert {one for one in found if one in expected or not {"%", "\\"} & set(one)} == expected


def test_the_user_and_the_password_of_basic_authentication_count() -> None:
    token = base64.b64encode(b"user:SECRET-password").decode()
    assert {"SECRET-password", token} <= set(values.of([f"Basic {token}"]))


def test_what_a_url_holds_counts() -> None:
    assert set(values.of_url("https://u:SECRET%2Bpw@h/x?api_key=SECRET-key&limit=10")) == {
        "SECRET+pw",
        "SECRET-key",
        base64.b64encode(b"u:SECRET+pw").decode(),
    }
    assert set(values.of_url("https://SECRET-token@h/")) == {"SECRET-token"}
    assert list(values.of_url("https://[::1")) == list(values.of_url("http://127.0.0.1:8080/v1")) == []


WRITTEN = {
    "json": json.dumps,
    "json without escapes": lambda value: json.dumps(value, ensure_ascii=False),
    "json in json": lambda value: json.dumps(json.dumps({"key": value})),
    "json of php": lambda value: json.dumps(value).replace("/", "\\/"),
    "repr": repr,
    "repr of bytes": lambda value: repr(value.encode()),
    "url": lambda value: f"https://h/{quote(value, safe='')}",
}


@pytest.mark.parametrize("write", WRITTEN.values(), ids=WRITTEN)
@pytest.mark.parametrize(
    "key", ['SECRET/of"the\\client', "SECRET-Schlüssel-ß", "SECRET-of\nclient", "SECRET-\U0001f511-client", "it's-SECRET"]
)
def test_a_value_is_found_however_a_text_writes_it(key: str, write: Callable[[str], str]) -> None:
    text = f"rejected: {write(key)} (401)"
    assert "SECRET" not in Scrubber(values.of([key])).text(text)


def test_the_longest_value_comes_first_because_it_may_contain_another() -> None:
    assert values.of(["SECRET-key", "SECRET-key-and-more"]) == ("SECRET-key-and-more", "SECRET-key")
