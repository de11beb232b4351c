"""Whether an imported package comes from the distribution that a plugin is made for.

Package and distribution nearly always have the same name, and then the name decides. A package with another name (`agents`, of
the distribution `openai-agents`) may belong to the program itself. Then the metadata of the distribution must list its file.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from autotrace._discovery.distributions import normal
from autotrace._system import os


def is_foreign(package: str, module: Any, distributions: Sequence[str]) -> bool:
    """Whether `module`, imported as `package`, comes from none of `distributions`. Runs no code of the module."""
    if not distributions or normal(package) in map(normal, distributions):
        return False
    file = object.__getattribute__(module, "__dict__").get("__file__")
    return isinstance(file, str) and not any(_contains(distribution, file) for distribution in distributions)


def _contains(name: str, file: str) -> bool:
    from importlib import metadata  # not the backport: it adds a finder to the program's `sys.meta_path`

    try:
        distribution = metadata.distribution(name)
        root = os.path.realpath(str(distribution.locate_file("")))
        listed = distribution.files
        origin = distribution.read_text("direct_url.json")
    except Exception:  # not installed, or unreadable metadata, which may raise anything
        return False
    file = os.path.realpath(file)
    if os.path.relpath(file, root) in (os.path.normpath(str(path)) for path in listed or ()):
        return True
    return _is_below(file, _editable_root(origin)) if origin else listed is None and _is_below(file, root)


def _editable_root(origin: str) -> str:
    """The directory of an editable installation (PEP 610), or ""."""
    parsed = json.loads(origin)
    url = urlsplit(parsed.get("url", "")) if parsed.get("dir_info", {}).get("editable") else None
    return os.path.realpath(unquote(url.path)) if url is not None and url.scheme == "file" else ""


def _is_below(file: str, directory: str) -> bool:
    return bool(directory) and file.startswith(directory + os.sep)
