"""Build the distributions of a release into `dist/`, and check them. Nothing is uploaded. See docs/releasing.md."""

from __future__ import annotations

import argparse
import configparser
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import Requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"
CORE = "llm-autotrace"
CONSTRAINTS = ROOT / "constraints" / "newest.txt"
DEMO = ("openai", "anthropic", "ollama")
"""The SDKs that the demo uses."""
SMOKE = """
import json, sys
import autotrace, _autotrace_boot
from autotrace.testing import capture

assert sys.prefix in autotrace.__file__, autotrace.__file__
assert _autotrace_boot.__name__ in sys.modules
with capture() as captured, autotrace.span("smoke"):
    pass
assert [span["name"] for span in captured.spans] == ["smoke"], captured.spans
"""


class Distribution(NamedTuple):
    """A distribution, as its pyproject.toml describes it."""

    tree: Path
    project: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.project["name"])

    @property
    def version(self) -> str:
        return str(self.project["version"])

    @property
    def stem(self) -> str:
        """The prefix of the names of its files."""
        return f"{self.name.replace('-', '_')}-{self.version}"

    @property
    def files(self) -> tuple[Path, Path]:
        """The paths of its source distribution and of its wheel."""
        return DIST / f"{self.stem}.tar.gz", DIST / f"{self.stem}-py3-none-any.whl"


class Refused(Exception):
    """The release is refused. The message says why, and what to do."""


def read(tree: Path) -> dict[str, Any]:
    """The pyproject.toml of a tree."""
    return tomllib.loads((tree / "pyproject.toml").read_text(encoding="utf-8"))


def main() -> int:
    """Return 0 if everything named can be uploaded or was rehearsed, 1 if not. An unknown name exits with 2."""
    plugins = sorted(path.parent for path in ROOT.glob("plugins/autotrace-*/pyproject.toml"))
    distributions = [Distribution(tree, read(tree)["project"]) for tree in (ROOT, *plugins)]
    parser = argparse.ArgumentParser(prog="scripts/release", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="DISTRIBUTION", help="what to release; by default, everything")
    parser.add_argument("--rehearse", action="store_true", help="go on if the tree is not ready for a release, and report why")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - {one.name for one in distributions})
    if unknown:
        parser.error(
            f"{', '.join(unknown)}: not a known distribution; expected one of {', '.join(one.name for one in distributions)}"
        )
    chosen = [one for one in distributions if not arguments.names or one.name in arguments.names]
    try:
        consistent(distributions)
        missing = unready(chosen)
        if missing and not arguments.rehearse:
            raise Refused("\n".join(missing))
        build(chosen)
        for one in chosen:
            check_files(one)
        use(chosen, distributions if arguments.rehearse else chosen)
    except Refused as exc:
        print(f"scripts/release: {exc}", file=sys.stderr)
        return 1
    for reason in missing:
        print(f"scripts/release: a release would be refused: {reason}", file=sys.stderr)
    plugins_first = sorted(chosen, key=lambda one: one.name == CORE)
    files = " ".join(str(file.relative_to(ROOT)) for one in plugins_first for file in one.files)
    print(f"\nNothing has been uploaded. {'A release would print' if arguments.rehearse else 'To upload'}:\n")
    print(f"  python -m twine upload {files}")
    return 0


def consistent(distributions: list[Distribution]) -> None:
    """Raise `Refused` unless the core and the plugins allow each other's versions, and ``__version__`` is right."""
    core, plugins = distributions[0], distributions[1:]
    declared = re.search(
        r'^__version__ = "(.+)"$', (ROOT / "src/autotrace/__init__.py").read_text(encoding="utf-8"), re.MULTILINE
    )
    if declared is None or declared[1] != core.version:
        raise Refused(f"autotrace.__version__ is not {core.version}, the version in pyproject.toml; make them equal")
    extras = core.project["optional-dependencies"]
    allowed = {one.name: one for extra in extras.values() for one in map(Requirement, extra)}
    for plugin in plugins:
        requirements = {one.name: one for one in map(Requirement, plugin.project["dependencies"])}
        if CORE not in requirements or not requirements[CORE].specifier.contains(core.version, prereleases=True):
            raise Refused(f"{plugin.name} does not allow {CORE} {core.version}; change its dependencies")
        if plugin.name not in allowed or not allowed[plugin.name].specifier.contains(plugin.version, prereleases=True):
            raise Refused(f"no extra of {CORE} allows {plugin.name} {plugin.version}; change the extras in pyproject.toml")


def unready(chosen: list[Distribution]) -> list[str]:
    """The reasons why the tree is not ready for a release. A rehearsal goes on in spite of them."""
    missing = []
    if output("git", "status", "--porcelain"):
        missing.append("the tree has uncommitted changes; commit them, so that a tag can name what is released")
    for one in chosen:
        changelog = (one.tree / "CHANGELOG.md").read_text(encoding="utf-8")
        if not re.search(rf"^## {re.escape(one.version)} \(\d{{4}}-\d\d-\d\d\)$", changelog, re.MULTILINE):
            path = (one.tree / "CHANGELOG.md").relative_to(ROOT)
            missing.append(
                f"{path} has no entry `## {one.version} (YYYY-MM-DD)`; write it, or replace `unreleased` by the date"
            )
    address = read(ROOT)["tool"]["release"]["address"]
    if address.endswith(".example"):
        missing.append(f"{address} is a placeholder; write the project's address into [tool.release] and every [project.urls]")
    return missing


