"""What our own reader cannot know, asked of `importlib_metadata`: distributions in archives, and those of foreign finders.

Loaded only where there is an archive on the path, or a finder on `sys.meta_path` that tells of distributions.
"""

from __future__ import annotations

import os
import sys

from autotrace import diagnostics
from autotrace.hooks.discovery import EntryPoint, Found, attribute, is_foreign, is_path_finder, normal, say_wrong

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def read_archive(found: Found, path: str) -> None:
    """Add the distributions in a zip file of the path. A file that is no archive has none."""
    finder, context = _library()
    if finder is not None:
        _add(found, finder, context(path=[path]), path, os.path.abspath(path))
        finder.invalidate_caches()  # they keep the archive open


def ask_finders(found: Found, paths: list[str]) -> None:
    """Add the distributions on `paths` and those that foreign finders tell of, in the order of `sys.meta_path`."""
    # Before the order is looked at: it puts a finder of its own behind the others, in place of PathFinder.
    _, context = _library()
    asked_for_path = False
    for finder in tuple(sys.meta_path):
        if context is not None and is_foreign(finder):
            kind = finder if isinstance(finder, type) else type(finder)
            _add(found, finder, context(path=paths), f"{kind.__module__}.{kind.__qualname__}")
        elif is_path_finder(finder) and not asked_for_path:
            asked_for_path = True
            found.read(paths)
    if not asked_for_path:
        found.read(paths)


def version_of(distribution: str) -> str:
    """The version of a distribution that a finder or an archive has; "" if there is none."""
    try:
        import importlib_metadata

        return str(importlib_metadata.version(distribution))
    except Exception:  # not installed; or metadata that cannot be read, which raises whatever it likes
        return ""


def _library() -> tuple[Any, Any]:
    """A path finder of `importlib_metadata`, and the class of what finders are asked with; None where there is none."""
    try:
        import importlib_metadata

        return importlib_metadata.MetadataPathFinder(), importlib_metadata.DistributionFinder.Context
    except Exception as exc:  # a broken installation, or something else of that name
        diagnostics.say(
            "discovery",
            f"importlib_metadata cannot be loaded: {type(exc).__name__}: {exc}. "
            "Plugins in archives, and those that only other finders know, are not found.",
        )
        return None, None


def _add(found: Found, finder: Any, context: Any, source: str, origin: str = "") -> None:
    """Add the distributions that a finder tells of; if need be, without those that cannot be read."""
    try:
        distributions = list(finder.find_distributions(context))
    except Exception as exc:  # somebody else's code
        _say(source, exc)
        return
    for distribution in distributions:
        try:
            key = normal(getattr(distribution, "_normalized_name", None) or distribution.metadata["Name"])
            has_metadata = any(_holds(distribution, file) for file in ("METADATA", "PKG-INFO", ""))
        except Exception as exc:  # likewise
            _say(source, exc)
            continue
        try:
            entry_points = _entry_points(distribution, found.group, key, origin or _place(distribution, source))
        except Exception as exc:  # likewise
            _say(f"{source}: {key}", exc)
            entry_points = []
        found.add(key, has_metadata, entry_points)


def _entry_points(distribution: Any, group: str, key: str, origin: str) -> list[EntryPoint]:
    found, wrong = [], []
    for one in distribution.entry_points:
        if one.group == group:
            value = attribute(one.value)
            if one.name and value:
                name = normal(_field(distribution, "Name") or key).replace("_", "-")
                found.append(EntryPoint(one.name, value, name, _field(distribution, "Version"), origin))
            else:
                wrong.append(repr(f"{one.name} = {one.value}"))
    say_wrong(f"{key} in {origin}", wrong)
    return found


def _say(source: str, exc: Exception) -> None:
    diagnostics.say("discovery", f"{source}: {type(exc).__name__}: {exc}. Plugins are not found where this stands in the way.")


def _holds(distribution: Any, file: str) -> bool:
    try:
        return distribution.read_text(file) is not None
    except UnicodeDecodeError:  # broken, but there
        return True


def _field(distribution: Any, field: str) -> str:
    try:
        return str(distribution.metadata[field] or "").strip()
    except Exception:  # not there, by any of the ways in which it may not be there
        return ""


def _place(distribution: Any, otherwise: str) -> str:
    try:
        return os.path.abspath(str(distribution.locate_file("")))
    except Exception:  # not all distributions have files
        return otherwise
