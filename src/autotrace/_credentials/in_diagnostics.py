"""Diagnostics without credentials: lines about autotrace itself, and what its command shows. Imported only if there is one."""

from __future__ import annotations

from typing import Any

from autotrace._credentials import values
from autotrace._credentials.scrubbing import Scrubber

_UNCHECKED = "(withheld: it could not be checked for credentials)"


def scrubbed(data: Any) -> Any:
    """`data`, text or plain JSON values, without credentials. The values in use by calls that are in progress count as well.

    If that fails, texts are withheld: a diagnostic may quote anything.
    """
    try:
        return Scrubber(values.in_use()).data(data)
    except Exception:  # a failure of ours, which must neither hide the diagnostic nor let a credential out
        if not isinstance(data, dict):
            return _UNCHECKED
        return {name: value if name in ("timestamp", "level", "event") else _UNCHECKED for name, value in data.items()}
