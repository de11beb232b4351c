"""Inspects the installed plugins: their metadata, and the state of their targets after the import.

A *view* is what is known about one plugin, as plain JSON values: its part of `autotrace.status()`, with the library's
version and the error of its import, and the state ``refused`` if another plugin answers for the same package.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from typing import Any

from autotrace import _settings as settings
from autotrace._cli import libraries
from autotrace._discovery import distributions
from autotrace.errors import PluginError, nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from autotrace._discovery.distributions import EntryPoint

View = dict[str, Any]


def look(
    packages: Iterable[str] | None = None,
    imports: bool = True,
    quiet: bool = True,
    before_import: Callable[[str], object] = lambda package: None,
) -> list[View]:
    """Return a view of each installed plugin, or of those that watch `packages`, sorted by package.

    With `imports`, autotrace is enabled in this process (unless the operator switched it off), and each plugin's library and
    the modules of its targets are imported, each after a call of `before_import`. What they print to stdout, and with `quiet`
    to stderr, is discarded. Without `imports`, nothing is imported and states are ``None``.
    """
    wanted = None if packages is None else set(packages)
    entries = [entry for entry in distributions.scan() if wanted is None or entry.package in wanted]
    if not imports:
        return _views(entries, {}, {}, {})
    errors: dict[str, dict[str, Exception]] = {}
    with _output_discarded(1, *([2] if quiet else [])):
        _enable()
        for package in dict.fromkeys(entry.package for entry in entries) if settings.enabled else ():
            before_import(package)
            errors[package] = _import_library(package)
        status = _status()
        declared = {
            entry.package: _declared(entry)
            for entry in entries
            if entry.distribution == status[entry.package]["distribution"] and not status[entry.package]["targets"]
        }
    return _views(entries, status, errors, declared)


def of_process(status: dict[str, View]) -> list[View]:
    """Return the views for another process's `autotrace.status()`, with the metadata that this process sees."""
    entries = [entry for entry in distributions.scan() if entry.package in status]
    unseen = {package: known for package, known in status.items() if package not in {entry.package for entry in entries}}
    others = [_view(package, known["distribution"], known["version"], known) for package, known in unseen.items()]
    return _sorted([*_views(entries, status, {}, {}), *others])


def _views(
    entries: list[EntryPoint],
    status: dict[str, View],
    errors: dict[str, dict[str, Exception]],
    declared: dict[str, View],
) -> list[View]:
    answering: dict[str, str] = {}
    for entry in entries:
        known = status.get(entry.package, {}).get("distribution")
        answering.setdefault(entry.package, known or entry.distribution)
    views = []
    for entry in entries:
        package, other, known = entry.package, answering[entry.package], {"origin": entry.origin}
        if entry.distribution == other:
            known.update(status.get(package, {}))
            views.append(_view(package, other, entry.version, known, errors.get(package, {}), declared.get(package, {})))
        else:
            refused = {"state": "refused", "reason": f"{other} answers for {package}; uninstall one of the two"}
            views.append({**_view(package, entry.distribution, entry.version, known), **refused})
    return _sorted(views)


def _sorted(views: list[View]) -> list[View]:
    return sorted(views, key=lambda view: (view["package"], view["state"] == "refused"))


def packages(names: Iterable[str]) -> list[str]:
    """Return the packages of the plugins called `names`: by package, alias or distribution. Raises `PluginError` if unknown."""
    entries = distributions.scan()
    result = []
    for name in names:
        matches = [entry.package for entry in entries if name in (entry.package, entry.alias, entry.distribution)]
        if not matches:
            known = {entry.package for entry in entries}
            raise PluginError(
                f"{name!r} is not an installed plugin{nearest(name, known) if known else '; no plugin is installed'}"
            )
        result += matches
    return result


# ---------------------------------------------------------------------------------------------------------- activation


def _enable() -> None:
    from autotrace import _instrumentation as instrumentation

    if not settings.switched_off():
        instrumentation.enable_from_environment()


def _status() -> dict[str, View]:
    from autotrace import _instrumentation as instrumentation

    return instrumentation.status()


@contextlib.contextmanager
def _output_discarded(*descriptors: int) -> Iterator[None]:
    """Discard what is written to these descriptors and to `sys.stdout`. Descriptors, because C code prints too."""
    with contextlib.ExitStack() as stack:
        kept = []
        for descriptor in descriptors:
            with contextlib.suppress(OSError):  # it is closed
                kept.append((descriptor, os.dup(descriptor)))
        nowhere = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
        stack.enter_context(contextlib.redirect_stdout(nowhere))
        if 2 in descriptors:
            stack.enter_context(contextlib.redirect_stderr(nowhere))
        _flush()
        for descriptor, _ in kept:
            os.dup2(nowhere.fileno(), descriptor)
        try:
            yield
        finally:
            _flush()
            for descriptor, copy in kept:
                os.dup2(copy, descriptor)
                os.close(copy)


