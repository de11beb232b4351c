"""What the tests of installed plugins bring to the tests of all dialects: `plugins/*/tests/dialects/samples.py`.

Each of these files may have: ``DIALECTS``, ``BODIES`` (the fields of a `Body`), ``STREAMS`` (the fields of an `Api`),
``WHOLE_STREAMS``, words of its formats (``FIELDS``, ``KINDS``), what of them is no content (``NO_CONTENT``, ``BINARY``,
``ROLES``, ``FIELDS_WITHOUT_CONTENT``, ``WITHOUT_CONTENT``), ``READS_ALL``, and which dialect reads which recorded traffic
(``RECORDED``, ``RECORDED_STREAMS``, ``EXCHANGES``).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[2]


PACKAGES: list[str] = []
"""Where the plugins that are installed have their dialects."""


def _modules() -> Iterator[ModuleType]:
    for path in sorted(ROOT.glob("plugins/autotrace-*/tests/dialects/samples.py")):
        package = path.parts[-4].replace("-", "_")
        if importlib.util.find_spec(package) is None:
            continue
        spec = importlib.util.spec_from_file_location(f"samples_of_{package}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        PACKAGES.append(f"{package}.dialects")
        yield module


MODULES = list(_modules())


def listed(name: str) -> list[Any]:
    """What the plugins have in their lists of this name, one after the other."""
    return [one for module in MODULES for one in getattr(module, name, ())]


def mapped(name: str) -> dict[Any, Any]:
    """What the plugins have in their mappings of this name."""
    return {key: value for module in MODULES for key, value in getattr(module, name, {}).items()}
