"""What every test stands on: autotrace strict, off before and after each test, and its records captured."""

from __future__ import annotations

import gc
import os

os.environ["AUTOTRACE_STRICT"] = "1"
_OURS = ("AUTOTRACE", "AUTOTRACE_CONTENT", "AUTOTRACE_SERVICE_NAME", "AUTOTRACE_STDOUT", "OTEL_SERVICE_NAME")
for _name in (*_OURS, "PYTHONUNBUFFERED"):  # without a buffer a stdout knows nothing of half lines
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

# Machines are shared and noisy: how long an example takes says nothing about it.
settings.register_profile("autotrace", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("autotrace")


def pytest_configure(config: pytest.Config) -> None:
    """An SDK reads all certificates for each client that it makes, 36 ms a time, and no test speaks TLS: one is enough.

    But where packages are installed from an index, for the guide of the session `wheels`.
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
    """Each test starts with autotrace off and ends with no failure of ours that it has not looked at."""
    # What is there by now, SDKs above all, need not be looked through by each of the collections that the test asks for.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # of a socket that an SDK has left open in another test
        gc.collect()
    gc.freeze()
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
