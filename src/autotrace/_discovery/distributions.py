"""Find plugins: read the entry points of installed distributions. Imports no plugin.

A reader of our own, because importing `importlib.metadata` alone takes ten times as long as this scan. It finds what
`importlib_metadata` 10 finds, in the same order. No cache on disk: it would save less than a millisecond and could be stale.
"""

from __future__ import annotations

import sys

from autotrace import _diagnostics as diagnostics
from autotrace._system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from autotrace._discovery.metadata import Row

GROUP = "autotrace.instrumentors"

_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0)
_RELATIVE = {os.open, os.access} <= os.supports_dir_fd and os.listdir in os.supports_fd and hasattr(os, "O_DIRECTORY")
"""Whether files can be named relative to an open directory, which is cheaper. False on Windows."""

_KINDS = ("dist-info", "egg-info")
_METADATA = ("METADATA", "PKG-INFO")
_OWN = "/"
"""Stands for the name of a distribution that is an `.egg` directory itself. Such distributions come last."""


class EntryPoint:
    """The entry point of a plugin: watch `package`, load `value` (``module:attribute``) from `distribution` `version`.

    `origin` is the directory or archive that contains the distribution, or the finder that provides it.
    """

    __slots__ = ("distribution", "origin", "package", "value", "version")

    def __init__(self, package: str, value: str, distribution: str, version: str, origin: str) -> None:
        self.package = package
        self.value = value
        self.distribution = distribution
        self.version = version
        self.origin = origin

    @property
    def alias(self) -> str:
        """The other name of the plugin: `X` for a distribution `autotrace-X`, else the package."""
        return self.distribution[len("autotrace-") :] if self.distribution.startswith("autotrace-") else self.package


def scan(paths: Iterable[str] | None = None, group: str = GROUP) -> list[EntryPoint]:
    """The entry points of `group` in the distributions on `paths` (default `sys.path`), in path order.

    As in `importlib_metadata`, the first distribution of a name hides later ones, one without metadata comes last, and the
    order within a directory is that of the file system. Never raises: what cannot be read is reported on stderr.
    """
    on_path = [path for path in (sys.path if paths is None else paths) if isinstance(path, str)]  # as the import system does
    installed = Distributions(group)
    if any(is_foreign(finder) for finder in sys.meta_path or ()):
        _ask_finders(installed, on_path)
    else:
        installed.read(on_path)
    return installed.entry_points()


def _ask_finders(installed: Distributions, paths: list[str]) -> None:
    """Add the distributions on `paths` and those of foreign finders, in the order of `sys.meta_path`."""
    from autotrace._discovery import metadata

    # Import it before reading the order: importlib_metadata replaces PathFinder by its own finder, behind the others.
    library = metadata.library()
    asked_for_path = False
    for finder in tuple(sys.meta_path):
        if library is not None and is_foreign(finder):
            installed.add(library.distributions(finder, paths, installed.group))
        elif _is_path_finder(finder) and not asked_for_path:
            asked_for_path = True
            installed.read(paths)
    if not asked_for_path:
        installed.read(paths)


def is_foreign(finder: object) -> bool:
    """Whether a meta path finder provides distributions other than those on the path."""
    return _source(finder) is not None and not _is_path_finder(finder)


def _is_path_finder(finder: object) -> bool:
    """Whether a meta path finder provides the distributions on the path, which we read ourselves."""
    module = _source(finder) or ""
    return (
        module in ("_frozen_importlib_external", "importlib.metadata")
        or module.rpartition(".")[2] == "importlib_metadata"  # setuptools and others bring their own copies
    )


def _source(finder: object) -> str | None:
    """The module that defines the `find_distributions` of a finder; ``None`` if it has no such method."""
    try:
        method = getattr(finder, "find_distributions", None)
        return None if method is None else str(getattr(method, "__module__", ""))
    except Exception:  # a finder's own __getattr__
        return None


