"""The operating system's own poll and locks of files; and files that never become stdin, stdout or stderr."""

from __future__ import annotations

import select
import sys

from autotrace import _system
from autotrace._system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import fcntl as fcntl  # noqa: PLC0414

sleep = _system.sleep
poll = getattr(_system.unpatched(select, "select"), "poll", None)
"""``None`` if the system has no poll (Windows)."""

if not TYPE_CHECKING and sys.platform != "win32":
    fcntl = _system.original("fcntl")


O_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
"""A flag for `open_file`: fail if the path is a link. 0 if the system has none (Windows)."""


def open_file(path: str, flags: int, mode: int = 0o600) -> int:
    """Like `os.open`, but never descriptor 0, 1 or 2: if a daemon has closed these, its prints would go to our file."""
    fd = os.open(path, flags | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0), mode)
    if fd > 2 or sys.platform == "win32":
        return fd
    try:
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
    finally:
        os.close(fd)
