"""On PYTHONPATH under `autotrace run` from a source tree: starts autotrace, then lets the program's own `sitecustomize` run.

It is imported by every Python that the program starts, of whatever version: in another interpreter than the one that it
was put there for, it only steps aside.
"""

import os
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec

HERE = os.path.dirname(os.path.abspath(__file__))


def _start() -> None:
    if os.environ.get("_AUTOTRACE_SITE") != f"{sys.implementation.cache_tag}:{sys.prefix}":
        return
    root = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
    if root not in sys.path:
        sys.path.append(root)
    try:
        import _autotrace_boot
    except ImportError:
        return
    _autotrace_boot.start()


def _step_aside() -> None:
    """Run the `sitecustomize` that this one hides, under its own name."""
    others = [path for path in sys.path if os.path.abspath(path) != HERE]
    spec = PathFinder.find_spec("sitecustomize", others)
    if spec is None or spec.loader is None:
        return
    module = module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


_start()
_step_aside()