class Distributions:
    """Distributions, each name once, and their entry points of `group`; none are read if `group` is empty."""

    def __init__(self, group: str = "") -> None:
        self.group = group
        # The metadata directory of each distribution by its normal name. "" if it is known to have metadata.
        self._directories: dict[str, str] = {}
        self._entry_points: dict[str, list[EntryPoint]] = {}
        self._without_metadata: set[str] = set()

    def entry_points(self) -> list[EntryPoint]:
        """All entry points. Those of distributions without metadata come last."""
        return [
            entry_point
            for without in (False, True)
            for key, entry_points in self._entry_points.items()
            if (key in self._without_metadata) is without
            for entry_point in entry_points
        ]

    def directory(self, key: str) -> str | None:
        """The metadata directory of the distribution `key` (its normal name); "" if it has none, ``None`` if not installed."""
        return self._directories.get(key)

    def read(self, paths: Iterable[str]) -> None:
        """Add the distributions in the directories and archives `paths`."""
        seen = set()
        for path in paths:
            try:
                if path not in seen:
                    seen.add(path)
                    self._read(path)
            except Exception as exc:  # of an audit hook, or a broken str subclass: go on with the other entries
                diagnostics.failed(f"discovery in {path!r}", exc)

    def add(self, rows: list[Row]) -> None:
        """Add distributions that `importlib_metadata` has read: those in an archive, or of a foreign finder."""
        for row in rows:
            key = normal(row.name)
            old = self._directories.get(key)
            if old is None or (row.has_metadata and self._lacks_metadata(key, old)):
                self._directories[key] = ""
                lines = "".join(f"{name} = {value}\n" for name, value in row.entry_points)
                distribution = normal(row.stated_name or key).replace("_", "-")
                content = f"[{self.group}]\n{lines}".encode()
                self._keep(key, row.has_metadata, parse(content, self.group, distribution, row.version, row.origin))

    def _keep(self, key: str, has_metadata: bool, entry_points: list[EntryPoint]) -> None:
        self._entry_points.pop(key, None)  # a distribution that replaces another goes to the end
        self._without_metadata.discard(key)
        if not has_metadata:
            self._without_metadata.add(key)
        if entry_points:
            self._entry_points[key] = entry_points

    def _lacks_metadata(self, key: str, directory: str) -> bool:
        return key in self._without_metadata or (directory != "" and not _has_metadata(directory))

    def _read(self, path: str) -> None:
        site = None
        try:
            try:
                if _RELATIVE:
                    site = os.open(path or os.curdir, _FLAGS | os.O_DIRECTORY)
                names = os.listdir((path or os.curdir) if site is None else site)
            except FileNotFoundError:  # such as python313.zip, which is on every path
                return
            except NotADirectoryError:
                if os.path.isfile(path):
                    from autotrace._discovery import metadata

                    library = metadata.library()
                    self.add([] if library is None else library.in_archive(path, self.group))
                return
            except (OSError, ValueError):  # not readable, or not a valid file name
                return
            self._read_entries(path, names, "" if site is not None else os.path.join(path, ""), site)
        finally:
            if site is not None:
                os.close(site)

    def _read_entries(self, path: str, names: list[str], prefix: str, site: int | None) -> None:
        """Add the distributions among the entries `names` of a directory, which `prefix` and `site` open for the system."""
        egg = os.path.basename(path)
        infos, odd = _distributions(names, egg.lower().endswith(".egg"))
        directories, wanted, start, origin = self._directories, self.group.encode(), os.path.join(path, ""), ""
        for group, in_group in infos.items():
            for name in in_group:
                directory = start + name
                key = group if name not in odd else _odd_key(name, directory, egg if group == _OWN else "")
                old = directories.get(key)
                if old is not None:
                    if not (self._lacks_metadata(key, old) and _has_metadata(directory)):
                        continue
                    self._keep(key, True, [])
                elif not key:  # without a name
                    continue
                directories[key] = directory
                # Two of three distributions have no such file, and an exception costs more than this check.
                file = f"{prefix}{name}/entry_points.txt"
                if self.group and os.access(file, os.F_OK, dir_fd=site):
                    content = _content(file, site)
                    if wanted in content:
                        origin = origin or os.path.abspath(path)
                        self._keep(key, *self._plugin(content, prefix + name, site, key, origin))

    def _plugin(self, content: bytes, directory: str, site: int | None, key: str, origin: str) -> tuple[bool, list[EntryPoint]]:
        has_metadata = any(os.access(f"{directory}/{file}", os.F_OK, dir_fd=site) for file in _METADATA)
        name, version = name_and_version(directory, site) if has_metadata else ("", "")
        if not version:
            version = os.path.basename(directory).rpartition(".")[0].partition("-")[2].partition("-")[0]
        return has_metadata, parse(content, self.group, normal(name or key).replace("_", "-"), version, origin)