def build(chosen: list[Distribution]) -> None:
    """Build each source distribution, and its wheel from the source distribution."""
    shutil.rmtree(DIST, ignore_errors=True)
    for one in chosen:
        print(f"building {one.name} {one.version}", flush=True)
        output(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(DIST), str(one.tree))
    built = [str(file) for one in chosen for file in one.files]
    output(sys.executable, "-m", "twine", "check", "--strict", *built)


def check_files(one: Distribution) -> None:
    """Raise `Refused` unless both files of a distribution have the required contents."""
    source, wheel = one.files
    with tarfile.open(source) as packed:
        names = set(packed.getnames())
        tests = [str(path.relative_to(one.tree)) for path in one.tree.glob("tests/test_*.py")]
        files = ("LICENSE", "CHANGELOG.md", "README.md", "pyproject.toml", "conftest.py", *tests)
        require(source, {f"{one.stem}/{name}" for name in files}, names)
    with zipfile.ZipFile(wheel) as zipped:
        names = set(zipped.namelist())
        package = "autotrace" if one.name == CORE else one.name.replace("-", "_")
        wanted = {f"{one.stem}.dist-info/licenses/LICENSE", f"{package}/__init__.py", f"{package}/py.typed"}
        wanted |= {"autotrace.pth", "autotrace.start", "_autotrace_boot.py"} if one.name == CORE else set()
        require(wheel, wanted, names)
        written = configparser.ConfigParser(delimiters="=")
        written.optionxform = str  # type: ignore[assignment,method-assign]  # a package's name keeps its case
        written.read_string(zipped.read(f"{one.stem}.dist-info/entry_points.txt").decode())
    declared = {**one.project.get("entry-points", {}), "console_scripts": one.project.get("scripts", {})}
    if {group: dict(written[group]) for group in written.sections()} != {group: one for group, one in declared.items() if one}:
        raise Refused(f"{wheel.name}: its entry points are not those of {one.tree / 'pyproject.toml'}")


def require(file: Path, wanted: set[str], names: set[str]) -> None:
    """Raise `Refused` unless all of `wanted` are in `names`, the contents of a file."""
    if wanted - names:
        raise Refused(f"{file.name} lacks {', '.join(sorted(wanted - names))}; see [tool.hatch.build] in its pyproject.toml")


def use(chosen: list[Distribution], built_here: list[Distribution]) -> None:
    """Install the wheels in a new environment, outside of the tree, and use them. What was not built comes from the index."""
    with tempfile.TemporaryDirectory() as elsewhere:
        folder = Path(elsewhere)
        print("installing the wheels in a new environment", flush=True)
        output(sys.executable, "-m", "venv", str(folder / "env"))
        scripts = folder / "env" / ("Scripts" if os.name == "nt" else "bin")
        python = str(scripts / "python")
        wheels = [str(one.files[1]) for one in chosen]
        if CORE not in {one.name for one in chosen} and CORE in {one.name for one in built_here}:
            output(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", elsewhere, str(ROOT))
            wheels += map(str, folder.glob("*.whl"))
        whole = CORE in {one.name for one in chosen} and len(chosen) > 1  # includes the plugins that the demo uses
        output(python, "-m", "pip", "install", "--quiet", "-c", str(CONSTRAINTS), *wheels, *(DEMO if whole else ()))
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("AUTOTRACE", "PYTHON"))}

        def run(*command: str, **variables: str) -> str:
            return output(*command, cwd=folder, env={**clean, **variables})

        run(python, "-c", SMOKE, AUTOTRACE="1", AUTOTRACE_STRICT="1")
        json.loads(run(str(scripts / "autotrace"), "schema"))
        listed = {one["distribution"] for one in json.loads(run(str(scripts / "autotrace"), "plugins", "--json"))}
        absent = {one.name for one in chosen} - listed - {CORE}
        if absent:
            raise Refused(f"`autotrace plugins` does not list {', '.join(sorted(absent))} in the new environment")
        if whole:
            lines = run(str(scripts / "autotrace"), "demo").splitlines()
            tree = [line for line in lines if not line.startswith("{")]
            if len(tree) == len(lines) or not tree:
                raise Refused("`autotrace demo` prints no records, or no tree of them, in the new environment")
            print("\n".join(tree), flush=True)


def output(*command: str, **options: Any) -> str:
    """What a command prints on stdout. Raises `Refused`, with all that it printed, if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **{"cwd": ROOT, **options})
    if done.returncode:
        raise Refused(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return str(done.stdout).strip()


if __name__ == "__main__":
    sys.exit(main())
