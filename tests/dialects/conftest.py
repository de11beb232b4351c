"""What the tests of the dialects share: all dialects there are."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import pytest

from autotrace import dialects
from autotrace._declaration.operation import Dialect

from . import samples


def _modules() -> Iterator[ModuleType]:
    """Those that dialects are in: the core's, and those of the plugins that bring samples."""
    for package in (dialects, *(importlib.import_module(name) for name in samples.PACKAGES)):
        yield package
        for module in pkgutil.iter_modules(getattr(package, "__path__", ())):
            yield importlib.import_module(f"{package.__name__}.{module.name}")


@pytest.fixture(scope="session")
def every_dialect() -> dict[str, Dialect]:
    held = [value for module in _modules() for value in vars(module).values()]
    return {value.name: value for value in held if isinstance(value, Dialect)}
