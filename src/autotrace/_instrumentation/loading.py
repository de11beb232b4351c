"""Loads a plugin: the `Instrumentor` that its entry point names."""

from __future__ import annotations

from autotrace import _diagnostics as diagnostics
from autotrace._declaration.checking import in_program
from autotrace._declaration.instrumentor import Instrumentor
from autotrace._discovery import references


def instrumentor(value: str) -> Instrumentor:
    """The `Instrumentor` at ``module:attribute``."""
    quiet = in_program.set(not diagnostics.strict)
    try:
        loaded = references.load(value)
    finally:
        in_program.reset(quiet)
    if not isinstance(loaded, Instrumentor):
        raise TypeError(f"expected an Instrumentor, got {type(loaded).__name__}")
    return loaded
