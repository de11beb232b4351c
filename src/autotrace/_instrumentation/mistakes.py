"""Messages on mistakes in calls of `enable()` and `disable()`. Imported only if there is one, to keep it out of the budget."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterable, Mapping
from types import ModuleType

from autotrace import _diagnostics as diagnostics
from autotrace import _settings as settings
from autotrace._settings import library_settings, mistakes
from autotrace.errors import PluginError, SettingsError, nearest, sentences

TYPE_CHECKING = False
if TYPE_CHECKING:
    from autotrace._instrumentation.installed_plugin import InstalledPlugin

    Plugins = Mapping[str, InstalledPlugin]

_CORE = "llm-autotrace"
_EXTRA = re.compile(r"(autotrace-[\w.-]+).*\bextra *== *['\"]([\w.-]+)['\"]")
_DISTRIBUTION = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?", re.IGNORECASE | re.ASCII)


def names_of(plugins: Plugins) -> list[str]:
    """All names of installed plugins."""
    return [name for plugin in plugins.values() for name in plugin.names]


def not_names(where: str, given: object, plugins: Plugins) -> SettingsError:
    """The error for `given`, in which not all are names of libraries. `where` is the call, such as ``enable()``."""
    wrong = given
    if isinstance(given, (tuple, list)):
        wrong = next((one for one in given if not isinstance(one, str)), given)
    call = where.partition(":")[0].removesuffix("()")
    form = f"{call}(exclude=[{{}}])" if ":" in where else f"{call}({{}})"
    example = form.format(", ".join(f'"{name}"' for name in _meant(wrong, plugins)))
    such_as = f", such as {example}" if '"' in example else ""
    return SettingsError(f"{where}: expected names of libraries{such_as}, got {_shown(wrong)}")


def _meant(given: object, plugins: Plugins) -> list[str]:
    """The names that `given` means, else that of an installed plugin. Nothing is imported, and no code of `given` runs."""
    if type(given) in (list, tuple, set, frozenset):
        names = [name for name in given if isinstance(name, str)]  # type: ignore[attr-defined]
        if names:
            return names[:5]
    if isinstance(given, ModuleType):
        module = given.__dict__.get("__name__")
    else:
        module = (given if isinstance(given, type) else type(given)).__dict__.get("__module__")
    known = names_of(plugins)
    parts = module.split(".") if isinstance(module, str) else []
    prefixes = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return next(([name] for name in prefixes if name in known), sorted(plugin.entry.alias for plugin in plugins.values())[:1])


def _shown(given: object) -> str:
    """`given` as in code if it is built in; a client's own text could hold its key."""
    if isinstance(given, ModuleType):
        return f"the module {given.__dict__.get('__name__')}"
    if type(given).__module__ == "builtins" and not isinstance(given, type):
        text = repr(given)
        return text if len(text) <= 100 else text[:100] + "…"
    return (
        f"the class {given.__qualname__}" if isinstance(given, type) else f"an object of the class {type(given).__qualname__}"
    )


def not_installed(name: str, plugins: Plugins) -> PluginError:
    """The error for a library without an installed plugin: what to install, and what is installed."""
    aliases = sorted({plugin.entry.alias for plugin in plugins.values()})
    extras, known = _extras(), names_of(plugins)
    key = mistakes.normalized(name).replace("_", "-").removeprefix("autotrace-")
    close = [] if key in extras else difflib.get_close_matches(name, {*known, *extras}, 1)
    problem = f"no plugin for {name!r} is installed"
    if close:
        problem += f"; did you mean {close[0]!r}?"
    wanted = close[0] if close and close[0] not in known else key
    if wanted in extras:
        advice = f'install it with: pip install "{_CORE}[{wanted}]"'
    elif _DISTRIBUTION.fullmatch(wanted):
        distribution = f"autotrace-{wanted}"  # no command that installs what may be a typing error
        advice = f"its distribution would be {distribution}" if close else f"install it with: pip install {distribution}"
    else:
        advice = "expected the import package of a library, or the name of its plugin"
    problem = sentences(problem, f"{advice[0].upper()}{advice[1:]}.") if close else f"{problem}; {advice}."
    return PluginError(f"{problem} Installed: {', '.join(aliases) or 'none'}")


def _extras() -> dict[str, str]:
    """The extras of the core that bring one plugin, each with the plugin's distribution."""
    from importlib import metadata

    try:
        required = metadata.requires(_CORE) or []
    except metadata.PackageNotFoundError:  # a source tree
        return {}
    matches = [match for match in map(_EXTRA.match, required) if match]
    return {match[2]: match[1] for match in matches}


def not_an_option(name: str, plugin: InstalledPlugin, own: Iterable[str]) -> SettingsError:
    """The error for a setting `name` in ``enable("library", …)`` that is not one of the plugin's `own` or ``content``."""
    options = sorted({*own, "content"})
    hint = nearest(name, options)
    if "did you mean" not in hint:
        hint = f"; {plugin.entry.distribution} has the options: {', '.join(options)}"
    return SettingsError(f"{name!r} is not a setting of autotrace or {plugin.title}{hint}")


def report_unclaimed(plugins: Plugins) -> None:
    """Report the variables and tables that belong neither to all libraries nor to one with a plugin."""
    variables, tables = library_settings.unclaimed()
    known = names_of(plugins)
    for name in variables:
        hint = mistakes.about_variable(name, settings.KNOWN, known)
        diagnostics.say("settings", f"environment variable {name} is not a known setting and is ignored{hint}")
    for name in tables:
        hint = nearest(name, known) if known else ""
        diagnostics.say("settings", f"[tool.autotrace.{name}] is ignored: no plugin for {name!r} is installed{hint}")


def in_library_settings(plugins: Plugins, load: bool) -> list[str]:
    """A message on each malformed or unknown setting of a single library whose plugin is loaded. `load` loads the others."""
    problems: list[str] = []
    for plugin in plugins.values():
        package = plugin.entry.package
        if (plugin.instrumentor is None and not load) or not library_settings.given(package):
            continue
        from autotrace._declaration import options

        try:
            declared = (plugin.instrumentor or plugin.declared()).options
        except PluginError:  # reported with the plugins
            continue
        problems += options.read(plugin.title, package, declared)[3]
    return problems


def report_no_plugin() -> None:
    """Report that no plugin is installed, so that only manual spans are recorded."""
    advice = (
        "Build this executable where the plugins are installed: the hook of llm-autotrace lets PyInstaller include them. "
        "Otherwise pass --copy-metadata and --hidden-import for each plugin (docs/activation.md)."
        if getattr(sys, "frozen", False)
        else 'Install one for each library that is to be traced: pip install "llm-autotrace[NAME]".'
    )
    diagnostics.say("plugin", f"no plugin is installed: only manual spans are recorded. {advice}")
