"""What only `importlib_metadata` can read: distributions in archives, and those of foreign finders.

Imported only if there is an archive on the path, or a finder on `sys.meta_path` that provides distributions.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from autotrace import _diagnostics as diagnostics
from autotrace._system import os


class Row(NamedTuple):
    """One distribution, as `importlib_metadata` reads it."""

    name: str
    """The name as the finder spells it. It identifies the distribution."""
    stated_name: str
    """The name in the metadata; "" if missing."""
    version: str
    has_metadata: bool
    entry_points: list[tuple[str, str]]
    """The names and values of the entry points in the requested group."""
    origin: str


class Library:
    """The imported `importlib_metadata`."""

    def __init__(self, module: Any) -> None:
        self._finder = module.MetadataPathFinder()
        self._context = module.DistributionFinder.Context

    def in_archive(self, path: str, group: str) -> list[Row]:
        """The distributions in the zip file at `path`; none if it is not a zip file."""
        rows = self._rows(self._finder, self._context(path=[path]), group, path, os.path.abspath(path))
        self._finder.invalidate_caches()  # its caches keep the archive open
        return rows

    def distributions(self, finder: Any, paths: list[str], group: str) -> list[Row]:
        """The distributions that `finder` provides for `paths`."""
        kind = finder if isinstance(finder, type) else type(finder)
        return self._rows(finder, self._context(path=paths), group, f"{kind.__module__}.{kind.__qualname__}", "")

    def _rows(self, finder: Any, context: Any, group: str, source: str, origin: str) -> list[Row]:
        """One row per distribution. Unreadable ones are reported and left out."""
        try:
            distributions = list(finder.find_distributions(context))
        except Exception as exc:  # foreign code may raise anything
            _report(source, exc)
            return []
        rows = []
        for distribution in distributions:
            try:
                name = getattr(distribution, "_normalized_name", None) or distribution.metadata["Name"]
                has_metadata = any(_has_file(distribution, file) for file in ("METADATA", "PKG-INFO", ""))
            except Exception as exc:  # foreign code
                _report(source, exc)
                continue
            try:
                entry_points = [(one.name, one.value) for one in distribution.entry_points if one.group == group]
            except Exception as exc:  # foreign code
                _report(f"{source}: {name}", exc)
                entry_points = []
            stated, version = (_field(distribution, one) if entry_points else "" for one in ("Name", "Version"))
            rows.append(Row(name, stated, version, has_metadata, entry_points, origin or _place(distribution, source)))
        return rows


def library() -> Library | None:
    """`importlib_metadata`, or ``None`` if it cannot be imported, which is reported."""
    try:
        import importlib_metadata

        return Library(importlib_metadata)
    except Exception as exc:  # a broken installation, or another module of that name
        diagnostics.say(
            "discovery",
            f"importlib_metadata cannot be imported: {type(exc).__name__}: {exc}. "
            "Plugins in archives and from other finders are not found; reinstall importlib-metadata.",
        )
        return None


def version_of(distribution: str) -> str:
    """The version of a distribution in an archive, or of a foreign finder; "" if missing."""
    try:
        import importlib_metadata

        return str(importlib_metadata.version(distribution))
    except Exception:  # not installed, or unreadable metadata, which may raise anything
        return ""


def _report(source: str, exc: Exception) -> None:
    diagnostics.say("discovery", f"{source}: {type(exc).__name__}: {exc}. Plugins in it are not found.")


def _has_file(distribution: Any, file: str) -> bool:
    try:
        return distribution.read_text(file) is not None
    except UnicodeDecodeError:  # malformed, but it exists
        return True


def _field(distribution: Any, field: str) -> str:
    try:
        return str(distribution.metadata[field] or "").strip()
    except Exception:  # a missing field; what that raises varies
        return ""


def _place(distribution: Any, otherwise: str) -> str:
    try:
        return os.path.abspath(str(distribution.locate_file("")))
    except Exception:  # not all distributions have files
        return otherwise
