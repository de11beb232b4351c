"""One installed plugin at run time. It is loaded when its library is imported, and patches each target when its module is."""

from __future__ import annotations

import sys

from autotrace import _diagnostics as diagnostics
from autotrace import _process
from autotrace import _settings as settings
from autotrace.errors import PluginError, sentences
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
    """A plugin's entry point, and the state of the plugin."""

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
        """Whether the modules of all targets are watched. Until then, no aliases are searched."""
        self._aliases_pending = False
        """Whether modules that were imported before still have to be searched for aliases."""
        self._loading = _process.Claim()
        self._library_version: str | None = None
        self.options: dict[str, object] = {}
        """The plugin's own options that `enable()` was given, checked and converted."""
        self._outside = False
        self._hooks: NativeHooks | None = None

    @property
    def title(self) -> str:
        """The plugin's name in messages: ``autotrace-openai 0.1.0``."""
        return f"{self.entry.distribution} {self.entry.version}".strip()

    @property
    def names(self) -> tuple[str, str, str]:
        """The names of the plugin: the package that it watches, `X` for a distribution `autotrace-X`, and its distribution."""
        return self.entry.package, self.entry.alias, self.entry.distribution

    def enable(self) -> None:
        """Watch for the library, and patch its targets at once if it is imported. Idempotent; new settings take effect."""
        if self._callbacks:
            for target in self.targets.values():
                target.traced.restore()
            self._catch_up()
            return
        self.state, self.reason = "waiting", f"{self.entry.package} has not been imported"
        self._callbacks.append(self._load)
        if _finder.before_import(self.entry.package, self._load):
            self._early = frozenset(sys.modules)
            self._load()

    def _catch_up(self) -> None:
        """Patch what a finder in front of ours has imported, unnoticed by our finder."""
        if self.instrumentor is None and self.state == "waiting" and sys.modules.get(self.entry.package) is not None:
            self._early = frozenset(sys.modules)
            self._load()
        for name in dict.fromkeys(target.module for target in self.targets.values() if target.state == "waiting"):
            module = sys.modules.get(name)
            if module is not None and not _execution.is_unfinished(module):
                self._early |= {name}
                self._patch(name, module)

    def is_idle(self) -> bool:
        """Whether nothing is watched, so that another plugin can replace this one."""
        return not self._callbacks

    def refresh(self) -> None:
        """Apply the settings that are in force now."""
        if self._origin is None or self.instrumentor is None:
            return
        from autotrace._declaration import options
        from autotrace._redaction import policy

        values, content, rules = options.in_force(self.title, self.entry.package, self.instrumentor.options)
        self._origin.content = content and settings.current.get("content", self.entry.package)
        (diagnostics.without_content.discard if self._origin.content else diagnostics.without_content.add)(self.entry.package)
        self._origin.policy = policy.in_force(self.entry.package, rules)
        diagnostics.redacting = diagnostics.redacting or self._origin.policy is not policy.ONLY_CREDENTIALS
        self._origin.options = {**values, **self.options}

    def declared(self) -> Instrumentor:
        """The plugin's `Instrumentor`. Imports the plugin, not its library. Raises `PluginError` if that fails."""
        from autotrace._instrumentation import loading

        try:
            return loading.instrumentor(self.entry.value)
        except Exception as exc:  # the import of foreign code may raise anything
            raise PluginError(f"{self.title}: {self.entry.value} cannot be loaded: {type(exc).__name__}: {exc}") from exc

    def read_options(self, given: Mapping[str, object]) -> dict[str, object]:
        """The values of the plugin's own options `given`. Imports the plugin to check them, not its library.

        Raises `SettingsError` for an unknown option or a malformed value, and `PluginError` if the plugin cannot be imported.
        """
        known = self.declared().options
        for name in given:
            if name not in known:
                from autotrace._instrumentation import mistakes

                raise mistakes.not_an_option(name, self, known)
        return {name: known[name].read(f"setting {name} of {self.title}", value) for name, value in given.items()}

    def _load(self) -> None:
        """Import the plugin and watch for the modules of its targets."""
        if self.instrumentor is not None:
            return
        if not self._loading.take():  # another thread is loading it
            return
        try:
            self._load_claimed()
        finally:
            self._loading.give_back()

    def _load_claimed(self) -> None:
        from autotrace._capture import availability
        from autotrace._instrumentation import loading

        recording = availability.recording()
        if recording is None:
            self.state, self.reason = "failed", f"recording is off in this interpreter: {availability.why_not()}"
            return
        try:
            instrumentor = loading.instrumentor(self.entry.value)
        except Exception as exc:  # the import of foreign code may raise anything
            self.state, self.reason = "failed", f"{type(exc).__name__}: {exc}"
            advice = f"{self.entry.package} works but is not traced; reinstall or update {self.entry.distribution}."
            text = sentences(f"{self.title}: {self.entry.value} cannot be loaded: {self.reason}", advice)
            place = diagnostics.place_of(exc, self.entry.value.partition(":")[0].partition(".")[0])
            diagnostics.say("plugin", text, level="error", at=place)
            return
        if self._comes_from_elsewhere(instrumentor):
            return
        self.instrumentor = instrumentor
        self._watch_targets(self.instrumentor, recording.origins)

    def _comes_from_elsewhere(self, instrumentor: Instrumentor) -> bool:
        from autotrace._discovery import provenance
        from autotrace._discovery.requirements import Requirement

        module, names = sys.modules.get(self.entry.package), [Requirement(text).distribution for text in instrumentor.requires]
        if module is None or not provenance.is_foreign(self.entry.package, module, names):
            return False
        self.state, self.reason = "skipped", f"the imported {self.entry.package} does not come from {' or '.join(names)}"
        return True

    def _watch_targets(self, instrumentor: Instrumentor, origins: dict[str, Any]) -> None:
        from functools import partial

        from autotrace._capture import context
        from autotrace._capture.traced_target import TracedTarget
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
            traced.credentials = instrumentor.credentials
            self.targets[choice.key] = InstalledTarget(choice, traced)
        for module in dict.fromkeys(target.module for target in self.targets.values() if target.state != "skipped"):
            self._when_imported(module, partial(self._patch, module))
        self._watching = self._aliases_pending = True
        self._when_imported(self.entry.package, self._check_version)
        self._hooks = hooks = NativeHooks(self.title)
        for name, hook in instrumentor.on_ready.items():
            self._when_imported(name or self.entry.package, hooks.installer(name or self.entry.package, hook))
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
        """Patch the targets that `module`, called `name`, defines, and its aliases of them.

        `module` need not be in `sys.modules`, because it may have been executed by hand. It may be there under another name.
        """
        targets = self.targets.values()
        here = [
            target
            for target in targets
            if target.state != "skipped" and (target.module == name or sys.modules.get(target.module) is module)
        ]
        failed = [target for target in here if not target.apply(module, self.entry.package, targets)]
        reasons = [target.reason for target in failed if not any(other.is_alternative_to(target) for other in targets)]
        early = [target for target in here if target.module in self._early]
        for target in early:
            target.late = True
        patch_aliases([target for target in here if not target.late], (module,))
        if early and self.state == "patched" and self._watching:
            patch_aliases(self._late_targets(), tuple(sys.modules.values()))
        if reasons:
            active = sum(target.state == "patched" for target in self.targets.values())
            diagnostics.say(
                "target",
                f"{self.title}: {'; '.join(reasons)}. {active} of its {len(self.targets)} targets are active; "
                f"update {self.entry.distribution}.",
            )

    def _late_targets(self) -> list[InstalledTarget]:
        return [target for target in self.targets.values() if target.late]

    def take_late_targets(self) -> list[InstalledTarget]:
        """The targets whose modules were imported before; none on later calls. For `patch_aliases`."""
        pending, self._aliases_pending = self._aliases_pending, False
        return self._late_targets() if pending else []

    def _check_version(self, module: Any) -> None:
        """Report a version of the library that `requires` does not cover. Called when the root module is imported."""
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
                f"{self.title} supports {' or '.join(instrumentor.requires)}, but {self.entry.package} {version} is installed. "
                f"The targets that this version has are traced; update {self.entry.distribution}.",
            )

    def disable(self) -> None:
        """Revert everything: the library's own functions are back, and nothing is watched."""
        _finder.forget(self._callbacks)
        self._callbacks.clear()
        for target in self.targets.values():
            target.revert()
        if self._hooks is not None:
            self._hooks.remove()
        if self._origin is not None:
            from autotrace._capture import context
            from autotrace._capture.recording import origins

            context.enclosing.pop(self.entry.package, None)
            origins.pop(self.entry.value.partition(":")[0].partition(".")[0], None)
        self.instrumentor = None
        self._origin = None
        self._early = frozenset()
        self._watching = self._aliases_pending = False
        self._library_version = None
        self.options.clear()
        self.state, self.reason = "disabled", "disable() was called"

    def status(self) -> dict[str, Any]:
        """The part of `autotrace.status()` for this plugin."""
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
            "targets": {key: target.status(self.entry.package) for key, target in self.targets.items()},
        }

    def _options(self) -> dict[str, dict[str, Any]]:
        """The plugin's own options by name, each with the `value` in force; empty before the plugin is loaded."""
        if self.instrumentor is None or self._origin is None:
            return {}
        values = self._origin.options
        return {name: {**option.described(), "value": values[name]} for name, option in self.instrumentor.options.items()}


def patch_aliases(targets: list[InstalledTarget], modules: tuple[Any, ...]) -> None:
    """Patch the names under which `modules` imported these targets from the targets' own modules.

    A search through all modules takes 10 ms or more, so it is done once for the targets of all plugins.
    """
    if not targets:
        return
    from autotrace._instrumentation import patcher

    target_of = {id(target.patch): target for target in targets if target.patch is not None}
    for patch, alias in patcher.apply_to_aliases([target.patch for target in targets if target.patch is not None], modules):
        target_of[id(patch)].aliases.append(alias)
