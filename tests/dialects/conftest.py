"""What the tests of the dialects share: a dialect's reading of one exchange, and all dialects there are."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any

import pytest

from autotrace import dialects
from autotrace._declaration.operation import Dialect, Operation

Read = Callable[..., dict[str, Any]]


def _read(dialect: Dialect, request: Any = None, response: Any = None) -> dict[str, Any]:
    operation = Operation("chat", dialect=dialect)
    found = {reading.field.attribute: reading.getter(request) for reading in operation.request}
    found = {name: value for name, value in found.items() if value is not None}
    if response is None:
        return found
    answered = {reading.field.attribute: reading.getter(response) for reading in operation.response}
    return found | {name: value for name, value in answered.items() if value is not None}


@pytest.fixture(scope="session")
def read() -> Read:
    """The attributes that a dialect reads from a request and a response."""
    return _read


@pytest.fixture(scope="session")
def every_dialect() -> dict[str, Dialect]:
    found: dict[str, Dialect] = {}
    for module in pkgutil.iter_modules(dialects.__path__):
        held = vars(importlib.import_module(f"{dialects.__name__}.{module.name}")).values()
        found.update((value.name, value) for value in held if isinstance(value, Dialect))
    return found
