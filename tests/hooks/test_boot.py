"""Activation without code: real interpreters that start with our `.pth` file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import textwrap
import venv
from pathlib import Path
from typing import Any

import msgspec
import pytest

from autotrace import hooks
from autotrace.hooks import discovery

SOURCE = Path(hooks.__file__).parents[2]
PTH = SOURCE.parent / "autotrace.pth"

PLUGIN = """
import sys
from autotrace.plugin import Instrumentor
sys.plugin_loaded = getattr(sys, "plugin_loaded", 0) + 1
instrumentor = Instrumentor(provider="acme", requires="throw-away-library", on_ready=lambda library: None)
"""


class Installation:
    """A virtual environment with autotrace, a plugin, and the library that it watches."""

    def __init__(self, root: Path) -> None:
        self.root = root
        venv.create(root / "venv", with_pip=False, symlinks=os.name != "nt")
        place = {"base": str(root / "venv"), "platbase": str(root / "venv")}
        scheme = "venv" if "venv" in sysconfig.get_scheme_names() else sysconfig.get_default_scheme()
        self.site = Path(sysconfig.get_path("purelib", scheme, vars=place))
        self.python = Path(sysconfig.get_path("scripts", scheme, vars=place), Path(sys.executable).name)
        (self.site / "_autotrace.pth").write_text(f"{SOURCE}\n")
        (self.site / "autotrace.pth").write_bytes(PTH.read_bytes())
        later = root / "later"
        later.mkdir()
        # On the path last, after our line has run; with the dependencies that recording needs.
        (self.site / "zz_later.pth").write_text(f"{later}\n{Path(msgspec.__file__).parents[1]}\n")
        (later / "throw_away_plugin.py").write_text(PLUGIN)
        (later / "throw_away_library.py").write_text("value = 1\n")
        self.metadata = later / "autotrace_throw_away-1.0.dist-info"
        self.metadata.mkdir()
        entry = f"[{discovery.GROUP}]\nthrow_away_library = throw_away_plugin:instrumentor\n"
        (self.metadata / "entry_points.txt").write_text(entry)

    def start(self, program: str, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run `program`, which must end well."""
        return self.run(*options, "-c", textwrap.dedent(program), **variables)

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AUTOTRACE", "PYTHON"))}
        result = subprocess.run(
            [str(self.python), *arguments],
            env={**inherited, "PYTHONDONTWRITEBYTECODE": "1", **variables},
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """An installation that tests do not change."""
    return Installation(tmp_path_factory.mktemp("installation"))


@pytest.fixture
def own(tmp_path: Path) -> Installation:
    """An installation that the test may break."""
    return Installation(tmp_path)


OURS = """
import sys
print(sorted(name for name in sys.modules if name.partition(".")[0] in ("autotrace", "_autotrace_boot", "throw_away_plugin")))
print([type(one).__module__ for one in sys.meta_path if "autotrace" in type(one).__module__])
"""
"""A program that says what of ours is in the interpreter. It imports nothing that is not there."""

TRACED = """
import throw_away_library
import sys
print(getattr(sys, "plugin_loaded", 0))
import autotrace
print(autotrace.status()["throw_away_library"]["state"])
"""


@pytest.mark.parametrize("variables", [{}, {"AUTOTRACE": ""}], ids=["unset", "empty"])
def test_without_autotrace_in_the_environment_nothing_is_imported(shared: Installation, variables: dict[str, str]) -> None:
    result = shared.start(f"import throw_away_library\n{OURS}", **variables)
    assert result.stdout == "[]\n[]\n"
    assert result.stderr == ""


@pytest.mark.parametrize("off", ["0", "off", "false", "No"])
def test_autotrace_switched_off_watches_nothing(shared: Installation, off: str) -> None:
    result = shared.start(f"import throw_away_library\n{OURS}", AUTOTRACE=off)
    modules, finders = result.stdout.splitlines()
    assert "throw_away_plugin" not in modules
    assert finders == "[]"
    assert result.stderr == ""


def test_a_program_that_imports_nothing_pays_for_the_boot_module_alone(shared: Installation) -> None:
    # By `-c`, 3.13 imports linecache, which is in the standard library and not the program's.
    program = shared.root / "ours.py"
    program.write_text(OURS)
    result = shared.run(str(program), AUTOTRACE="1")
    assert result.stdout == "['_autotrace_boot']\n['_autotrace_boot']\n"
    assert result.stderr == ""


@pytest.mark.parametrize("options", [[], ["-I"], ["-E"], ["-s"], ["-B", "-W", "error"]], ids=" ".join)
def test_the_first_import_after_site_finds_plugins_on_the_whole_path_and_is_traced_itself(
    shared: Installation, options: list[str]
) -> None:
    result = shared.start(TRACED, *options, AUTOTRACE="1")
    assert result.stdout == "1\npatched\n"
    assert result.stderr == ""


def test_the_boot_finder_leaves_and_ours_stands_in_front(shared: Installation) -> None:
    result = shared.start(f"import throw_away_library\n{OURS}", AUTOTRACE="1")
    assert result.stdout.splitlines()[1] == "['autotrace.hooks.finder']"


@pytest.mark.parametrize("installed", [True, False], ids=["with a plugin", "without plugins"])
@pytest.mark.parametrize("first", ["_symtable", "__phello__", "_lsprof", "wave", "throw_away_library"])
def test_no_finder_is_left_out_of_the_first_import(own: Installation, first: str, installed: bool) -> None:
    if not installed:
        shutil.rmtree(own.metadata)
    result = own.start(f"import {first}, sys; print({first!r} in sys.modules)", AUTOTRACE="1")
    assert result.stdout.splitlines()[-1] == "True"
    assert result.stderr == ""


@pytest.mark.parametrize("kind", ["sitecustomize", "usercustomize"])
def test_what_sitecustomize_imports_is_traced_from_then_on(own: Installation, kind: str) -> None:
    (own.site / f"{kind}.py").write_text("import wave, throw_away_library, sys\nsys.customized = True\n")
    configuration = own.root / "venv" / "pyvenv.cfg"  # a venv runs usercustomize only if it sees the system's packages
    configuration.write_text(configuration.read_text().replace("site-packages = false", "site-packages = true"))
    result = own.start("import shlex\n" + TRACED + "print(sys.customized)", AUTOTRACE="1")
    assert result.stdout == "1\npatched\nTrue\n"
    assert result.stderr == ""


def test_site_may_be_run_by_the_program(shared: Installation) -> None:
    program = f"""
        import site, sys
        sys.path = [one for one in sys.path if one != {str(shared.site)!r}]
        site.addsitedir({str(shared.site)!r})
    """
    result = shared.start(textwrap.dedent(program) + TRACED, "-S", AUTOTRACE="1")
    assert result.stdout == "1\npatched\n"
    assert result.stderr == ""


@pytest.mark.parametrize("first", ["autotrace", "autotrace.hooks", "autotrace.hooks.finder", "__future__"])
def test_the_first_import_may_be_one_that_enabling_makes(shared: Installation, first: str) -> None:
    program = f"""
        import {first}
        import sys
        module = sys.modules[{first!r}]
        parent, _, name = {first!r}.rpartition(".")
        assert not parent or getattr(sys.modules[parent], name) is module
        assert module.__spec__.name == {first!r}
        assert type(module.__spec__.loader).__module__ != "_autotrace_boot"
        assert type(module.__loader__).__module__ != "_autotrace_boot"
        import autotrace.hooks.finder
        assert autotrace.hooks.finder is sys.modules["autotrace.hooks.finder"]
        assert sys.modules["autotrace.activation"].settings is autotrace.settings
    """
    assert shared.start(textwrap.dedent(program) + TRACED, AUTOTRACE="1").stdout == "1\npatched\n"


def test_starting_again_changes_nothing(shared: Installation) -> None:
    again = "import _autotrace_boot, sys\n_autotrace_boot.start()\n_autotrace_boot.start()\n"
    result = shared.start(again + TRACED + "_autotrace_boot.start()\n" + OURS, AUTOTRACE="1")
    assert result.stdout.splitlines()[:2] == ["1", "patched"]
    assert result.stdout.splitlines()[3] == "['autotrace.hooks.finder']"
    assert result.stderr == ""


def test_outside_site_it_starts_at_once(shared: Installation) -> None:
    program = "import os, _autotrace_boot\nos.environ['AUTOTRACE'] = '1'\n_autotrace_boot.start()\n"
    result = shared.start(program + OURS)
    assert result.stdout.splitlines()[1] == "['autotrace.hooks.finder']"
    assert result.stderr == ""


def test_children_are_traced_too(shared: Installation) -> None:
    child = "import throw_away_library, sys; print(sys.plugin_loaded)"
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    result = shared.start(program, AUTOTRACE="1")
    assert result.stdout == "1\n"


# --- the budget ---

HEAVY = """
wrapt msgspec structlog asyncio logging typing inspect threading tomllib tomli importlib.metadata importlib_metadata json re
"""


@pytest.mark.parametrize("program", ["throw_away_library_that_is_missing", "wave"])
def test_enabling_imports_little(shared: Installation, program: str) -> None:
    show = f"""
        try:
            import {program}
        except ImportError:
            pass
        import sys
        print(" ".join(sys.modules))
    """
    without = set(shared.start(show).stdout.split())
    result = shared.start(show, AUTOTRACE="1")
    new = set(result.stdout.split()) - without
    assert "autotrace.hooks.finder" in new
    assert new & set(HEAVY.split()) == set()
    assert len(new) <= 15, sorted(new)
    assert result.stderr == ""


# --- whatever is wrong with us, the program runs ---

FINE = "import throw_away_library; print('fine')"


def replace_autotrace(body: str) -> Any:
    def damage(own: Installation) -> None:
        package = own.root / "broken" / "autotrace"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(body)
        shutil.copy(SOURCE / "_autotrace_boot.py", package.parent)
        (own.site / "_autotrace.pth").write_text(f"{package.parent}\n")

    return damage


def write_metadata(content: bytes) -> Any:
    def damage(own: Installation) -> None:
        (own.metadata / "entry_points.txt").write_bytes(content)

    return damage


def write_plugin(body: str) -> Any:
    def damage(own: Installation) -> None:
        (own.root / "later" / "throw_away_plugin.py").write_text(body)

    return damage


def write_settings(text: str) -> Any:
    def damage(own: Installation) -> None:
        (own.root / "pyproject.toml").write_text(text)

    return damage


def remove_the_dependencies(own: Installation) -> None:
    (own.site / "zz_later.pth").write_text(f"{own.root / 'later'}\n")


DAMAGES: dict[str, Any] = {
    "autotrace raises": replace_autotrace("raise RuntimeError('broken')"),
    "autotrace is no Python": replace_autotrace("def def"),
    "autotrace is empty": replace_autotrace(""),
    "autotrace is gone": lambda own: (replace_autotrace("")(own), shutil.rmtree(own.root / "broken" / "autotrace")),
    "the dependencies are gone": remove_the_dependencies,
    "metadata is garbage": write_metadata(b"\xff\x00[" + discovery.GROUP.encode() + b"]\n===\n\xfe"),
    "metadata names no attribute": write_metadata(f"[{discovery.GROUP}]\nthrow_away_library = throw_away_plugin".encode()),
    "metadata names what is not there": write_metadata(f"[{discovery.GROUP}]\nthrow_away_library = no_such:thing\n".encode()),
    "the plugin raises": write_plugin("raise RuntimeError('broken')"),
    "the plugin is no plugin": write_plugin("instrumentor = 1"),
    "the plugin is no Python": write_plugin("def def"),
    "settings are no TOML": write_settings("[tool.autotrace]\n===\n"),
    "settings are unknown": write_settings("[tool.autotrace]\ncontents = false\n"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_what_is_broken_in_the_installation_does_not_stop_the_program(own: Installation, damage: Any) -> None:
    damage(own)
    result = own.start(FINE, AUTOTRACE="1")
    assert result.stdout == "fine\n"
    assert "Traceback" not in result.stderr
    assert all(json.loads(line)["event"].startswith("autotrace.") for line in result.stderr.splitlines())


@pytest.mark.parametrize(
    "variables",
    [
        {"AUTOTRACE": "maybe"},
        {"AUTOTRACE_CONTENT": "perhaps"},
        {"AUTOTRACE_NO_SUCH_SETTING": "1"},
        {"AUTOTRACE_STDOUT": "garbage"},
        {"PYTHONPATH": "/no/such/place"},
        {"HOME": "/no/such/place"},
    ],
    ids=str,
)
def test_a_strange_environment_does_not_stop_the_program(shared: Installation, variables: dict[str, str]) -> None:
    result = shared.start(FINE, **{"AUTOTRACE": "1", **variables})
    assert result.stdout == "fine\n"
    assert "Traceback" not in result.stderr
    assert all(json.loads(line)["event"].startswith("autotrace.") for line in result.stderr.splitlines())


@pytest.mark.skipif(os.name == "nt", reason="sh")
@pytest.mark.parametrize("redirection", ["2>&-", "<&-", ">&- 2>&-"])
def test_closed_descriptors_do_not_stop_the_program(own: Installation, redirection: str) -> None:
    write_plugin("raise RuntimeError('broken')")(own)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AUTOTRACE", "PYTHON"))}
    command = f"exec '{own.python}' -c 'import throw_away_library, sys; sys.exit(7)' {redirection}"
    result = subprocess.run(["sh", "-c", command], env={**environment, "AUTOTRACE": "1"}, timeout=60, check=False)
    assert result.returncode == 7


@pytest.mark.skipif(os.name == "nt", reason="a current directory cannot be removed")
def test_a_current_directory_that_is_gone_does_not_stop_the_program(own: Installation) -> None:
    gone = own.root / "gone"
    gone.mkdir()
    program = f"""
import os, subprocess, sys
os.rmdir({str(gone)!r})
sys.exit(subprocess.run([{str(own.python)!r}, "-c", {FINE!r}]).returncode)
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AUTOTRACE", "PYTHON"))}
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=gone,
        env={**environment, "AUTOTRACE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (result.stdout, result.returncode) == ("fine\n", 0)
    assert "Traceback" not in result.stderr
