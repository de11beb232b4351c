"""One target of a plugin at run time: its place in the library, and its patches."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterable
from typing import Any

from autotrace import _diagnostics as diagnostics
from autotrace._capture import replacement
from autotrace._capture.traced_target import TracedTarget
from autotrace._declaration.instrumentor import Choice
from autotrace._instrumentation import patcher
from autotrace._instrumentation.patcher import Patch
from autotrace.errors import DeclarationError
from autotrace.hooks import _finder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from autotrace._instrumentation.states import TargetState


class InstalledTarget:
    """One target of a plugin: its place in the library, its patches and its state."""

    __slots__ = (
        "_owner",
        "aliases",
        "below",
        "choice",
        "earlier",
        "late",
        "module",
        "name",
        "patch",
        "reason",
        "state",
        "traced",
    )

    def __init__(self, choice: Choice, traced: TracedTarget) -> None:
        self.choice = choice
        self.module, _, self.name = choice.key.partition(":")
        self.traced = traced
        self.patch: Patch | None = None
        self._owner: Callable[[], Any] = _nothing
        self.earlier: list[tuple[Callable[[], Any], Patch]] = []
        """Patches in other modules of the same name that still exist, with weak references to these modules."""
        self.aliases: list[Patch] = []
        self.late = False
        self.below: str | None = None
        self.state: TargetState = "waiting"
        self.reason = f"{self.module} has not been imported"
        if choice.use == "skipped":
            self.state, self.reason = "skipped", f"it is for {choice.shape}, but another version is installed"

    def is_alternative_to(self, other: InstalledTarget) -> bool:
        """Whether this target shows that the library has this shape, and not the shape of `other`. Both must be tried."""
        mine, others = self.choice, other.choice
        return mine.use == others.use == "tried" and mine.shape != others.shape and self.state in ("patched", "waiting")

    def apply(self, module: Any, package: str, others: Iterable[InstalledTarget] = ()) -> bool:
        """Patch the target in `module`. Returns whether it is patched now. Called again after a reload."""
        traced, ours = self.traced, self.patch
        try:
            if ours is None or patcher.find(module, self.name) is not ours.replacement:
                self._check_single(patcher.find(module, self.name), others)
                patch = patcher.apply(
                    module, self.name, lambda original, of_class: replacement.replace(original, traced, of_class)
                )
                self._keep_earlier(module)
                self.patch = patch
                self.below = patcher.wrapped_by(self.patch.original, package)
        except LookupError as exc:
            self.state, self.reason = "missing", str(exc.args[0])
        except Exception as exc:  # for example, an attribute that cannot be set
            self.state, self.reason = "failed", f"{type(exc).__name__}: {exc}"
        else:
            self.state, self.reason = "patched", ""
        return self.state == "patched"

    def _keep_earlier(self, module: Any) -> None:
        """Keep the current patch for `revert` if it is in another module of this name. One of the two was executed by hand."""
        owner = self._owner()
        self.earlier = [(ref, patch) for ref, patch in self.earlier if ref() is not None and ref() is not module]
        if self.patch is not None and owner is not None and owner is not module:
            if self.patch.owner is owner:
                self.patch.owner = None  # the module can be collected
            self.earlier.append((self._owner, self.patch))
        self._owner = _reference(module)

    def _undo_earlier(self) -> None:
        for ref, patch in self.earlier:
            owner = ref()
            if owner is not None:
                patch.owner = owner if patch.owner is None else patch.owner
                patch.undo()
        self.earlier.clear()

    def _check_single(self, raw: Any, others: Iterable[InstalledTarget]) -> None:
        for other in others:
            if other is not self and other.patch is not None and other.patch.replacement is raw:
                raise DeclarationError(f"{self.choice.key} is the same function as {other.choice.key}; declare one of the two")

    def revert(self) -> None:
        """Restore the originals. A replacement that is still referenced somewhere passes calls on to the original."""
        self.traced.active = False
        self._undo_earlier()
        for patch in (*self.aliases, *([self.patch] if self.patch is not None else [])):
            if not patch.undo():
                diagnostics.say(
                    "patch", f"{self.module}:{self.name} was patched again by other code; our patch stays below it, inactive."
                )
        self.aliases.clear()
        self.patch, self._owner = None, _nothing
        self.state, self.reason = "disabled", "disable() was called"

    def status(self, package: str) -> dict[str, Any]:
        """The part of `autotrace.status()` for this target."""
        above = None
        if self.patch is not None and self.patch.present is not self.patch.replacement:
            above = patcher.wrapped_by(self.patch.present, package) or "unknown"
        aliases = [f"{_name_of(alias.owner)}:{alias.name}" for alias in self.aliases]
        tripped = self.traced.tripped if self.state == "patched" else None
        late = self.state == "patched" and self.late
        return {
            "state": self.state if tripped is None else "failed",
            "reason": tripped or (self._imported_early(aliases) if late else self._reason()),
            "late": self.late,
            "aliases": aliases,
            "below": self.below,
            "above": above,
        }

    def _reason(self) -> str | None:
        return _finder.passed_by(self.module) if self.state == "waiting" and self.module in sys.modules else self.reason or None

    def _imported_early(self, aliases: list[str]) -> str:
        effect = f"also replaced in {', '.join(aliases)}" if aliases else "no module had imported the target by name"
        return (
            f"{self.module} was imported before autotrace was enabled: {effect}; references in closures, defaults, "
            "instances, containers or functools.partial cannot be found"
        )


def _name_of(module: Any) -> str:
    return next((name for name, one in tuple(sys.modules.items()) if one is module), "?")


def _reference(module: Any) -> Callable[[], Any]:
    try:
        return weakref.ref(module)
    except TypeError:  # `sys.modules` may hold objects that are not modules
        return _nothing


def _nothing() -> None:
    return None
