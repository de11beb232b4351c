"""Activation without code: real interpreters that start with our `.pth` file, or as Python 3.15 will."""

from __future__ import annotations

import json
import multiprocessing
import os
import pkgutil
import shutil
import subprocess
import sys
import sysconfig
import textwrap
import time
import venv
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import _autotrace_boot
from autotrace import hooks
from autotrace._discovery import distributions

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
        entry = f"[{distributions.GROUP}]\nthrow_away_library = throw_away_plugin:instrumentor\n"
        (self.metadata / "entry_points.txt").write_text(entry)

    def start(self, program: str, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run `program`, which must end well."""
        return self.run(*options, "-c", textwrap.dedent(program), **variables)

    def script(self, program: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """The same from a file: by `-c`, 3.13 imports linecache first, which the program has not asked for."""
        file = self.root / "program.py"
        file.write_text(textwrap.dedent(program))
        return self.run(str(file), **variables)

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AUTOTRACE", "PYTHON"))}
        result = subprocess.run(
            [str(self.python), *arguments],
            env={**inherited, "PYTHONDONTWRITEBYTECODE": "1", **variables},
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=600,
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
    result = shared.script(OURS, AUTOTRACE="1")
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
    assert result.stdout.splitlines()[1] == "['autotrace.hooks._finder']"


@pytest.mark.parametrize("installed", [True, False], ids=["with a plugin", "without plugins"])
@pytest.mark.parametrize("first", ["_symtable", "__phello__", "_lsprof", "wave", "throw_away_library"])
def test_no_finder_is_left_out_of_the_first_import(own: Installation, first: str, installed: bool) -> None:
    if not installed:
        shutil.rmtree(own.metadata)
    result = own.start(f"import {first}, sys; print({first!r} in sys.modules)", AUTOTRACE="1")
    assert result.stdout.splitlines()[-1] == "True"
    assert ["no plugin is installed" in line for line in result.stderr.splitlines()] == ([] if installed else [True])


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


@pytest.mark.parametrize("first", ["autotrace", "autotrace.hooks", "autotrace.hooks._finder", "__future__"])
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
        import autotrace.hooks._finder
        assert autotrace.hooks._finder is sys.modules["autotrace.hooks._finder"]
        assert sys.modules["autotrace._instrumentation"].settings is autotrace._settings
    """
    assert shared.start(textwrap.dedent(program) + TRACED, AUTOTRACE="1").stdout == "1\npatched\n"


def test_starting_again_changes_nothing(shared: Installation) -> None:
    again = "import _autotrace_boot, sys\n_autotrace_boot.start()\n_autotrace_boot.start()\n"
    result = shared.start(again + TRACED + "_autotrace_boot.start()\n" + OURS, AUTOTRACE="1")
    assert result.stdout.splitlines()[:2] == ["1", "patched"]
    assert result.stdout.splitlines()[3] == "['autotrace.hooks._finder']"
    assert result.stderr == ""


def test_outside_site_it_starts_at_once(shared: Installation) -> None:
    program = "import os, _autotrace_boot\nos.environ['AUTOTRACE'] = '1'\n_autotrace_boot.start()\n"
    result = shared.start(program + OURS)
    assert result.stdout.splitlines()[1] == "['autotrace.hooks._finder']"
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
    assert "autotrace.hooks._finder" in new
    assert new & set(HEAVY.split()) == set()
    assert len(new - {"_autotrace_boot"}) <= 15, sorted(new)  # as for `import autotrace; autotrace.enable()`
    assert result.stderr == ""


FORBIDDEN = "threading socket ssl logging subprocess multiprocessing".split()
"""What gevent and eventlet must find unimported, and what could start something."""


@pytest.mark.parametrize("explicitly", [False, True], ids=["by the environment", "by enable()"])
def test_the_bootstrap_imports_nothing_that_others_want_to_patch_first(shared: Installation, explicitly: bool) -> None:
    code = "autotrace.enable()\nautotrace.enable('throw_away_library', content=False)" if explicitly else ""
    program = f"import sys\nprint(*sys.modules)\nimport autotrace\n{code}\nprint(*sys.modules)\n"
    result = shared.script(program, **({} if explicitly else {"AUTOTRACE": "1"}))
    at_start, enabled = (set(line.split()) for line in result.stdout.splitlines())
    assert ("_autotrace_boot" in at_start) is not explicitly
    assert "autotrace" not in at_start
    assert "autotrace.hooks._finder" in enabled
    assert enabled & set(FORBIDDEN) == set()
    assert result.stderr == ""


def test_off_the_line_costs_next_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTOTRACE", raising=False)
    line = PTH.read_text()
    fastest = 1.0
    for _ in range(200):
        begin = time.perf_counter()
        exec(line)
        fastest = min(fastest, time.perf_counter() - begin)
    assert fastest < 50e-6


def test_without_site_nothing_happens(shared: Installation) -> None:
    result = shared.start(f"import wave\n{OURS}", "-S", AUTOTRACE="1")
    assert result.stdout == "[]\n[]\n"
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
    "metadata is garbage": write_metadata(b"\xff\x00[" + distributions.GROUP.encode() + b"]\n===\n\xfe"),
    "metadata names no attribute": write_metadata(f"[{distributions.GROUP}]\nthrow_away_library = throw_away_plugin".encode()),
    "metadata names what is not there": write_metadata(
        f"[{distributions.GROUP}]\nthrow_away_library = no_such:thing\n".encode()
    ),
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
    result = subprocess.run(["sh", "-c", command], env={**environment, "AUTOTRACE": "1"}, timeout=600, check=False)
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
        timeout=600,
        check=False,
    )
    assert (result.stdout, result.returncode) == ("fine\n", 0)
    assert "Traceback" not in result.stderr


