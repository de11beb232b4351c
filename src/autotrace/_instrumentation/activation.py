"""Enabling and disabling: settings, then discovery, then the finder."""

from __future__ import annotations

import os
import sys

from autotrace import _diagnostics as diagnostics
from autotrace import _process
from autotrace._discovery import distributions
from autotrace._instrumentation import installed_plugin
from autotrace._instrumentation.installed_plugin import InstalledPlugin
from autotrace._settings import settings
from autotrace.errors import PluginError, SettingsError, nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, NoReturn

_PATIENCE = 1.0
"""Seconds to wait for sinks before others take their place."""

_plugins: dict[str, InstalledPlugin] = {}
"""Every installed plugin that has been discovered, by the package it watches."""


def enable(*libraries: str, exclude: Iterable[str] = (), **options: object) -> None:
    """Trace the libraries that have an installed plugin: all of them, or only those named.

    `libraries` and `exclude` name import packages (``"openai"``) or plugins (``"X"`` for `autotrace-X`). `options` are settings
    (docs/activation.md); with `libraries` they hold for those alone, over the general ones, and may be the plugin's own.
    Calling it again adds to what is enabled and updates options. Before or after the libraries are imported.
    Raises `SettingsError` for an option that is unknown or malformed, `PluginError` for a library that no installed
    plugin answers to. Does nothing under ``AUTOTRACE=0``.
    """
    if settings.switched_off():
        return
    settings.current.read_file()
    settings.current.check_environment()
    _discover(options.get("prefer"))
    chosen, left_out = _named(libraries), _named(exclude)
    own = {name: value for name, value in options.items() if name not in settings.KNOWN} if chosen else {}
    read = [plugin.read_options(own) if own else {} for plugin in chosen]
    if options and not chosen:
        flush(_PATIENCE)  # to where it was to go
    before = settings.current.update({} if chosen else options)
    try:
        _check_sinks()
    except SettingsError:
        settings.current.restore(before)
        raise
    for plugin, of_plugin in zip(chosen, read, strict=True):
        settings.current.update({name: options[name] for name in options if name not in own}, plugin.entry.package)
        plugin.options.update(of_plugin)
    if options and not chosen:
        _reopen_sinks()
    _activate([plugin for plugin in chosen or _plugins.values() if plugin not in left_out])


def enable_from_environment() -> None:
    """`enable()` for ``AUTOTRACE=1``: what is wrong is a line on stderr and never an exception."""
    for problem in settings.current.settle():
        diagnostics.say("settings", problem, level="error")
    _discover()
    _activate(list(_plugins.values()))


def _activate(plugins: list[InstalledPlugin]) -> None:
    if os.environ.get("AUTOTRACE_DOCTOR"):
        from autotrace._instrumentation import reporting

        reporting.at_exit(status)
    if _process.stdout.descriptor() == 1 and _process.stdout.is_wanted():
        _process.stdout.prints.watch()
    _share_the_file()
    settings.enabled = True
    if settings.current.tables or settings.unknown_variables():
        _say_unanswered()
    for plugin in plugins:
        plugin.enable()
    late = [state for plugin in plugins for state in plugin.begin_search()]
    installed_plugin.patch_aliases(late, tuple(sys.modules.values()) if late else ())
    for plugin in _plugins.values():
        plugin.refresh()


def _say_unanswered() -> None:
    """Say which variables and tables are neither of all libraries nor of one that has a plugin."""
    from autotrace._settings import library_settings

    variables, tables = library_settings.unanswered()
    for name in variables:
        hint = nearest(name, ["AUTOTRACE_" + known.upper() for known in settings.KNOWN])
        diagnostics.say("settings", f"the environment variable {name} is no setting, and left out of account{hint}")
    for name in tables:
        hint = nearest(name, [name for plugin in _plugins.values() for name in plugin.names])
        diagnostics.say("settings", f"[tool.autotrace.{name}]: no installed plugin answers to {name!r}{hint}")


