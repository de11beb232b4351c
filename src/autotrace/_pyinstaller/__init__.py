"""What PyInstaller puts into the executable of a program that imports `autotrace`.

In: the environment in which PyInstaller runs, which finds this package by the entry point ``pyinstaller40``.
Out: the modules and the metadata that only a running program would show: plugins, and the versions of their libraries.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from importlib import metadata

from autotrace import _diagnostics as diagnostics
from autotrace._declaration.instrumentor import Instrumentor
from autotrace._discovery.requirements import Requirement

_GROUPS = "autotrace."
"""The beginning of the names of our groups of entry points."""

_PRICES = ("types", "data", "data_snapshot", "_usage", "units", "data_units", "decompose", "validation")


def hook_directories() -> list[str]:
    """The directory with the hook."""
    return [os.path.dirname(__file__)]


def modules() -> list[str]:
    """The modules that are imported by the names in entry points, and those of the price data."""
    found = {entry.module for _, entry in _entry_points()}
    if importlib.util.find_spec("genai_prices") is not None:
        prices = [f"genai_prices.{name}" for name in _PRICES]
        found |= {"genai_prices", *(name for name in prices if importlib.util.find_spec(name) is not None)}
    return sorted(found)


def distributions() -> list[str]:
    """The distributions whose metadata is read: ours, those that extend autotrace, and the libraries that they trace."""
    names = {"llm-autotrace"}
    for distribution, entry in _entry_points():
        names.add(distribution)
        if entry.group == "autotrace.instrumentors":
            names |= _libraries(entry)
    if importlib.util.find_spec("genai_prices") is not None:
        names.add("genai-prices")
    return sorted(name for name in names if _is_installed(name))


def _entry_points() -> Iterator[tuple[str, metadata.EntryPoint]]:
    for distribution in metadata.distributions():
        for entry in distribution.entry_points:
            if entry.group.startswith(_GROUPS):
                yield distribution.metadata["Name"], entry


def _libraries(entry: metadata.EntryPoint) -> set[str]:
    try:
        instrumentor = entry.load()
    except Exception as exc:  # the import of foreign code may raise anything
        diagnostics.failed(f"pyinstaller: load {entry.value}", exc, aside=True)
        return set()
    requires = instrumentor.requires if isinstance(instrumentor, Instrumentor) else ()
    return {Requirement(text).distribution for text in requires}


def _is_installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True