def _flush() -> None:
    """Flush Python's original streams to where their descriptors lead now."""
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:  # None: the descriptor was closed when Python started
            with contextlib.suppress(OSError, ValueError):
                stream.flush()


def _import_library(package: str) -> dict[str, Exception]:
    """Import a plugin's library, which loads the plugin, then the modules of its targets. Return what was raised, by module."""
    errors = _import_each([package])
    if package not in errors:
        wanted = [key for key, target in _status()[package]["targets"].items() if target["state"] != "skipped"]
        errors.update(_import_each(dict.fromkeys(key.partition(":")[0] for key in wanted)))
    return errors


def _import_each(modules: Iterable[str]) -> dict[str, Exception]:
    errors: dict[str, Exception] = {}
    for module in modules:
        try:
            importlib.import_module(module)
        except (Exception, SystemExit) as exc:  # a library's import may raise anything; the other modules are still checked
            errors[module] = exc if isinstance(exc, Exception) else ImportError(f"SystemExit: {exc}")
    return errors


# --------------------------------------------------------------------------------------------------------------- views


_NOTHING: Mapping[str, Any] = {}


def _view(
    package: str,
    distribution: str,
    version: str,
    status: Mapping[str, Any],
    errors: Mapping[str, Exception] = _NOTHING,
    declared: Mapping[str, Any] = _NOTHING,
) -> View:
    """Build a view from `autotrace.status()`, the errors of importing the library, and what the plugin declares."""
    library = _library(package, status, errors.get(package))
    view: View = {
        "package": package,
        "distribution": distribution,
        "version": version,
        "origin": status["origin"],
        "library": library,
        "requires": list(status.get("requires") or declared.get("requires", ())),
        "state": status.get("state"),
        "reason": status.get("reason"),
    }
    if "error" in declared and view["state"] != "failed":
        view.update(state="failed", reason=declared["error"])
    elif view["state"] == "disabled" and settings.switched_off():
        view["reason"] = f"AUTOTRACE={os.environ['AUTOTRACE']} is set"
    elif view["state"] == "waiting" and not library["installed"]:
        view["reason"] = f"{package} is not installed"
    elif library["error"]:
        view.update(state="failed", reason=f"{package} cannot be imported: {library['error']}")
    view["outside"] = status.get("outside") or libraries.is_outside(view["requires"], library["version"])
    view["options"] = status.get("options") or declared.get("options", {})
    view["targets"] = {key: {"state": view["state"], "reason": view["reason"]} for key in declared.get("targets", ())}
    for key, target in status.get("targets", {}).items():
        module = key.partition(":")[0]
        waits = target["state"] == "waiting" and module in errors
        view["targets"][key] = {**target, **(_not_imported(module, errors[module]) if waits else {})}
    return view


def _not_imported(module: str, exc: Exception) -> dict[str, str]:
    if _is_missing(module, exc):
        return {"state": "missing", "reason": f"module {module} not found"}
    return {"state": "failed", "reason": f"{module} cannot be imported: {_described(exc)}"}


def _is_missing(module: str, exc: Exception) -> bool:
    """Whether an import failed because the module itself, or a package that contains it, does not exist."""
    name = exc.name if isinstance(exc, ModuleNotFoundError) else None
    return name is not None and (module + ".").startswith(name + ".")


def _described(exc: BaseException) -> str:
    return f"{type(exc).__name__}: {exc}"


def _declared(entry: EntryPoint) -> View:
    """What a plugin declares that nothing has loaded yet: `requires`, `options`, `targets`, or the `error` of loading it."""
    from importlib_metadata import EntryPoint as Loader

    from autotrace._declaration.instrumentor import Instrumentor
    from autotrace._discovery.requirements import installed_version

    try:
        instrumentor = Loader(name=entry.package, value=entry.value, group=distributions.GROUP).load()
    except (Exception, SystemExit) as exc:  # a third party's module may raise anything when imported
        return {"error": _described(exc)}
    if not isinstance(instrumentor, Instrumentor):
        return {"error": f"{entry.value} is a {type(instrumentor).__name__}, not an Instrumentor"}
    return {
        "requires": instrumentor.requires,
        "options": {name: option.described() for name, option in instrumentor.options.items()},
        "targets": [choice.key for choice in instrumentor.choose(installed_version)],
    }


def _library(package: str, status: Mapping[str, Any], error: Exception | None) -> View:
    """A plugin's library: `distribution` and `version` if known, whether it is `installed`, and the `error` of its import."""
    known = status.get("library") or {}
    distribution = libraries.distribution_of(package)
    missing = error is not None and _is_missing(package, error)
    return {
        "distribution": distribution or known.get("distribution"),
        "version": known.get("version") or libraries.version(package, distribution),
        "installed": not missing and (distribution is not None or package in sys.modules or libraries.can_be_found(package)),
        "error": None if error is None or missing else _described(error),
    }
