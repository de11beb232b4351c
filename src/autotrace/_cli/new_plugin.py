"""`autotrace new-plugin NAME`: creates an installable distribution with the plugin, an entry point, tests and CI."""

from __future__ import annotations

import os
import re
import sys

from autotrace._cli import complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

_NAME = re.compile(r"[a-z][a-z0-9]*([-.][a-z0-9]+)*")
_DISTRIBUTION = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


def main(argv: Sequence[str]) -> int:
    """Write the files. Return 2 if a name is invalid, 1 if the directory is not empty or cannot be written."""
    from autotrace._cli import scaffold

    options = _parser().parse_args(argv)
    wrong = _wrong(options)
    if wrong:
        complain(f"new-plugin: {wrong}")
        return 2
    package = options.package or options.name.replace("-", "_")
    sdk = options.sdk or options.name
    kind = options.kind or scaffold.kind_of(package)
    directory = os.path.join(options.directory, f"autotrace-{options.name}")
    files = scaffold.files(scaffold.Plan(options.name, package, sdk, kind, _core()))
    try:
        _write(directory, files)
    except FileExistsError:
        complain(f"new-plugin: {directory} already exists; choose another --directory, or remove it first")
        return 1
    except OSError as exc:
        complain(f"new-plugin: {exc}")
        return 1
    for path in files:
        print(os.path.join(directory, *path.split("/")))
    if not scaffold.is_installed(package):
        complain(
            f"new-plugin: {package} is not installed here, so nothing could be read from it; install it and create the plugin "
            "again, or fill in the targets by hand"
        )
    print(f"Created a plugin of kind {kind} for {package}. Next: {_next(kind, directory, files)}", file=sys.stderr)
    return 0


def _next(kind: str, directory: str, files: dict[str, str]) -> str:
    """What to do with the new plugin. Only a complete declaration passes its tests at once."""
    steps = f"cd {directory}; pip install -e . --group test"
    if kind in ("client", "callbacks"):
        source = next(path for path in files if path.endswith("__init__.py"))
        return f"{steps}; fill in {source} and tests/test_conformance.py, which fails until then; pytest"
    return f"{steps}; pytest"


def _parser() -> argparse.ArgumentParser:
    import argparse

    from autotrace._cli import scaffold

    parser = argparse.ArgumentParser(
        prog="autotrace new-plugin",
        description="Create a plugin: an installable distribution autotrace-NAME with tests. If the library is installed, its "
        "source determines the kind, the version, the targets and the clients; nothing of it is imported.",
        epilog="kinds:\n" + "\n".join(f"  {kind:<10} {what}" for kind, what in scaffold.KINDS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", help="X in autotrace-X: lowercase letters, digits and dashes")
    parser.add_argument("--package", help="the import package to watch (default: NAME with underscores)")
    parser.add_argument("--sdk", help="the distribution that provides it (default: NAME)")
    parser.add_argument("--kind", choices=scaffold.KINDS, help="the kind of library (default: determined from its source)")
    parser.add_argument("--directory", default=".", help="where to create the directory autotrace-NAME (default: here)")
    return parser


def _wrong(options: argparse.Namespace) -> str:
    name = options.name
    if not _NAME.fullmatch(name):
        meant = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        return f"{name!r} is not a valid plugin name: use lowercase letters, digits and dashes" + (
            f", such as {meant!r}" if meant else ""
        )
    if name.startswith("autotrace-"):
        return f"leave out the prefix autotrace-, which is added: autotrace new-plugin {name[len('autotrace-') :]}"
    if options.package is not None and not all(part.isidentifier() for part in options.package.split(".")):
        return f"--package {options.package!r} is not an import package; expected a name such as 'acme' or 'acme.client'"
    if options.sdk is not None and not _DISTRIBUTION.fullmatch(options.sdk):
        return f"--sdk {options.sdk!r} is not a distribution name; expected a name such as 'acme-sdk'"
    return ""


def _core() -> str:
    import autotrace

    major, minor = autotrace.__version__.split(".")[:2]
    return f"llm-autotrace>={major}.{minor},<{major}.{int(minor) + 1}"


def _write(directory: str, files: dict[str, str]) -> None:
    if os.path.isdir(directory) and os.listdir(directory):
        raise FileExistsError(directory)
    for path, text in files.items():
        place = os.path.join(directory, *path.split("/"))
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "x", encoding="utf-8") as file:
            file.write(text)
