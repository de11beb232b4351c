"""Fixtures for every test: autotrace is strict, off before and after each test, and its records can be captured."""

from __future__ import annotations

import gc
import os

os.environ["AUTOTRACE_STRICT"] = "1"
_OURS = ("AUTOTRACE", "AUTOTRACE_CONTENT", "AUTOTRACE_SERVICE_NAME", "AUTOTRACE_STDOUT", "OTEL_SERVICE_NAME")
for _name in (*_OURS, "PYTHONUNBUFFERED"):  # an unbuffered stdout does not see incomplete lines
    os.environ.pop(_name, None)

import importlib.util
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

import autotrace
from autotrace import _diagnostics as diagnostics

# Machines are shared and noisy, so the duration of an example says nothing about it.
# With everything (`scripts/test --all`) it looks further.
_EXAMPLES = 200 if os.environ.get("EVERY_CELL") else 50
settings.register_profile("autotrace", max_examples=_EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("autotrace")


def pytest_configure(config: pytest.Config) -> None:
    """Let SDKs read one certificate instead of all: reading them takes 36 ms per client, and no test uses TLS.

    Except where packages are installed from an index, for the guide in the session `wheels`.
    """
    if os.environ.get("WHEELS") or importlib.util.find_spec("certifi") is None:
        return
    import certifi

    end = "-----END CERTIFICATE-----\n"
    folder = Path(tempfile.mkdtemp())
    config.add_cleanup(lambda: shutil.rmtree(folder))
    (folder / "one.pem").write_text(Path(certifi.where()).read_text().partition(end)[0] + end)
    os.environ["SSL_CERT_FILE"] = str(folder / "one.pem")


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    """Start each test with autotrace off, and fail it if it leaves a failure of ours that it did not check."""
    # Freeze what is loaded by now, above all SDKs, so that the test's own collections need not traverse it.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # of a socket that an SDK left open in another test
        gc.collect()
    gc.freeze()
    diagnostics.forget()
    diagnostics.without_content.clear()
    yield
    autotrace.disable()
    failures = dict(diagnostics.failures)
    diagnostics.forget()
    assert failures == {}, failures


@pytest.fixture
def captured() -> Iterator[Any]:
    """The records of this test: ``captured.spans``."""
    from autotrace.testing import capture

    with capture() as records:
        yield records


@pytest.fixture(scope="session")
def provider() -> Iterator[Any]:
    """The embedded provider, one for all tests."""
    from autotrace.testing.provider import serve

    with serve() as running:
        yield running


@pytest.fixture(scope="session")
def read() -> Any:
    """The attributes that a dialect reads from a request and a response."""
    from autotrace._declaration.operation import Operation

    def read(dialect: Any, request: Any = None, response: Any = None) -> dict[str, Any]:
        operation = Operation("chat", dialect=dialect)
        found = {reading.field.attribute: reading.getter(request) for reading in operation.request}
        if response is not None:
            answered = {reading.field.attribute: reading.getter(response) for reading in operation.response}
            found.update((name, value) for name, value in answered.items() if value is not None)
        return {name: value for name, value in found.items() if value is not None}

    return read
