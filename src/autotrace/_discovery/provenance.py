"""Whether an imported package comes from the distribution that a plugin was made for.

Where package and distribution have the same name, as nearly always, the name says so. A package with a name of its own
(`agents`, of the distribution `openai-agents`) may as well be the program's: then the metadata must tell of its file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from autotrace._discovery.distributions import normal


def is_foreign(package: str, module: Any, distributions: Sequence[str]) -> bool:
    """Whether `module`, imported as `package`, comes from none of `distributions`. Nothing is asked of the module."""
    if not distributions or normal(package) in map(normal, distributions):
        return False
    file = object.__getattribute__(module, "__dict__").get("__file__")
    return isinstance(file, str) and not any(_brings(distribution, file) for distribution in distributions)


def _brings(name: str, file: str) -> bool:
    from importlib import metadata  # not the backport, which puts a finder on the program's `sys.meta_path`

    try:
        distribution = metadata.distribution(name)
        root = os.path.realpath(str(distribution.locate_file("")))
        listed = distribution.files
        origin = distribution.read_text("direct_url.json")
    except Exception:  # not installed; or metadata that cannot be read, which raises whatever it likes
        return False
    file = os.path.realpath(file)
    if os.path.relpath(file, root) in (os.path.normpath(str(path)) for path in listed or ()):
        return True
    return _is_below(file, _edited(origin)) if origin else listed is None and _is_below(file, root)


def _edited(origin: str) -> str:
    """The directory of an editable installation (PEP 610); "" for another."""
    found = json.loads(origin)
    url = urlsplit(found.get("url", "")) if found.get("dir_info", {}).get("editable") else None
    return os.path.realpath(unquote(url.path)) if url is not None and url.scheme == "file" else ""


def _is_below(file: str, directory: str) -> bool:
    return bool(directory) and file.startswith(directory + os.sep)
