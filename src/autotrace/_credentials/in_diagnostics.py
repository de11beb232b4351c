"""Diagnostics without credentials: lines about autotrace itself, and what its command shows. Imported only if there is one."""

from __future__ import annotations

from typing import Any

from autotrace._credentials import values
from autotrace._credentials.scrubbing import Scrubber


def scrubbed(data: Any) -> Any:
    """`data`, text or plain JSON values, without credentials. The values in use by calls that are in progress count as well."""
    return Scrubber(values.in_use()).data(data)
