"""The interpreter's own clocks, files, threads and system calls, whatever the program has put in their place.

Tools for tests replace the standard library's functions: a clock stands still (freezegun), files are in memory (pyfakefs). They
look for them in `sys.modules` and in the namespaces of all modules. What is here they do not find: `time` is a second copy of
the C module, which has functions of its own, and `os` and `io` are namespaces and no modules. gevent and eventlet replace the
functions for threads, with which the writer would be a greenlet that runs only when the program yields.

The modules of the core import `os` and `time` from here. This one is part of the activation budget.
"""

from __future__ import annotations

import _frozen_importlib
import _frozen_importlib_external
import _thread
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import io as io  # noqa: PLC0414
    import os as os  # noqa: PLC0414
    import time as time  # noqa: PLC0414
    from types import BuiltinFunctionType, SimpleNamespace
    from typing import Any
else:  # without importing `types`
    BuiltinFunctionType, SimpleNamespace = type(len), type(sys.implementation)


def _copied(spec: Any) -> Any:
    module = spec.loader.create_module(spec)
    spec.loader.exec_module(module)
    return module


def original(name: str) -> Any:
    """What the C module `name` has, as a namespace. Raises ImportError if this system does not have it."""
    # Not by an import: pyfakefs would answer it.
    for finder in (_frozen_importlib.BuiltinImporter, _frozen_importlib_external.PathFinder):
        spec = finder.find_spec(name)
        if spec is not None:
            return SimpleNamespace(**vars(_copied(spec)))
    raise ImportError(f"no module named {name!r}", name=name)


def unpatched(module: Any, *names: str) -> Any:
    """The C module `module` if its functions `names` are its own, else a copy."""
    if all(type(getattr(module, name, None)) is BuiltinFunctionType for name in names):
        return module
    return _copied(module.__spec__)


if not TYPE_CHECKING:
    time = _copied(sys.modules["time"].__spec__)
    __import__("os")
    _os = sys.modules["genericpath"].os  # the real one, also where the import gives another
    os = SimpleNamespace(**{**vars(_os), "path": SimpleNamespace(**vars(_os.path))})
    io = SimpleNamespace(**vars(sys.modules["_io"]))

_threads = unpatched(_thread, "start_new_thread", "allocate_lock", "get_ident")
start_new_thread = _threads.start_new_thread
allocate_lock = _threads.allocate_lock
get_ident = _threads.get_ident
get_native_id = getattr(_threads, "get_native_id", get_ident)
sleep = time.sleep
perf_counter_ns = time.perf_counter_ns
time_ns = time.time_ns
