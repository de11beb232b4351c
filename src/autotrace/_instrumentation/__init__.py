"""Switching on and off: settings, then discovery, then the import hook; installed plugins, patching and undoing, health.

In: `enable()`, `disable()`, and modules that the import hook reports.
Out: a library whose functions are replaced, or the original ones again; `status()` and `health()`.
"""

from __future__ import annotations

import sys

from autotrace import _diagnostics as diagnostics
from autotrace import _process
from autotrace import _settings as settings
from autotrace._discovery import distributions
from autotrace._instrumentation import installed_plugin
from autotrace._instrumentation.installed_plugin import InstalledPlugin
from autotrace._system import os
from autotrace.errors import SettingsError
from autotrace.hooks import _finder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_FLUSH_TIMEOUT = 1.0
"""Seconds to wait for sinks before others replace them."""

installed: dict[str, InstalledPlugin] = {}
"""Every installed plugin that has been discovered, by the package that it watches."""


def enable(*libraries: str, exclude: str | Iterable[str] = (), **options: object) -> None:
    """Trace the libraries that have an installed plugin: all of them, or only those named.

    `libraries` and `exclude` name import packages (``"openai"``) or plugins (``"X"`` for `autotrace-X`). `options` are settings
    (docs/activation.md). With `libraries` they apply to those only, override the general ones, and may be options of the
    plugin. Libraries may be imported before or after. Each further call adds to what is enabled and updates options.

    Raises `SettingsError` for an unknown or malformed option and for anything but names, and `PluginError` for a library
    without an installed plugin. Does nothing under ``AUTOTRACE=0``.
    """
    if settings.switched_off():
        return
    names = _checked("enable()", libraries)
    excluded_names = _checked("enable(): exclude", (exclude,) if isinstance(exclude, str) else exclude)
    settings.current.read_file()
    for notice in settings.current.notices:
        diagnostics.say("settings", notice)
    settings.current.check_environment()
    _discover(options.get("prefer"))
    chosen, excluded = _named(names), _named(excluded_names)
    own = {name: value for name, value in options.items() if name not in settings.KNOWN} if chosen else {}
    plugin_options = [plugin.read_options(own) if own else {} for plugin in chosen]
    if options and not chosen:
        flush(_FLUSH_TIMEOUT)  # waiting records go to the sinks that they were made for
    before = settings.current.update({} if chosen else options)
    try:
        _check_installed()
    except SettingsError:
        settings.current.restore(before)
        raise
    for plugin, given in zip(chosen, plugin_options, strict=True):
        settings.current.update({name: options[name] for name in options if name not in own}, plugin.entry.package)
        plugin.options.update(given)
    if options and not chosen:
        _reopen_sinks()
    _activate([plugin for plugin in chosen or installed.values() if plugin not in excluded])


def enable_from_environment() -> None:
    """Do what `enable()` does, for ``AUTOTRACE=1``. A mistake is a line on stderr, never an exception."""
    for problem in settings.current.settle():
        diagnostics.say("settings", problem, level="error")
    _discover()
    _activate(list(installed.values()))


def _activate(plugins: list[InstalledPlugin]) -> None:
    if os.environ.get("AUTOTRACE_DOCTOR"):
        from autotrace._instrumentation import reporting

        reporting.at_exit(status, library_mistakes)
    if _process.stdout.descriptor() == 1 and _process.stdout.is_wanted():
        _process.watch.begin()
    _share_file_path()
    settings.enabled = True
    of_spans = diagnostics.without_content
    (of_spans.discard if settings.current.valid("content") else of_spans.add)("autotrace")  # manual spans
    diagnostics.redacting = bool(settings.current.given("redact"))
    if installed:
        _finder.when_imported("logging", _watch_end)
    else:
        from autotrace._instrumentation import mistakes

        mistakes.report_no_plugin()
    if settings.current.tables or settings.unknown_variables():
        from autotrace._settings import library_settings

        if any(library_settings.unclaimed()):
            from autotrace._instrumentation import mistakes

            mistakes.report_unclaimed(installed)
    for plugin in plugins:
        plugin.enable()
    late = [target for plugin in plugins for target in plugin.take_late_targets()]
    installed_plugin.patch_aliases(late, tuple(sys.modules.values()) if late else ())
    for plugin in installed.values():
        plugin.refresh()


def _watch_end(_module: object) -> None:
    """Report at the end of the process what was imported unnoticed. Called when something imports `logging`, as every SDK does:
    `atexit` is loaded then, and need not be a part of the activation budget."""
    from autotrace._instrumentation import unnoticed

    unnoticed.at_exit(installed)


def disable(*libraries: str) -> None:
    """Stop tracing and restore the original functions: everywhere, or only in `libraries`.

    Raises `PluginError` for a library without an installed plugin, and `SettingsError` for anything but names.
    """
    names = _checked("disable()", libraries)
    if names:
        _discover()
    for plugin in _named(names) or list(installed.values()):
        plugin.disable()
    if not libraries:
        flush(_FLUSH_TIMEOUT)
        settings.enabled = False
        _finder.forget([_watch_end])
        if "autotrace._instrumentation.unnoticed" in sys.modules:
            from autotrace._instrumentation import unnoticed

            unnoticed.forget()
        settings.current.clear()
        _reopen_sinks()
        _process.watch.end()
        _retire_writer()
        _process.variables.restore()
        _process.stdout.reset()