def _distributions(names: list[str], in_egg: bool) -> tuple[dict[str, list[str]], set[str]]:
    """The metadata directories among `names` by the normal name of the distribution, and which of them are named oddly."""
    directories: dict[str, list[str]] = {}
    own: list[str] = []
    odd = set()
    for name in names:
        if name[-5:].lower() == "-info":
            stem, _, kind = name.rpartition(".")
            key = stem.partition("-")[0].lower().replace(".", "_")
            while "__" in key:
                key = key.replace("__", "_")
            if kind not in _KINDS or key in ("", "_"):
                lower = name.lower()
                if in_egg and lower == "egg-info":
                    own.append(name)
                    odd.add(name)
                    continue
                if not lower.endswith((".dist-info", ".egg-info")):
                    continue
                odd.add(name)
            if key in directories:
                directories[key].append(name)
            else:
                directories[key] = [name]
    if own:
        directories[_OWN] = own
    return directories, odd


def _odd_key(name: str, directory: str, egg: str) -> str:
    """The normal name of a distribution whose metadata directory is named oddly, or is that of `egg`.

    The name in the metadata counts; if missing, the name of the egg or of the directory.
    """
    stem, suffix = os.path.splitext(name)
    key = normal(stem.partition("-")[0]) if suffix[1:] in _KINDS else ""
    return key or normal(name_and_version(directory)[0]) or normal((egg or name).rpartition(".")[0].partition("-")[0])


def normal(name: str) -> str:
    """The normal form of a distribution's name: as in PEP 503, but with underscores."""
    name = name.lower().replace("-", "_").replace(".", "_")
    while "__" in name:
        name = name.replace("__", "_")
    return name


def _has_metadata(directory: str) -> bool:
    return any(os.path.exists(f"{directory}/{file}") for file in _METADATA) or os.path.isfile(directory)


def name_and_version(directory: str, site: int | None = None) -> tuple[str, str]:
    """The name and the version in a distribution's metadata; "" for each one that is missing."""
    content = b""
    for file in (*_METADATA, ""):
        content = content or _content(f"{directory}/{file}" if file else directory, site)
    fields = {"name": "", "version": ""}
    for line in content.partition(b"\n\n")[0].decode("utf-8", "replace").splitlines():
        field, colon, value = line.partition(":")
        if not line or (fields["name"] and fields["version"]):
            break
        if colon and fields.get(field.lower()) == "":
            fields[field.lower()] = value.strip()
    return fields["name"], fields["version"]


def _content(file: str, site: int | None = None) -> bytes:
    """The content of a file; empty if it does not exist or cannot be read."""
    try:
        descriptor = os.open(file, _FLAGS, dir_fd=site)
        try:
            content = chunk = os.read(descriptor, 8192)
            while chunk:
                chunk = os.read(descriptor, 8192)
                content += chunk
        finally:
            os.close(descriptor)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError):
        return b""
    except OSError as exc:
        diagnostics.say("discovery", f"{file} cannot be read: {exc}. Plugins in it are not found.")
        return b""
    return content


def parse(content: bytes, group: str, distribution: str, version: str, origin: str) -> list[EntryPoint]:
    """The entry points of `group` in the content of an `entry_points.txt`. All its mistakes are reported in one line."""
    entry_points: list[EntryPoint] = []
    wrong: list[str] = []
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = content.decode("utf-8", "replace")
        wrong.append("it is not valid UTF-8")
    section = None
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            section = line.strip("[]")
        elif section is not None and line and line[0] != "#":
            package, equals, value = line.partition("=")
            if section == group:
                reference = attribute(value)
                if package and reference:
                    entry_points.append(EntryPoint(package.rstrip(), reference, distribution, version, origin))
                else:
                    wrong.append(repr(line))
            elif not equals:
                wrong.append(repr(line))
    if wrong:
        diagnostics.say(
            "discovery",
            f"{distribution} {version} in {origin}: entry_points.txt is malformed: {', '.join(wrong)}. "
            "Write the line of a plugin as package = module:attribute.",
        )
    return entry_points


def attribute(value: str) -> str:
    """The value of an entry point as ``module:attribute``, without spaces and extras; "" if it does not name an attribute."""
    reference, bracket, extras = value.strip().partition("[")
    module, _, name = reference.partition(":")
    module, name = module.rstrip(), name.strip()
    if bracket and not extras.endswith("]"):
        return ""
    return f"{module}:{name}" if _is_dotted(module) and _is_dotted(name) else ""


def _is_dotted(name: str) -> bool:
    return name != "" and ("x" + name.replace(".", "").replace("_", "")).isalnum()
