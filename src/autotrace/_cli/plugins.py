"""`autotrace plugins [NAME …]`: the installed plugins, their libraries and the state of their targets; then the sinks."""

from __future__ import annotations

import sys
from typing import Any

from autotrace._cli import complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HEADER = ("plugin", "state", "library", "installed in", "reason")
SINKS = ("sink", "state", "distribution", "records go to", "reason")


def main(argv: Sequence[str]) -> int:
    """Print the listing. Return 2 for a name that is not an installed plugin."""
    import argparse

    from autotrace._cli import inspection, table
    from autotrace.errors import PluginError

    parser = argparse.ArgumentParser(
        prog="autotrace plugins",
        description="List the installed plugins and the state of their targets. Their libraries are imported to find out.",
    )
    parser.add_argument("name", nargs="*", help="only this plugin: an import package, or X for the plugin autotrace-X")
    parser.add_argument("--json", action="store_true", help="print a JSON array with one object per plugin")
    parser.add_argument("--no-import", action="store_true", help="import nothing: show only the metadata")
    options = parser.parse_args(argv)
    try:
        chosen = inspection.packages(options.name) if options.name else None
    except PluginError as exc:
        complain(f"plugins: {exc}")
        return 2
    views = inspection.look(chosen, imports=not options.no_import)
    if options.json:
        import json

        print(json.dumps(views, default=repr))
    elif views:
        sys.stdout.write(table.render([HEADER, *(row for view in views for row in _rows(view))]))
    else:
        complain("plugins: no plugin is installed; `pip install 'llm-autotrace[all]'` installs the first-party ones")
    if views and chosen is None and not options.json:
        sys.stdout.write("\n" + table.render([SINKS, *_sinks()]))
    return 0


def _sinks() -> Iterator[tuple[str, ...]]:
    """One row per sink; those in use with the place that they write to."""
    from autotrace import _settings as settings
    from autotrace.sinks import _registry

    settings.current.settle()
    places, installed = _registry.places(), _registry.installed()
    for name in sorted({*_registry.BUILT_IN, *installed, *places}):
        place = places.get(name, {})
        entry = installed.get(name)
        origin = f"{entry.distribution} {entry.version}".strip() if entry is not None else ""
        where, problem = (place.get("where") or "", place.get("problem") or "")
        yield name, "in use" if place and not problem else "failed" if problem else "", origin, where, problem


def _rows(view: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    reason = view["reason"] or (f"made for {' or '.join(view['requires'])}" if view["outside"] else "")
    title = f"{view['distribution']} {view['version']}".strip()
    yield title, view["state"] or "", _library(view), view["origin"] or "", reason
    for name, option in view["options"].items():
        value = option.get("value", option["default"])
        yield f"  {name}={value}", "option", "", "", f"{option['about']} ({option['kind']}, {option['default']} unless set)"
    for key, target in view["targets"].items():
        reason = "" if target["reason"] == view["reason"] else target["reason"] or ""
        yield f"  {key}", target["state"], "", "", "; ".join(filter(None, [reason, neighbours(target)]))


def _library(view: Mapping[str, Any]) -> str:
    library = view["library"]
    version = library["version"] or ("" if library["installed"] else "not installed")
    return f"{view['package']} {version}".strip()


def neighbours(target: Mapping[str, Any]) -> str:
    """Which other agents also wrap the function of a target, and where; "" if none does."""
    return " and ".join(f"{target[place]} is {place} ours" for place in ("below", "above") if target.get(place))
