"""The states of plugins and targets in `autotrace.status()`. For type checkers only.

- ``waiting``: for an import.
- ``patched``: the library's functions are replaced.
- ``missing``: not in this version of the library.
- ``skipped``: for another version of the library, or for another package of that name.
- ``failed``: see the reason.
- ``disabled``: never enabled, or `disable()` was called.
"""

from __future__ import annotations

from typing import Literal

PluginState = Literal["waiting", "patched", "skipped", "failed", "disabled"]
TargetState = Literal["waiting", "patched", "missing", "skipped", "failed", "disabled"]
