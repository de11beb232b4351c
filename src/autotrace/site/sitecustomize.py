"""For PYTHONPATH: starts autotrace if `autotrace.pth` is not installed, then runs the `sitecustomize` that this one hides.

Every Python that the program starts imports this file, of any version and environment. A Python for which autotrace is not
installed must not notice it, so the file contains only what Python 2 can read.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
OFF = ("", "0", "false", "no", "off")


def _same(path, other):
    # type: (str, str) -> bool
    try:
        return os.path.realpath(path) == os.path.realpath(other)
    except OSError:  # a relative path, and the current directory was removed
        return False


def _fits():
    # type: () -> bool
    """Whether this interpreter can import autotrace, with its dependencies, from `ROOT`."""
    if sys.hexversion < 0x030A0000 or os.environ.get("AUTOTRACE", "").strip().lower() in OFF:
        return False
    intended = os.environ.get("_AUTOTRACE_SITE")
    if intended:  # the interpreter for which `autotrace run` put this directory on the path
        return intended == str(sys.implementation.cache_tag) + ":" + sys.prefix
    if any(_same(path, ROOT) for path in sys.path):
        return True
    if os.path.basename(os.path.realpath(ROOT)) in ("site-packages", "dist-packages"):  # of another environment
        return False
    from importlib.machinery import EXTENSION_SUFFIXES

    # `pip install --target`: the only compiled dependency shows the Python version.
    return any(os.path.isfile(os.path.join(ROOT, "msgspec", "_core" + suffix)) for suffix in EXTENSION_SUFFIXES)


def _start():
    # type: () -> None
    if not any(_same(path, ROOT) for path in sys.path):
        sys.path.append(ROOT)
    try:
        import _autotrace_boot
    except ImportError:
        return
    _autotrace_boot.start()


if _fits():
    _start()
# Hand over to the `sitecustomize` that this one hides: import it as `site` would. `site` handles what that raises, and also the
# case that there is none. The reference keeps Python 2 from clearing this module while it runs.
ours = sys.modules.pop("sitecustomize", None)
sys.path[:] = [path for path in sys.path if not _same(path, HERE)]
__import__("sitecustomize")
