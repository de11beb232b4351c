"""`importlib_metadata`, asked for what our own reader cannot know: distributions in archives, and those of foreign finders.

Imported only where there is an archive on the path, or a finder on `sys.meta_path` that tells of distributions.
"""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from autotrace import _diagnostics as diagnostics


class Row(NamedTuple):
    """One distribution, as `importlib_metadata` reads it."""

    name: str
    """For telling distributions apart: as the finder spells it."""
    stated_name: str
    """What its metadata say; "" if they do not."""
    version: str
    has_metadata: bool
    entry_points: list[tuple[str, str]]
    """Names and values of those in the group that was asked for."""
    origin: str


class Library:
    """The imported `importlib_metadata`."""

    def __init__(self, module: Any) -> None:
        self._finder = module.MetadataPathFinder()
        self._context = module.DistributionFinder.Context

    def in_archive(self, path: str, group: str) -> list[Row]:
        """The distributions in the zip file at `path`; none if it is another file."""
        rows = self._rows(self._finder, self._context(path=[path]), group, path, os.path.abspath(path))
        self._finder.invalidate_caches()  # they keep the archive open
        return rows

    def distributions(self, finder: Any, paths: list[str], group: str) -> list[Row]:
        """The distributions that `finder` tells of for `paths`."""
        kind = finder if isinstance(finder, type) else type(finder)
        return self._rows(finder, self._context(path=paths), group, f"{kind.__module__}.{kind.__qualname__}", "")

    def _rows(self, finder: Any, context: Any, group: str, source: str, origin: str) -> list[Row]:
        """Without those that cannot be read, which is said."""
        try:
            distributions = list(finder.find_distributions(context))
        except Exception as exc:  # somebody else's code
            _say(source, exc)
            return []
        rows = []
        for distribution in distributions:
            try:
                name = getattr(distribution, "_normalized_name", None) or distribution.metadata["Name"]
                has_metadata = any(_holds(distribution, file) for file in ("METADATA", "PKG-INFO", ""))
            except Exception as exc:  # likewise
                _say(source, exc)
                continue
            try:
                entry_points = [(one.name, one.value) for one in distribution.entry_points if one.group == group]
            except Exception as exc:  # likewise
                _say(f"{source}: {name}", exc)
                entry_points = []
            stated, version = (_field(distribution, one) if entry_points else "" for one in ("Name", "Version"))
            rows.append(Row(name, stated, version, has_metadata, entry_points, origin or _place(distribution, source)))
        return rows


def library() -> Library | None:
    """`importlib_metadata`; ``None`` where it cannot be imported, which is said."""
    try:
        import importlib_metadata

        return Library(importlib_metadata)
    except Exception as exc:  # a broken installation, or something else of that name
        diagnostics.say(
            "discovery",
            f"importlib_metadata cannot be imported: {type(exc).__name__}: {exc}. "
            "Plugins in archives, and those of other finders, are not found; reinstall importlib-metadata.",
        )
        return None


def version_of(distribution: str) -> str:
    """The version of a distribution in an archive, or of a finder; "" if there is none."""
    try:
        import importlib_metadata

        return str(importlib_metadata.version(distribution))
    except Exception:  # not installed; or metadata that cannot be read, which raises whatever it likes
        return ""


def _say(source: str, exc: Exception) -> None:
    diagnostics.say("discovery", f"{source}: {type(exc).__name__}: {exc}. The plugins in there are not found.")


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
