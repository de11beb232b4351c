"""Says at the end of the process which library was imported, and not traced because autotrace did not notice its import."""

from __future__ import annotations

import atexit
import sys

from autotrace import _diagnostics as diagnostics
from autotrace import _process
from autotrace.hooks import _execution, _finder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from autotrace._instrumentation.installed_plugin import InstalledPlugin

_registered = _process.Claim()


def at_exit(installed: Mapping[str, InstalledPlugin]) -> None:
    """Call `report` when the process ends. Idempotent."""
    if _registered.take():
        atexit.register(report, installed)


def forget() -> None:
    """Take `at_exit` back."""
    if not _registered.is_free:
        atexit.unregister(report)
        _registered.give_back()


def report(installed: Mapping[str, InstalledPlugin]) -> None:
    """Write one line for each enabled plugin whose library was imported past autotrace, wholly or in part."""
    for plugin in installed.values():
        if plugin.is_idle():
            continue
        names = [plugin.entry.package] if plugin.state == "waiting" else []
        names += [target.module for target in plugin.targets.values() if target.state == "waiting"]
        passed = [name for name in dict.fromkeys(names) if _is_imported(name)]
        if passed:
            active = sum(target.state == "patched" for target in plugin.targets.values())
            how_much = f"{active} of its {len(plugin.targets)} targets are active" if active else "nothing of it is traced"
            text = f"{plugin.entry.package} was imported, but {how_much}: {_finder.passed_by(', '.join(passed))}."
            diagnostics.say("target", f"{plugin.title}: {text}")


def _is_imported(name: str) -> bool:
    module = sys.modules.get(name)
    return module is not None and not _execution.is_unfinished(module)