# --- Python 3.15: `autotrace.start` ---

START = PTH.with_suffix(".start")


def entry_points() -> list[str]:
    """The lines of `autotrace.start`, read as PEP 829 says."""
    lines = [line.strip() for line in START.read_text("utf-8-sig").splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


@pytest.fixture
def started(own: Installation) -> Installation:
    """An installation in which `site` does what Python 3.15 would do: it calls the entry points, and ignores our `.pth`."""
    calls = "".join(f"import pkgutil; pkgutil.resolve_name({entry!r})()\n" for entry in entry_points())
    (own.site / "autotrace.pth").write_text(calls * 2)  # what is there twice is called twice
    return own


def test_the_entry_point_has_the_form_that_is_asked_for() -> None:
    assert entry_points() == ["_autotrace_boot:start"]
    assert pkgutil.resolve_name(entry_points()[0]) is _autotrace_boot.start


@pytest.mark.parametrize("options", [[], ["-I"], ["-E", "-s"]], ids=" ".join)
def test_an_entry_point_starts_us_like_the_pth_file(started: Installation, options: list[str]) -> None:
    result = started.start(TRACED + OURS, *options, AUTOTRACE="1")
    assert result.stdout.splitlines()[:2] == ["1", "patched"]
    assert result.stdout.splitlines()[-1] == "['autotrace.hooks._finder']"
    assert result.stderr == ""


@pytest.mark.parametrize("variables", [{}, {"AUTOTRACE": "0"}], ids=["unset", "off"])
def test_an_entry_point_does_nothing_when_autotrace_is_off(started: Installation, variables: dict[str, str]) -> None:
    program = "import throw_away_library, sys\nprint(' '.join(sys.modules))\n"
    result = started.start(program + OURS, **variables)
    assert result.stdout.splitlines()[1:] == ["['_autotrace_boot']", "[]"]
    # It is imported all the same, and then alone.
    (started.site / "autotrace.pth").write_text("import pkgutil; pkgutil.resolve_name('pkgutil:resolve_name')\n")
    without = started.start(program).stdout.splitlines()[0]
    assert set(result.stdout.splitlines()[0].split()) - set(without.split()) == {"_autotrace_boot"}


def test_the_wheels_hold_both_files_and_the_directory_for_pythonpath(tmp_path: Path) -> None:
    builder = pytest.importorskip("hatchling.builders.wheel").WheelBuilder(str(PTH.parent))
    for version in ("standard", "editable"):
        (built,) = builder.build(directory=str(tmp_path / version), versions=[version])
        with zipfile.ZipFile(built) as wheel:
            for file in (PTH, START):
                assert wheel.read(file.name) == file.read_bytes(), version
            if version == "standard":
                names = wheel.namelist()
    assert [name for name in names if name.startswith("autotrace/site/")] == ["autotrace/site/sitecustomize.py"]
    assert sorted(name for name in names if "/" not in name) == ["_autotrace_boot.py", "autotrace.pth", "autotrace.start"]


def test_whichever_of_them_fire_it_is_enabled_once(own: Installation) -> None:
    with (own.site / "autotrace.pth").open("a") as file:
        file.write("import pkgutil; pkgutil.resolve_name('_autotrace_boot:start')()\n")
    again = "import autotrace, _autotrace_boot\nautotrace.enable()\n_autotrace_boot.start()\nautotrace.enable()\n"
    result = own.start(
        again + TRACED + OURS, AUTOTRACE="1", PYTHONPATH=os.pathsep.join([str(SOURCE / "autotrace" / "site"), str(SOURCE)])
    )
    assert result.stdout.splitlines()[:2] == ["1", "patched"]
    assert result.stdout.splitlines()[-1] == "['autotrace.hooks._finder']"
    assert result.stderr == ""


# --- the first import after site ---


def customized(own: Installation, text: str) -> Installation:
    """`text` runs as `sitecustomize`, with our finder in place and `site` not yet done."""
    (own.site / "sitecustomize.py").write_text(textwrap.dedent(text))
    return own


def test_finders_that_came_meanwhile_keep_their_order(own: Installation) -> None:
    customized(
        own,
        """
        import sys
        class Foreign:
            def find_spec(self, name, path=None, target=None):
                if name == "throw_away_library":
                    sys.asked = getattr(sys, "asked", []) + [self]
        sys.before = list(sys.meta_path)
        sys.front, sys.behind = Foreign(), Foreign()
        sys.meta_path.insert(0, sys.front)
        sys.meta_path.append(sys.behind)
        """,
    )
    program = """
        import throw_away_library, sys
        ours, *others = sys.meta_path
        assert type(ours).__module__ == "autotrace.hooks._finder"
        assert others == [sys.front, *sys.before[1:], sys.behind]
        assert type(sys.before[0]).__module__ == "_autotrace_boot"
        print(sys.asked.count(sys.front), sys.asked.count(sys.behind))
    """
    result = own.script(program, AUTOTRACE="1")
    assert result.stderr == ""
    # The one in front is asked before autotrace is there, and again behind autotrace's finder. The path's ends the search.
    assert result.stdout == "2 0\n"


def test_a_walk_along_the_finders_that_is_under_way_passes_none_over(own: Installation) -> None:
    shutil.rmtree(own.metadata)  # without a plugin nothing is put into the place of ours
    program = """
        import sys
        here = iter(sys.meta_path)
        first = next(here)
        assert type(first).__module__ == "_autotrace_boot"
        import wave
        assert list(here) == list(sys.meta_path)
        assert first not in sys.meta_path
        assert first.find_spec("wave") is None
        assert first.find_spec("no_such_module") is None
    """
    assert "no plugin is installed" in own.script(program, AUTOTRACE="1").stderr


@pytest.mark.parametrize("error", ["ValueError('theirs')", "KeyboardInterrupt()", "ImportError('theirs')"])
def test_what_a_finder_raises_in_the_first_import_is_not_ours_to_show(own: Installation, error: str) -> None:
    customized(
        own,
        f"""
        import sys
        class Foreign:
            def find_spec(self, name, path=None, target=None):
                if name in ("throw_away_library", "wave") and sys.armed:
                    raise {error}
        sys.armed = False
        sys.meta_path.insert(1, Foreign())
        """,
    )
    program = f"""
        import sys
        sys.armed = True
        try:
            import wave
        except BaseException as exc:
            seen, tb = repr(exc), exc.__traceback__
        assert seen == repr({error}), seen
        while tb is not None:
            assert "autotrace" not in tb.tb_frame.f_code.co_filename, tb.tb_frame
            tb = tb.tb_next
        sys.armed = False
    """
    result = own.script(textwrap.dedent(program) + TRACED, AUTOTRACE="1")
    assert (result.stdout, result.stderr) == ("1\npatched\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
def test_both_sides_of_a_fork_before_the_first_import_are_traced(shared: Installation) -> None:
    program = """
        import os, sys
        child = os.fork()
        import throw_away_library
        assert type(sys.meta_path[0]).__module__ == "autotrace.hooks._finder"
        assert sys.plugin_loaded == 1
        if child:
            assert os.waitpid(child, 0)[1] == 0
            print("both")
    """
    result = shared.script(program, AUTOTRACE="1")
    assert (result.stdout, result.stderr) == ("both\n", "")


def test_a_thread_that_imports_what_enabling_needs_is_no_deadlock(own: Installation) -> None:
    # An import holds the lock of its module while it waits for the import lock, to look for the module. We are called with the
    # import lock held, and import modules.
    customized(
        own,
        """
        import _imp, _thread, sys, time
        def wait(name):
            while not hasattr(sys, name):
                time.sleep(0.001)
        class Foreign:
            def find_spec(self, name, path=None, target=None):
                if name == "__future__" and not hasattr(sys, "inside"):
                    _imp.release_lock()
                    sys.inside = True
                    wait("looking")
                    _imp.acquire_lock()
                elif name == "throw_away_library" and not hasattr(sys, "looking"):
                    sys.looking = True
                    time.sleep(0.05)  # the other thread waits for the import lock now
                    return boot.find_spec(name, path, target)
        boot = sys.meta_path[0]
        sys.modules.pop("__future__", None)
        sys.meta_path.insert(0, Foreign())
        _thread.start_new_thread(__import__, ("__future__",))
        wait("inside")
        """,
    )
    result = own.script(TRACED, AUTOTRACE="1")
    assert (result.stdout, result.stderr) == ("1\npatched\n", "")


@pytest.mark.parametrize("name", ["__future__", "autotrace.hooks"])
def test_who_only_looks_for_a_module_gets_a_spec_that_works(own: Installation, name: str) -> None:
    # `importlib.util` is there already, so that to look for the module is the first that is done.
    (own.site / "_a.pth").write_text("import importlib.util\n")
    program = f"""
        import importlib.util, sys
        spec = importlib.util.find_spec({name!r})
        assert spec.name == {name!r}
        assert "import" in spec.loader.get_source({name!r})
        assert spec.origin and spec.cached
        module = sys.modules.get({name!r}) or importlib.import_module({name!r})
        assert importlib.reload(module) is module
        assert type(module.__spec__.loader).__module__ != "_autotrace_boot"
    """
    result = own.script(textwrap.dedent(program) + TRACED, AUTOTRACE="1")
    assert (result.stdout, result.stderr) == ("1\npatched\n", "")


# --- children ---

PARENT = """
import multiprocessing, sys

def child(results):
    import throw_away_library
    results.put((type(sys.meta_path[0]).__module__, sys.plugin_loaded))

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    results = context.Queue()
    process = context.Process(target=child, args=(results,))
    process.start()
    print(*results.get(timeout=600))
    process.join()
"""


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_children_of_multiprocessing_are_traced(shared: Installation, method: str) -> None:
    program = shared.root / "parent.py"
    program.write_text(PARENT)
    result = shared.run("-W", "ignore", str(program), method, AUTOTRACE="1")
    assert (result.stdout, result.stderr) == ("autotrace.hooks._finder 1\n", "")


# --- what is said when nothing else can be ---


@pytest.mark.parametrize("name", [name for name in DAMAGES if name.startswith("autotrace ")])
def test_an_autotrace_that_cannot_be_imported_is_said_in_one_line(own: Installation, name: str) -> None:
    DAMAGES[name](own)
    program = "import sys\nprint('json' in sys.modules, 'logging' in sys.modules)\nimport wave, throw_away_library\n"
    result = own.start(program + "import _autotrace_boot\n_autotrace_boot.start()\n", AUTOTRACE="1")
    assert result.stdout == "False False\n"
    (line,) = result.stderr.splitlines()
    said = json.loads(line)
    assert (said["level"], said["event"]) == ("error", "autotrace.boot")
    assert "autotrace could not be enabled: " in said["message"]
    assert datetime.fromisoformat(said["timestamp"].replace("Z", "+00:00")).year > 2000
    assert own.start(program).stderr == ""
    assert own.start(program, AUTOTRACE="0").stderr == ""


@given(st.text(st.characters(exclude_categories=[])))
@example('"\\\n\x7f\ud800\U0001f600')
def test_what_is_said_is_json_whatever_it_holds(text: str) -> None:
    quoted = _autotrace_boot._quoted(text)
    assert json.loads(quoted) == json.loads(json.dumps(text))
    assert quoted.isascii()
    assert quoted.isprintable()
