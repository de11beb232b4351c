"""Structures: fields with the name of a credential lose their value at any depth, and nothing else changes."""

from __future__ import annotations

import dataclasses
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrace._credentials import names, survey
from autotrace._credentials.forms import MARK
from autotrace._credentials.scrubbing import Scrubber

SECRET = "SECRET-of-somebody"

NAMES = """
authorization Authorization authorization_token api_key api-key apiKey x-api-key X-Api-Key apikey OPENAI_API_KEY password
passwd db_password secret client_secret clientSecret aws_secret_access_key access_token accessToken refresh_token id_token
session_token X-Amz-Security-Token GITHUB_TOKEN private_key cookie Set-Cookie proxy-authorization credentials token auth
Ocp-Apim-Subscription-Key api_key_2 password1 db_pass ssh_key x-functions-key auth_header
http.request.header.authorization http.request.header.x-api-key
""".split()
NO_NAMES = """
input_tokens output_tokens max_tokens token_count prompt_tokens_details total_tokens max_output_tokens tokens_per_second
next_page_token pageToken nextToken eos_token pad_token progressToken tokenizer author authority secretary key keys
keyword primary_key cache_key monkey bypass encompass top_token_1 input_tokens_2
signature thoughtSignature password_policy_id token_type header title content text
""".split()


def scrubbed(data: Any, **given: Any) -> tuple[Any, dict[str, list[str]]]:
    scrubber = Scrubber(**given)
    return scrubber.data(data), scrubber.found


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("held", [SECRET, [SECRET], {"kind": "x", "value": SECRET}, [{"name": "n", "value": SECRET}]])
def test_a_field_with_the_name_of_a_credential_loses_its_value(name: str, held: Any) -> None:
    if names.is_weak(name) and isinstance(held, list):
        return
    made, found = scrubbed({"a": [{"b": 1, name: held}], "c": "stays"})
    assert SECRET not in str(made)
    assert (made["a"][0]["b"], made["c"]) == (1, "stays")
    assert [rules for _, rules in found.items()] == [["name"]]
    assert next(iter(found)).startswith(f"a[0].{name}")


@pytest.mark.parametrize("name", NO_NAMES)
@pytest.mark.parametrize("held", [7, 0.5, None, True, "a word", ["the", "cat"], {"cached_tokens": 3}])
def test_a_field_with_a_similar_name_stays(name: str, held: Any) -> None:
    data = {"a": {name: held}}
    assert scrubbed(data) == (data, {})


PLACES = [
    {"headers": {"X-Anything": SECRET}},
    {"extra_headers": {"X-Anything": SECRET, "Content-Type": "application/json"}},
    {"headers": [{"name": "X-Anything", "value": SECRET}]},
    {"headers": [["X-Anything", SECRET]]},
    {"mcp_servers": [{"command": "npx", "args": ["-y", "server", "--api-key", SECRET, "--port", "80"]}]},
    {"args": ["--token", SECRET]},
    {"domain_secrets": [{"domain": "a.b", "name": "KEY", "value": SECRET}]},
    {"env": {"SERVICE_API_KEY": SECRET}},
    {"mcpServers": {"x": {"command": "npx", "env": {"FOO_KEY": SECRET, "GITHUB_AUTH": SECRET}}}},
    {"env": [{"name": "SERVICE_API_KEY", "value": SECRET}]},
    {"pairs": [["Authorization", "SECRET-of-somebody1"]]},
    {"tools": [{"type": "mcp", "server_label": "s", "server_url": f"https://h/{SECRET}1/sse?x={SECRET}"}]},
    {"mcp_servers": [{"type": "url", "name": "n", "url": f"https://h/sse?anything={SECRET}#{SECRET}"}]},
    {"tools": [{"mcpServers": [{"streamableHttpTransport": {"url": f"https://u:{SECRET}@h?k={SECRET}"}}]}]},
    {"arguments": f'{{"login": {{"password": "{SECRET}"}}}}'},
    {f"Bearer {SECRET}": 1},
    {"password": 12345678, "x": MARK},
    {"t": ("authorization", f"Bearer {SECRET}")},
]


@pytest.mark.parametrize("data", PLACES)
def test_the_places_where_apis_take_credentials(data: Any) -> None:
    made, found = scrubbed({"outer": [data]})
    assert SECRET not in str(made)
    assert "12345678" not in str(made)
    assert found


def test_what_the_address_of_a_server_holds_is_learned_because_others_may_quote_it() -> None:
    scrubber = Scrubber()
    scrubber.data({"type": "mcp", "server_url": f"https://h/{SECRET}12345/sse?x={SECRET}&page=2"})
    assert scrubber.learned == {f"{SECRET}12345", SECRET}


