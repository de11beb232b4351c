"""References to objects in modules, as entry points and settings write them: ``module:attribute``."""

from __future__ import annotations

import sys
from operator import attrgetter
from typing import Any


def load(reference: str) -> Any:
    """The object at ``module:attribute``. The attribute may contain dots.

    Raises whatever the import of the module raises, and `AttributeError` if the attribute is missing.
    """
    module, _, attribute = reference.partition(":")
    __import__(module)
    return attrgetter(attribute)(sys.modules[module])
