"""Which operation a call of a generated SDK is, by the path that it was given in any spelling."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrace._declaration.invocation import Invocation
from autotrace._declaration.operation import Operation
from autotrace.families import openai_api, stainless

MESSAGES = {"/messages": Operation("chat"), "/messages/batches": Operation("batches"), "/jobs/*/cancel": Operation("cancel")}


def invocation(url: str, **options: Any) -> Invocation:
    given = SimpleNamespace(url=url, method="post", json_data={}, **options)
    return Invocation(("cast_to", "options"), True, (SimpleNamespace(_base_url="https://acme.example"), None, given), {})


def chosen(url: str, operations: Any = MESSAGES, **options: Any) -> str | None:
    operation = stainless.by_path(operations, **options)(invocation(url))
    return None if operation is None else operation.name


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("/v1/messages", "chat"),
        ("v1/messages", "chat"),
        ("messages/", "chat"),
        ("/v1/messages?beta=true", "chat"),
        ("HTTPS://acme.example/proxy/v1/messages?beta=true", "chat"),
        ("v1/messages/batches", "batches"),
        ("jobs/j1/cancel", "cancel"),
        ("/v1/jobs/j1/cancel", "cancel"),
        ("/v1/jobs/j1/restart", "jobs"),
        ("/v1beta/files", "v1beta"),
        ("", "request"),
    ],
)
def test_the_end_of_the_path_decides(url: str, name: str) -> None:
    assert chosen(url) == name


def test_a_path_that_is_not_in_the_table_may_be_left_out() -> None:
    assert chosen("/v1/files", other=None) is None


@given(
    path=st.sampled_from([path for path in openai_api.OPERATIONS if "*" not in path]),
    prefix=st.sampled_from(["", "/v1", "/openai/v1", "/openai/deployments/gpt-4o", "/a/b", "https://gateway.example/x"]),
    query=st.sampled_from(["", "?a=1", "?path=/chat/completions"]),
    slash=st.booleans(),
)
def test_a_path_is_the_same_operation_below_any_base(path: str, prefix: str, query: str, slash: bool) -> None:
    url = prefix + path + query
    assert chosen(url if slash else url.removeprefix("/"), openai_api.OPERATIONS) == openai_api.OPERATIONS[path].name


def test_a_read_gets_the_query_in_both_places() -> None:
    class Omit:
        """What some SDKs have for a parameter that was not given."""

    collected = Operation("fetch_response")

    def reads(call: Invocation) -> Operation | None:
        return collected if stainless.path_of(call) == "/jobs/j1" else None

    def route(_call: Invocation) -> None:
        raise AssertionError("a read is not a POST request")

    [of_family, *_] = stainless.targets("acme", route, reads=reads).values()
    call = invocation("jobs/j1/?stream=true", params={"after": 3, "limit": Omit()})
    call.argument("options").method = "GET"
    assert callable(of_family)
    assert of_family(call) is collected
    assert call.request == {"stream": "true", "after": 3, "path": "/jobs/j1"}
    another = invocation("files")
    another.argument("options").method = "get"
    assert of_family(another) is None
    [without_reads, *_] = stainless.targets("acme", route).values()
    assert callable(without_reads)
    assert without_reads(call) is None
