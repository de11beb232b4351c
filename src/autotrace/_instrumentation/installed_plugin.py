"""One installed plugin at run time: loaded when its library is imported, its targets patched as their modules appear."""

from __future__ import annotations

import sys

from autotrace import _diagnostics as diagnostics
from autotrace import _process
from autotrace._settings import settings
from autotrace.errors import PluginError, SettingsError, nearest
from autotrace.hooks import _execution, _finder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from autotrace._declaration.instrumentor import Instrumentor
    from autotrace._discovery.distributions import EntryPoint
    from autotrace._instrumentation.native_hooks import NativeHooks
    from autotrace._instrumentation.states import PluginState
    from autotrace._instrumentation.targets import InstalledTarget
    from autotrace._record.origin import Origin


class InstalledPlugin:
    """An entry point and what has become of it."""

    def __init__(self, entry: EntryPoint) -> None:
        self.entry = entry
        self.instrumentor: Instrumentor | None = None
        self.targets: dict[str, InstalledTarget] = {}
        self.state: PluginState = "disabled"
        self.reason = "not enabled"
        self._origin: Origin | None = None
        self._callbacks: list[object] = []
        self._early: frozenset[str] = frozenset()
        self._watching = False
        """Whether all targets' modules are watched; until then aliases are not looked for."""
        self._searches = False
        """Whether aliases of what was imported before are still to be looked for."""
        self._loading = _process.Claim()
        self._library_version: str | None = None
        self.options: dict[str, object] = {}
        """What `enable()` was given of the plugin's own options, as they read it."""
        self._outside = False
        self._hooks: NativeHooks | None = None

    @property
    def title(self) -> str:
        """How messages call the plugin: ``autotrace-openai 0.1.0``."""
        return f"{self.entry.distribution} {self.entry.version}".strip()

    @property
    def names(self) -> tuple[str, str]:
        """What the plugin answers to: the package that it watches, and the `X` of a distribution `autotrace-X`."""
        return self.entry.package, self.entry.alias

    def enable(self) -> None:
        """Watch for the library; take its targets at once if it has been imported. Idempotent; new settings take effect."""
        if self._callbacks:
            for state in self.targets.values():
                state.traced.restore()
            self._catch_up()
            return
        self.state, self.reason = "waiting", f"{self.entry.package} has not been imported"
        self._callbacks.append(self._load)
        if _finder.before_import(self.entry.package, self._load):
            self._early = frozenset(sys.modules)
            self._load()

    def _catch_up(self) -> None:
        """Take what another finder, in front of ours, has imported without our being asked."""
        if self.instrumentor is None and self.state == "waiting" and sys.modules.get(self.entry.package) is not None:
            self._early = frozenset(sys.modules)
            self._load()
        for name in dict.fromkeys(state.module for state in self.targets.values() if state.state == "waiting"):
            module = sys.modules.get(name)
            if module is not None and not _execution.is_unfinished(module):
                self._early |= {name}
                self._patch(name, module)

    def is_idle(self) -> bool:
        """Whether nothing is watched: another plugin can take this one's place."""
        return not self._callbacks

    def refresh(self) -> None:
        """Take the settings that are in force now."""
        if self._origin is None or self.instrumentor is None:
            return
        from autotrace._declaration import options

        values, content = options.in_force(self.title, self.entry.package, self.instrumentor.options)
        self._origin.content = content and settings.current.get("content", self.entry.package)
        self._origin.options = {**values, **self.options}

    def declared(self) -> Instrumentor:
        """What the plugin declares; it is imported, its library is not. Raises `PluginError` if it cannot be."""
        try:
            return _imported(self.entry.value)
        except Exception as exc:  # somebody else's module: whatever its import raises
            raise PluginError(f"{self.title}: {self.entry.value} cannot be loaded: {type(exc).__name__}: {exc}") from exc

    def read_options(self, given: Mapping[str, object]) -> dict[str, object]:
        """The values of options of the plugin's own; it is imported to ask, its library is not. Raises `SettingsError` for
        one that it does not know, or of another type than its default, and `PluginError` if it cannot be imported."""
        known = self.declared().options
        for name in given:
            if name not in known:
                raise SettingsError(
                    f"neither autotrace nor {self.title} has a setting {name!r}{nearest(name, [*known, *settings.KNOWN])}"
                )
        return {name: known[name].read(f"setting {name} of {self.title}", value) for name, value in given.items()}

    def _load(self) -> None:
        """Import the plugin and watch for its targets' modules."""
        if self.instrumentor is not None:
            return
        if not self._loading.take():  # another thread is at it
            return
        try:
            self._load_claimed()
        finally:
            self._loading.give_back()

    def _load_claimed(self) -> None:
        from autotrace._capture import availability

        recording = availability.recording()
        if recording is None:
            self.state, self.reason = "failed", f"recording is off in this interpreter: {availability.why_not()}"
            return
        try:
            instrumentor = _imported(self.entry.value)
        except Exception as exc:  # somebody else's module: whatever its import raises
            self.state, self.reason = "failed", f"{type(exc).__name__}: {exc}"
            diagnostics.say(
                "plugin",
                f"{self.title}: {self.entry.value} cannot be loaded: {self.reason}. "
                f"{self.entry.package} works without being traced; reinstall or update {self.entry.distribution}.",
                level="error",
                at=diagnostics.place_of(exc, self.entry.value.partition(":")[0].partition(".")[0]),
            )
            return
        if self._is_of_another_distribution(instrumentor):
            return
        self.instrumentor = instrumentor
        self._watch_targets(self.instrumentor, recording.origins)

    def _is_of_another_distribution(self, instrumentor: Instrumentor) -> bool:
        from autotrace._discovery import provenance
        from autotrace._discovery.requirements import Requirement

        module, names = sys.modules.get(self.entry.package), [Requirement(text).distribution for text in instrumentor.requires]
        if module is None or not provenance.is_foreign(self.entry.package, module, names):
            return False
        self.state, self.reason = "skipped", f"{self.entry.package} was imported, and does not come from {' or '.join(names)}"
        return True

    def _watch_targets(self, instrumentor: Instrumentor, origins: dict[str, Any]) -> None:
        from functools import partial

        from autotrace._capture import context
        from autotrace._capture.replacement import TracedTarget
        from autotrace._discovery.requirements import Requirement
        from autotrace._instrumentation.native_hooks import NativeHooks
        from autotrace._instrumentation.targets import InstalledTarget
        from autotrace._record.origin import Origin

        requirements = [Requirement(text) for text in instrumentor.requires]
        self._origin = Origin(
            self.entry.distribution,
            self.entry.version,
            self.entry.package,
            tuple(requirement.distribution for requirement in requirements),
            instrumentor.provider,
            instrumentor.hosts,
        )
        self.refresh()
        origins[self.entry.value.partition(":")[0].partition(".")[0]] = (self._origin, instrumentor.errors)
        self.state, self.reason = "patched", ""
        for choice in instrumentor.choose(self._version_of):
            traced = TracedTarget(choice.key, choice.target, self._origin, instrumentor.errors)
            self.targets[choice.key] = InstalledTarget(choice, traced)
        for module in dict.fromkeys(state.module for state in self.targets.values() if state.state != "skipped"):
            self._when_imported(module, partial(self._patch, module))
        self._watching = self._searches = True
        self._when_imported(self.entry.package, self._check_version)
        self._hooks = hooks = NativeHooks(self.title)
        for name, hook in instrumentor.on_ready.items():
            self._when_imported(name or self.entry.package, hooks.installing(name, hook))
        if instrumentor.enclosing is not None:
            context.enclosing[self.entry.package] = instrumentor.enclosing

    def _version_of(self, distribution: str) -> str | None:
        from autotrace._discovery.requirements import installed_version

        version = installed_version(distribution)
        self._library_version = version or self._library_version
        return version

    def _when_imported(self, module: str, callback: Callable[[Any], None]) -> None:
        if callback not in self._callbacks:
            self._callbacks.append(callback)
        _finder.when_imported(module, callback)

    def _patch(self, name: str, module: Any) -> None:
        """Patch the targets that `module`, which is called `name`, defines, and what it has taken by name.

        It need not be in `sys.modules`: it may have been executed by hand. There it may have other names.
        """
        targets = self.targets.values()
        here = [
            state
            for state in targets
            if state.state != "skipped" and (state.module == name or sys.modules.get(state.module) is module)
        ]
        failed = [state for state in here if not state.apply(module, self.entry.package, targets)]
        wrong = [state.reason for state in failed if not any(other.is_instead_of(state) for other in targets)]
        early = [state for state in here if state.module in self._early]
        for state in early:
            state.late = True
        patch_aliases([state for state in here if not state.late], (module,))
        if early and self.state == "patched" and self._watching:
            patch_aliases(self._late(), tuple(sys.modules.values()))
        if wrong:
            active = sum(state.state == "patched" for state in self.targets.values())
            diagnostics.say(
                "target",
                f"{self.title}: {'; '.join(wrong)}. {active} of its {len(self.targets)} targets are active; "
                f"update {self.entry.distribution}.",
            )

    def _late(self) -> list[InstalledTarget]:
        return [state for state in self.targets.values() if state.late]

    def begin_search(self) -> list[InstalledTarget]:
        """The targets of modules that were imported before, the first time that it is asked: see `patch_aliases`."""
        searches, self._searches = self._searches, False
        return self._late() if searches else []

    def _check_version(self, module: Any) -> None:
        """The library's root has been imported: say so if its version is none that the plugin was made for."""
        from autotrace._discovery.requirements import Requirement, installed_version

        instrumentor = self.instrumentor
        if instrumentor is None:
            return
        version = self._library_version or object.__getattribute__(module, "__dict__").get("__version__")
        if not isinstance(version, str):
            version = installed_version(*(Requirement(text).distribution for text in instrumentor.requires))
        if version is None:
            return
        self._library_version = version
        self._outside = bool(instrumentor.requires) and not any(
            Requirement(text).allows(version) for text in instrumentor.requires
        )
        if self._outside:
            diagnostics.say(
                "version",
                f"{self.title} was made for {' or '.join(instrumentor.requires)}; {self.entry.package} {version} is installed. "
                f"What it finds there is traced; update {self.entry.distribution}.",
            )

    def disable(self) -> None:
        """Full revert: the library's own functions are back, and nothing is watched any more."""
        _finder.forget(self._callbacks)
        self._callbacks.clear()
        for state in self.targets.values():
            state.revert()
        if self._hooks is not None:
            self._hooks.take_off()
        if self._origin is not None:
            from autotrace._capture import context
            from autotrace._capture.recording import origins

            context.enclosing.pop(self.entry.package, None)
            origins.pop(self.entry.value.partition(":")[0].partition(".")[0], None)
        self.instrumentor = None
        self._origin = None
        self._early = frozenset()
        self._watching = self._searches = False
        self._library_version = None
        self.options.clear()
        self.state, self.reason = "disabled", "disable() was called"

    def status(self) -> dict[str, Any]:
        """This plugin's part of `autotrace.status()`."""
        from autotrace._discovery.requirements import Requirement

        requires = list(self.instrumentor.requires) if self.instrumentor is not None else []
        reason = (
            _finder.passed_by(self.entry.package)
            if self.state == "waiting" and self.entry.package in sys.modules
            else self.reason
        )
        return {
            "distribution": self.entry.distribution,
            "version": self.entry.version,
            "origin": self.entry.origin,
            "library": {
                "distribution": Requirement(requires[0]).distribution if requires else None,
                "version": self._library_version,
            },
            "requires": requires,
            "outside": self._outside,
            "state": self.state,
            "reason": reason or None,
            "options": self._options(),
            "targets": {key: state.status(self.entry.package) for key, state in self.targets.items()},
        }

    def _options(self) -> dict[str, dict[str, Any]]:
        """The plugin's own options by name, with the `value` in force; none before the plugin is loaded."""
        if self.instrumentor is None or self._origin is None:
            return {}
        values = self._origin.options
        return {name: {**option.described(), "value": values[name]} for name, option in self.instrumentor.options.items()}


def patch_aliases(states: list[InstalledTarget], modules: tuple[Any, ...]) -> None:
    """Patch what `modules` took by name from the modules of these targets. To look through all modules takes 10 ms and more:
    once for the targets of all plugins."""
    if not states:
        return
    from autotrace._instrumentation import patcher

    of_patch = {id(state.patch): state for state in states if state.patch is not None}
    for patch, alias in patcher.apply_to_aliases([state.patch for state in states if state.patch is not None], modules):
        of_patch[id(patch)].aliases.append(alias)


def _imported(value: str) -> Instrumentor:
    """The `Instrumentor` at ``module:attribute``."""
    from autotrace._declaration.checking import in_program
    from autotrace._declaration.instrumentor import Instrumentor
    from autotrace._discovery import references

    quiet = in_program.set(not diagnostics.strict)
    try:
        found = references.load(value)
    finally:
        in_program.reset(quiet)
    if not isinstance(found, Instrumentor):
        raise TypeError(f"it is a {type(found).__name__}, not an Instrumentor")
    return found