def test_what_is_around_a_credential_stays() -> None:
    policy = {"type": "allowlist", "domain_secrets": [{"domain": "a.b", "name": "KEY", "value": SECRET}]}
    mcp = {"type": "mcp", "server_label": "s", "server_url": "https://h/sse?api_key=x12345678", "headers": {"Accept": "json"}}
    made, _ = scrubbed([policy, mcp])
    assert made[0] == {"type": "allowlist", "domain_secrets": [{"domain": "a.b", "name": "KEY", "value": MARK}]}
    assert made[1] == {**mcp, "server_url": f"https://h/sse?api_key={MARK}"}


SCHEMAS = [
    {"properties": {"password": {"type": "string"}, "headers": {"type": "object"}, "token": {"$ref": "#/x"}}},
    {"properties": {"api_key": {"description": "the caller's key"}}, "required": ["api_key"]},
    {"parameters": {"api_key": {"type": "STRING", "description": "the caller's key"}}},
    {"env": {"KEYBOARD": "de", "PATH": "/usr/bin", "AUTHOR": "ann", "LANG": "de_DE.UTF-8"}},
    {"headers": ["Name", "Price"], "rows": [["Tea", "2"]]},
    {"logprobs": [{"token": "Hello", "logprob": -0.1}, {"token": " world", "logprob": -0.2}]},
    {"args": ["--password", "--verbose", "--api-key", "$KEY", "--token", "none", "--max-tokens", "4096-or-more"]},
    {"api_key": "", "password": "***", "token": "${TOKEN}", "secret": None, "authorization": "<your token>"},
]


@pytest.mark.parametrize("data", SCHEMAS)
def test_schemas_tables_and_placeholders_stay(data: Any) -> None:
    assert scrubbed(data) == (data, {})


def test_fields_that_users_name_lose_everything() -> None:
    data = {"app.employee_id": 7, "x": [{"Employee-Id": {"a": 1}}, {"employeeId": "E1"}], "employees": 3}
    made, found = scrubbed(data, fields=frozenset({"employeeid"}))
    assert made == {"app.employee_id": MARK, "x": [{"Employee-Id": MARK}, {"employeeId": MARK}], "employees": 3}
    assert found == {"app.employee_id": ["name"], "x[0].Employee-Id": ["name"], "x[1].employeeId": ["name"]}


def test_an_object_that_only_the_encoder_knows_is_looked_into() -> None:
    @dataclasses.dataclass
    class Login:
        user: str
        password: str

    assert scrubbed({"a": Login("u", SECRET)})[0] == {"a": {"user": "u", "password": MARK}}


def test_data_that_is_too_deep_is_removed() -> None:
    data: Any = f"sk-{SECRET}"
    for _ in range(400):
        data = [data]
    made, found = scrubbed({"a": data})
    assert SECRET not in str(made)
    assert list(found.values()) == [["depth"]]


def test_the_note_names_no_credential() -> None:
    _, found = scrubbed({f"sk-{SECRET}1": {"password": "x" + SECRET}})
    assert SECRET not in str(found)


LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(string.ascii_lowercase + " ", max_size=20)
)
PLAIN_NAMES = st.sampled_from(NO_NAMES)
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(PLAIN_NAMES, inner, max_size=4))


def planted(tree: Any, name: str, value: str, at: int) -> tuple[Any, int]:
    """`tree` with a field `name` in its mapping number `at`, and how many mappings it has."""
    count = 0

    def copy(node: Any) -> Any:
        nonlocal count
        if isinstance(node, list):
            return [copy(one) for one in node]
        if isinstance(node, dict):
            count += 1
            mine = {name: value} if count - 1 == at else {}
            return {**{key: copy(one) for key, one in node.items()}, **mine}
        return node

    return copy(tree), count


@given(TREES, st.sampled_from(NAMES), st.integers(0, 20))
def test_a_credential_is_found_at_any_depth_and_all_else_stays(tree: Any, name: str, at: int) -> None:
    data = {"a": tree}
    with_secret, mappings = planted(data, name, SECRET, at % planted(data, "", "", -1)[1])
    expected, _ = planted(data, name, MARK, at % mappings)
    made, found = scrubbed(with_secret)
    assert (made, len(found)) == (expected, 1)
    assert survey.texts_of(with_secret) is None
    assert scrubbed(data) == (data, {})


@given(TREES, st.text(string.printable, min_size=8, max_size=30).filter(lambda value: value.strip() and "redact" not in value))
def test_the_values_of_a_client_are_found_wherever_they_stand(tree: Any, value: str) -> None:
    data = {"title": tree, "content": [f"before{value}after", {"text": value}], value: 1}
    made, found = scrubbed(data, values=(value,))
    assert value not in str([made["content"], list(made)])
    assert {rule for rules in found.values() for rule in rules} >= {"value"}


@given(
    st.dictionaries(st.sampled_from(NAMES + NO_NAMES), TREES | st.sampled_from([SECRET, f"sk-{SECRET}1", "Bearer X1-2345678"]))
)
def test_the_survey_misses_nothing_that_the_walk_changes(data: dict[str, Any]) -> None:
    texts = survey.texts_of(data)
    clean = texts is not None and survey.is_clean(texts, ())
    assert not clean or scrubbed(data) == (data, {})
