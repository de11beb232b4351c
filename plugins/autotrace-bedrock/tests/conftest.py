"""Clients of boto3 for the tests: no network, no look for credentials anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import autotrace

Make = Callable[..., Any]


@pytest.fixture(scope="session")
def session() -> Any:
    boto3 = pytest.importorskip("boto3")
    return boto3.session.Session(aws_access_key_id="none", aws_secret_access_key="none", region_name="us-east-1")


@pytest.fixture
def make(session: Any, provider: Any) -> Iterator[Make]:
    """A client of a service at the embedded provider; what is given more are options of botocore's `Config`."""
    config = pytest.importorskip("botocore.config")
    provider.requests.clear()

    clients: list[Any] = []

    def made(service: str = "bedrock-runtime", **options: Any) -> Any:
        options = {"retries": {"total_max_attempts": 1}, "connect_timeout": 5, **options}
        clients.append(session.client(service, endpoint_url=provider.url, config=config.Config(**options)))
        return clients[-1]

    yield made
    for client in clients:
        client.close()


@pytest.fixture
def bedrock(make: Make) -> Any:
    """A client of Bedrock, traced."""
    autotrace.enable("bedrock")
    return make()
