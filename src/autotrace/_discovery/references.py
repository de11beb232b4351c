"""References to things in modules, as entry points and settings write them: ``module:attribute``."""

from __future__ import annotations

import sys
from operator import attrgetter
from typing import Any


def load(reference: str) -> Any:
    """The object at ``module:attribute``; the attribute may have dots. Raises whatever the import of the module does, and
    `AttributeError`."""
    module, _, attribute = reference.partition(":")
    __import__(module)
    return attrgetter(attribute)(sys.modules[module])
