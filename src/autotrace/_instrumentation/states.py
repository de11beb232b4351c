"""The states of plugins and their targets, as `autotrace.status()` says them. For type checkers only.

- ``waiting``: for an import.
- ``patched``: the library's functions are replaced.
- ``missing``: not in this version of the library.
- ``skipped``: for another version of the library, or another package of that name.
- ``failed``: the reason says why.
- ``disabled``: never enabled, or `disable()` was called.
"""

from __future__ import annotations

from typing import Literal

PluginState = Literal["waiting", "patched", "skipped", "failed", "disabled"]
TargetState = Literal["waiting", "patched", "missing", "skipped", "failed", "disabled"]
