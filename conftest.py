"""What every test stands on: autotrace strict, off before and after each test, and its records captured."""

from __future__ import annotations

import os

os.environ["AUTOTRACE_STRICT"] = "1"
for _name in ("AUTOTRACE", "AUTOTRACE_CONTENT", "AUTOTRACE_SERVICE_NAME", "AUTOTRACE_STDOUT", "OTEL_SERVICE_NAME"):
    os.environ.pop(_name, None)

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

import autotrace
from autotrace import diagnostics

# Machines are shared and noisy: how long an example takes says nothing about it.
settings.register_profile("autotrace", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("autotrace")


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    """Each test starts with autotrace off and ends with no failure of ours that it has not looked at."""
    diagnostics.forget()
    yield
    autotrace.disable()
    failures = dict(diagnostics.failures)
    diagnostics.forget()
    assert failures == {}, failures


@pytest.fixture
def captured() -> Iterator[Any]:
    """The records of this test: ``captured.spans``."""
    from autotrace.testing import capture

    with capture() as found:
        yield found


@pytest.fixture(scope="session")
def provider() -> Iterator[Any]:
    """The embedded provider, one for all tests."""
    from autotrace.testing.provider import serve

    with serve() as running:
        yield running
