"""What the installed distributions' metadata says about the libraries that plugins watch. Nothing is imported."""

from __future__ import annotations

import contextlib
import os
import re
import sys

from autotrace.errors import DeclarationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CORE = "llm-autotrace"


def distribution_of(package: str) -> str | None:
    """The installed distribution that provides an import package; inside a namespace, the one that contains its files."""
    import importlib_metadata

    top, *inner = package.split(".")
    candidates = list(dict.fromkeys(_top_level().get(top, ())))
    if not inner:
        return candidates[0] if candidates else None
    path = package.replace(".", "/")
    for name in candidates:
        files = importlib_metadata.distribution(name).files or ()
        if any(str(file).replace(os.sep, "/") in (f"{path}.py", f"{path}/__init__.py") for file in files):
            return name
    return None


def _top_level() -> dict[str, list[str]]:
    import importlib_metadata

    if not _distributions_by_package:
        _distributions_by_package.update(importlib_metadata.packages_distributions())
    return _distributions_by_package


_distributions_by_package: dict[str, list[str]] = {}
"""Cached for one run of a command: building it reads every distribution."""


def version(package: str, distribution: str | None) -> str | None:
    import importlib_metadata

    if distribution is not None:
        with contextlib.suppress(importlib_metadata.PackageNotFoundError):
            return importlib_metadata.version(distribution)
    module = sys.modules.get(package)
    version = None if module is None else object.__getattribute__(module, "__dict__").get("__version__")
    return version if isinstance(version, str) else None


def can_be_found(package: str) -> bool:
    """Whether a package without metadata is on the path. Imports nothing, not even its parent package."""
    from importlib.machinery import PathFinder

    path: Sequence[str] | None = None
    parts = package.split(".")
    for count in range(1, len(parts) + 1):
        spec = PathFinder.find_spec(".".join(parts[:count]), path)
        if spec is None:
            return False
        path = spec.submodule_search_locations
        if path is None:
            return count == len(parts)
    return True


def is_outside(requires: Iterable[str], version: str | None) -> bool | None:
    """Whether `version` is in none of the ranges; ``None`` if the version or the ranges are unknown."""
    from autotrace._discovery.requirements import Requirement

    try:
        requirements = [Requirement(text) for text in requires]
    except DeclarationError:
        return None
    return None if version is None or not requirements else not any(one.allows(version) for one in requirements)


_EXTRA = re.compile(r"^(autotrace-[A-Za-z0-9._-]+).*;.*extra\s*==\s*[\"']([^\"']+)[\"']")


def without_plugin(installed: Iterable[str]) -> list[str]:
    """Installed libraries for which core's metadata names a plugin (an extra) that is not in `installed`."""
    import importlib_metadata

    try:
        requirements = importlib_metadata.requires(CORE) or []
    except importlib_metadata.PackageNotFoundError:  # run from a source tree
        return []
    plugins = set(installed)
    offered = {match[1]: match[2] for match in map(_EXTRA.match, requirements) if match}
    return sorted(
        extra
        for plugin, extra in offered.items()
        if plugin not in plugins and plugin == f"autotrace-{extra}" and _is_there(extra)
    )


def _is_there(library: str) -> bool:
    """Whether a distribution or a package has this name (`google-genai` is only the former, a plain folder only the latter)."""
    return version(library, library) is not None or bool(_top_level().get(library)) or can_be_found(library)
