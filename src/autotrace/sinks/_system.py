"""The operating system's own threads, locks, sleep and poll; and files that never become stdin, stdout or stderr.

gevent and eventlet patch the standard library's modules; with their functions the writer would be a greenlet, which runs only
when the program yields. A second copy of a C module has the original functions.
"""

from __future__ import annotations

import _thread
import os
import select
import sys
import time
from types import BuiltinFunctionType
from typing import Any


def _unpatched(module: Any, *names: str) -> Any:
    if all(type(getattr(module, name, None)) is BuiltinFunctionType for name in names):
        return module
    spec = module.__spec__
    copy = spec.loader.create_module(spec)
    spec.loader.exec_module(copy)
    return copy


_threads = _unpatched(_thread, "start_new_thread", "allocate_lock", "get_ident")
start_new_thread = _threads.start_new_thread
allocate_lock = _threads.allocate_lock
get_ident = _threads.get_ident
get_native_id = getattr(_threads, "get_native_id", get_ident)
sleep = _unpatched(time, "sleep").sleep
poll = getattr(_unpatched(select, "select"), "poll", None)
"""``None`` if the system has no poll (Windows)."""


O_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
"""A flag for `open_file`: fail if the path is a link. 0 if the system has none (Windows)."""


def open_file(path: str, flags: int, mode: int = 0o600) -> int:
    """Like `os.open`, but never descriptor 0, 1 or 2: if a daemon has closed these, its prints would go to our file."""
    fd = os.open(path, flags | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0), mode)
    if fd > 2 or sys.platform == "win32":
        return fd
    import fcntl

    try:
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
    finally:
        os.close(fd)
