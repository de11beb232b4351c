"""For PYTHONPATH: starts autotrace where `autotrace.pth` is not installed, then lets the `sitecustomize` that it hides run.

Every Python that the program starts imports it, of whatever version and environment. One that autotrace was not installed for
must not notice, so this file holds nothing that Python 2 could not read.
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
    except OSError:  # a relative one, and the current directory is gone
        return False


def _fits():
    # type: () -> bool
    """Whether this interpreter can import autotrace, with its dependencies, from `ROOT`."""
    if sys.hexversion < 0x030A0000 or os.environ.get("AUTOTRACE", "").strip().lower() in OFF:
        return False
    meant = os.environ.get("_AUTOTRACE_SITE")
    if meant:  # `autotrace run` says for whom it put this directory on the path
        return meant == str(sys.implementation.cache_tag) + ":" + sys.prefix
    if any(_same(path, ROOT) for path in sys.path):
        return True
    if os.path.basename(os.path.realpath(ROOT)) in ("site-packages", "dist-packages"):  # those of another environment
        return False
    from importlib.machinery import EXTENSION_SUFFIXES

    # `pip install --target`: the one dependency that is compiled tells for which Python.
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
# From here on as if we had never been: the next `sitecustomize` is imported as `site` would import it, and what it raises, even
# that there is none, is for `site` to deal with. The reference keeps Python 2 from clearing this module while it runs.
ours = sys.modules.pop("sitecustomize", None)
sys.path[:] = [path for path in sys.path if not _same(path, HERE)]
__import__("sitecustomize")