def status() -> dict[str, dict[str, Any]]:
    """The state of each plugin, by import package, with the state of each of its targets and the reason.

    States are ``waiting`` (for the import), ``patched``, ``missing`` (not in this version of the library), ``skipped`` (for
    another version of the library), ``failed`` and ``disabled``.
    """
    _discover()
    return {package: plugin.status() for package, plugin in sorted(installed.items())}


def flush(timeout: float = 5.0) -> bool:
    """Write all records made so far, within `timeout` seconds. Returns False if the time was too short."""
    if "autotrace._writer.writer" not in sys.modules:
        return True
    from autotrace._writer.writer import writer

    return writer.drain(timeout)


def _reopen_sinks() -> None:
    """Send new records to the sinks that the current settings name."""
    if "autotrace._writer.writer" in sys.modules:
        from autotrace._writer.writer import writer

        writer.reopen(_FLUSH_TIMEOUT)


def _retire_writer() -> None:
    """Take back what the writer has changed in the process, unless a call is still open: its record is still to come."""
    calls = sys.modules.get("autotrace._capture.open_calls")
    if "autotrace._writer.writer" in sys.modules and (calls is None or not calls.by_id):
        from autotrace._writer.writer import writer

        writer.retire(_FLUSH_TIMEOUT)


def _check_installed() -> None:
    """Raise `SettingsError` for a sink or a redactor in the settings that does not exist, or options that a sink refuses."""
    if settings.current.given("sinks"):
        from autotrace.sinks import _registry

        _registry.check()
    if settings.current.given("redact"):
        from autotrace._redaction import policy

        policy.check()


def _share_file_path() -> None:
    """Make ``AUTOTRACE_FILE`` absolute, so that children with another current directory write to the same file."""
    path = os.environ.get("AUTOTRACE_FILE")
    if path and not os.path.isabs(path):
        from autotrace._settings import sink_settings

        _process.variables.set("AUTOTRACE_FILE", sink_settings.path("AUTOTRACE_FILE", path))


def _discover(prefer: object = None) -> None:
    """Find the installed plugins. If several watch the same package, `prefer`, else the setting of that name, decides.

    Raises `SettingsError` for a malformed `prefer`.
    """
    given = settings.current.get("prefer") if prefer is None else settings.KNOWN["prefer"][0]("prefer", prefer)
    preferred = [name.strip() for name in (given or "").split(",")]
    # Sorted by name: which of two plugins for a package is taken must not depend on the order of the file system.
    for entry in sorted(distributions.scan(), key=lambda entry: (entry.distribution not in preferred, entry.distribution)):
        known = installed.get(entry.package)
        if known is None or (known.entry.distribution != entry.distribution in preferred and known.is_idle()):
            installed[entry.package] = InstalledPlugin(entry)
        elif known.entry.distribution != entry.distribution:
            diagnostics.say(
                "plugin",
                f"{entry.distribution}: refused, because {known.entry.distribution} already traces {entry.package}; "
                f"uninstall one, or set AUTOTRACE_PREFER={entry.distribution}.",
            )
    if settings.current.tables or settings.unknown_variables():
        from autotrace._settings import library_settings

        for plugin in installed.values():
            library_settings.register(plugin.entry.package, plugin.names)


def named(name: str) -> InstalledPlugin:
    """The installed plugin called `name`; if there are several, the first by package. Raises `PluginError`."""
    _discover()
    return min(_named((name,)), key=lambda plugin: plugin.entry.package)


def _named(names: Iterable[str]) -> list[InstalledPlugin]:
    """The plugins called `names`. The name of a distribution that watches several packages stands for all its plugins.

    Raises `PluginError` for a name without an installed plugin.
    """
    plugins: list[InstalledPlugin] = []
    for name in names:
        own = installed.get(name)
        matches = [own] if own else [plugin for plugin in installed.values() if name in plugin.names]
        if not matches:
            from autotrace._instrumentation import mistakes

            raise mistakes.not_installed(name, installed)
        plugins += matches
    return plugins


def _checked(where: str, names: object) -> tuple[str, ...]:
    """The names of libraries given to the call `where`. Raises `SettingsError` for anything else."""
    try:
        given: tuple[Any, ...] | None = tuple(names)  # type: ignore[arg-type]
    except TypeError:
        given = None
    if given is not None and all(isinstance(name, str) for name in given):
        return given
    from autotrace._instrumentation import mistakes

    _discover()
    raise mistakes.not_names(where, names if given is None else given, installed)


def library_mistakes(load: bool = False) -> list[str]:
    """A message on each mistake in the settings of single libraries, for `autotrace doctor`.

    Only of loaded plugins, unless `load`: at the end of a program, an import could change its exit code.
    """
    from autotrace._instrumentation import mistakes

    _discover()
    return mistakes.in_library_settings(installed, load)


def _names() -> list[str]:
    """The names of the installed plugins, for messages on settings, which may be made before discovery."""
    return [name for entry in distributions.scan() for name in (entry.package, entry.alias, entry.distribution)]


settings.library_names = _names