def disable(*libraries: str) -> None:
    """Stop tracing and put every original back: everywhere, or in `libraries` alone. Raises `PluginError` as `enable` does."""
    for plugin in _named(libraries) or list(_plugins.values()):
        plugin.disable()
    if not libraries:
        flush(_PATIENCE)
        settings.enabled = False
        settings.current.clear()
        _reopen_sinks()
        _process.stdout.prints.release()


def status() -> dict[str, dict[str, Any]]:
    """What is traced: by import package, the plugin with its state, and each of its targets with its state, and why.

    States are ``waiting`` (for the import), ``patched``, ``missing`` (not in this version of the library), ``skipped`` (for
    another version of the library), ``failed`` and ``disabled``.
    """
    _discover()
    return {package: plugin.status() for package, plugin in sorted(_plugins.items())}


def flush(timeout: float = 5.0) -> bool:
    """Write all that was recorded so far, within `timeout` seconds. False if that was not enough."""
    if "autotrace._writer.writer" not in sys.modules:
        return True
    from autotrace._writer.writer import writer

    return writer.drain(timeout)


def _reopen_sinks() -> None:
    """What comes now goes to the sinks that the settings name now."""
    if "autotrace._writer.writer" in sys.modules:
        from autotrace._writer.writer import writer

        writer.reopen(_PATIENCE)


def _check_sinks() -> None:
    """Raise `SettingsError` for a sink that the settings name and that is not there, or cannot have its options."""
    if settings.current.given("sinks"):
        from autotrace.sinks import _registry

        _registry.check()


def _share_the_file() -> None:
    """Children that work in other directories are to write to the file that we write to."""
    path = os.environ.get("AUTOTRACE_FILE")
    if path and not os.path.isabs(path):
        from autotrace._settings import sink_settings

        os.environ["AUTOTRACE_FILE"] = sink_settings.path("AUTOTRACE_FILE", path)


def _discover(prefer: object = None) -> None:
    """Learn of the installed plugins; of those that claim the same package, of the one that `prefer` or else the setting names.
    Raises `SettingsError` for a malformed `prefer`."""
    given = settings.current.get("prefer") if prefer is None else settings.KNOWN["prefer"][0]("prefer", prefer)
    preferred = [name.strip() for name in (given or "").split(",")]
    # By name, so that it does not depend on the file system which of two that claim the same package is taken.
    for entry in sorted(distributions.scan(), key=lambda entry: (entry.distribution not in preferred, entry.distribution)):
        known = _plugins.get(entry.package)
        if known is None or (known.entry.distribution != entry.distribution in preferred and known.is_idle()):
            _plugins[entry.package] = InstalledPlugin(entry)
        elif known.entry.distribution != entry.distribution:
            diagnostics.say(
                "plugin",
                f"{entry.distribution}: refused, as {known.entry.distribution} answers for {entry.package}; "
                f"uninstall one, or choose: AUTOTRACE_PREFER={entry.distribution}.",
            )
    if settings.current.tables or settings.unknown_variables():
        from autotrace._settings import library_settings

        for plugin in _plugins.values():
            library_settings.answer(plugin.entry.package, plugin.names)


def named(name: str) -> InstalledPlugin:
    """The installed plugin that answers to `name`, of several the first by package. Raises `PluginError`."""
    _discover()
    return min(_named((name,)), key=lambda plugin: plugin.entry.package)


def _named(names: Iterable[str]) -> list[InstalledPlugin]:
    """The plugins that answer to `names`: all of a distribution that watches several packages, where it is what is named.

    Raises `PluginError` for a name that nobody answers to.
    """
    found: list[InstalledPlugin] = []
    for name in names:
        own = _plugins.get(name)
        found += [own] if own else [plugin for plugin in _plugins.values() if name in plugin.names] or [_nobody(name)]
    return found


def _nobody(name: str) -> NoReturn:
    _discover()
    installed = [plugin.entry.package for plugin in _plugins.values()]
    hint = nearest(name, installed) if installed else "; no plugin is installed"
    raise PluginError(f"no installed plugin answers to {name!r}{hint}. Plugins are installed as 'autotrace-{name}'.")
