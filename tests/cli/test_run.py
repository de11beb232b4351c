"""`autotrace run`: real processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Mapping
from importlib import machinery
from pathlib import Path

import pytest

from autotrace._cli import activation, interpreters, run

SOURCE = str(Path(activation.__file__).parents[2])
SHOW = """
import json, os, sys
print(json.dumps({"argv": sys.argv, "on": os.environ.get("AUTOTRACE"), "service": os.environ.get("AUTOTRACE_SERVICE_NAME"),
                  "content": os.environ.get("AUTOTRACE_CONTENT"), "python": sys.executable, "pid": os.getpid()}))
sys.exit(int(os.environ.get("EXIT", "0")))
"""
"""A program that says what it was started with."""


def autotrace(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACE")}
    environment = {**inherited, "PYTHONPATH": SOURCE, **variables}
    line = [sys.executable, "-m", "autotrace", *arguments]
    return subprocess.run(line, cwd=cwd, env=environment, capture_output=True, text=True, timeout=600, check=False)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "show.py").write_text(SHOW)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "no program given"),
        (["--"], "no program given"),
        (["nothing.py"], "program not found: nothing.py"),
        (["no/such/file.py"], "file not found: no/such/file.py"),
        (["no-such-program", "--help"], "program not found: no-such-program"),
        (["-m"], "-m needs a module"),
        (["-X", "show.py"], "unknown option -X"),
    ],
)
def test_what_cannot_be_run_is_one_line_and_2(here: Path, arguments: list[str], says: str) -> None:
    result = autotrace("run", *arguments, cwd=here)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("autotrace: run: ")
    assert says in result.stderr


@pytest.mark.parametrize("before", [[], ["--"]])
def test_a_script_gets_its_arguments_untouched(here: Path, before: list[str]) -> None:
    arguments = ["--help", "-m", "x", "--", "", "a b", "run", "--real", "-"]
    result = autotrace("run", *before, "show.py", *arguments, cwd=here, EXIT="7")
    assert result.returncode == 7
    assert result.stderr == ""
    said = json.loads(result.stdout)
    assert said["argv"] == ["show.py", *arguments]
    assert said["on"] == "1"


def test_modules_directories_zips_and_commands(here: Path) -> None:
    (here / "package").mkdir()
    (here / "package" / "__main__.py").write_text(SHOW)
    with zipfile.ZipFile(here / "packed", "w") as packed:
        packed.writestr("__main__.py", SHOW)
    for line in (["-m", "show"], ["-m", "package"], ["package"], ["packed"], ["-c", SHOW]):
        result = autotrace("run", *line, "--flag", cwd=here, EXIT="3")
        assert result.returncode == 3, result.stderr
        said = json.loads(result.stdout)
        assert (said["on"], said["argv"][1:]) == ("1", ["--flag"])


def program(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.mark.skipif(os.name == "nt", reason="shell scripts")
def test_a_console_program_is_run_as_it_is(here: Path) -> None:
    tools = here / "tools"
    tools.mkdir()
    program(tools / "tool-of-ours", f"#!{sys.executable}\n{SHOW}")
    program(tools / "shell-tool", '#!/bin/sh\necho "$AUTOTRACE $1"\nexit 9\n')
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    said = json.loads(autotrace("run", "tool-of-ours", "-v", cwd=here, PATH=path).stdout)
    assert (said["on"], said["argv"]) == ("1", [str(tools / "tool-of-ours"), "-v"])
    for name in ("shell-tool", str(tools / "shell-tool"), "./tools/shell-tool"):
        result = autotrace("run", name, "--help", cwd=here, PATH=path)
        assert (result.stdout, result.returncode) == ("1 --help\n", 9)


@pytest.mark.skipif(os.name == "nt", reason="shebangs")
def test_which_files_this_python_runs(here: Path) -> None:
    assert run.is_for_this_python(str(here / "show.py"))
    assert run.is_for_this_python(str(program(here / "plain", "print(1)\n")))
    assert run.is_for_this_python(str(program(here / "open", "#!/usr/bin/env -S python3 -u\n")))
    assert not run.is_for_this_python(str(program(here / "fixed", "#!/srv/venv/bin/python\n")))
    assert not run.is_for_this_python(str(program(here / "ruby", "#!/usr/bin/env ruby\n")))
    assert not run.is_for_this_python(sys.executable)


@pytest.mark.skipif(os.name == "nt", reason="symlinks")
def test_beside_the_interpreter_comes_before_path(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("beside", "elsewhere"):
        (here / name).mkdir()
        program(here / name / "tool", "#!/bin/sh\n")
    monkeypatch.setattr(sys, "executable", str(here / "beside" / "python"))
    monkeypatch.setenv("PATH", str(here / "elsewhere"))
    assert run.command(["tool", "x"]) == [str(here / "beside" / "tool"), "x"]


@pytest.mark.skipif(os.name == "nt", reason="a subprocess there")
def test_the_process_is_replaced(here: Path) -> None:
    line = [sys.executable, "-m", "autotrace", "run", "show.py"]
    with subprocess.Popen(line, cwd=here, env={**os.environ, "PYTHONPATH": SOURCE}, stdout=subprocess.PIPE) as process:
        output, _ = process.communicate(timeout=600)
    assert json.loads(output)["pid"] == process.pid


@pytest.mark.skipif(os.name == "nt", reason="modes")
def test_what_a_script_reads_from_its_commands_has_no_records(here: Path) -> None:
    """The script is not Python, so it cannot know which stdout is its own; `run` does."""
    (here / "ask.py").write_text("import autotrace\nwith autotrace.span('asked'): pass\nprint(42)\n")
    (here / "script.sh").write_text(f'answer=$("{sys.executable}" ask.py)\necho "answer: $answer"\n"{sys.executable}" ask.py\n')
    result = autotrace("run", shutil.which("sh") or "sh", "script.sh", cwd=here)
    own = [line for line in result.stdout.splitlines() if not line.startswith("{")]
    assert (result.returncode, own) == (0, ["answer: 42", "42"])
    assert [text.count('"name":"asked"') for text in (result.stdout, result.stderr)] == [1, 1]


def test_a_program_that_the_system_refuses(here: Path) -> None:
    program(here / "broken", "#!/no/such/interpreter\n")
    result = autotrace("run", "./broken", cwd=here)
    assert (result.returncode, result.stderr) == (2, "autotrace: run: ./broken: No such file or directory\n")


@pytest.mark.parametrize("value", ["0", "off", "1", "yes"])
def test_the_operator_wins(here: Path, value: str) -> None:
    result = autotrace("run", "show.py", cwd=here, AUTOTRACE=value)
    assert json.loads(result.stdout)["on"] == value
    assert result.stderr == ""


def test_the_file_is_read_and_the_environment_goes_before_it(here: Path) -> None:
    (here / "pyproject.toml").write_text('[tool.autotrace]\nservice_name = "filed"\ncontent = false\n')
    said = json.loads(autotrace("run", "show.py", cwd=here).stdout)
    assert (said["service"], said["content"]) == ("filed", "off")
    said = json.loads(autotrace("run", "show.py", cwd=here, AUTOTRACE_SERVICE_NAME="mine", AUTOTRACE_CONTENT="on").stdout)
    assert (said["service"], said["content"]) == ("mine", "off")


def test_a_file_that_is_wrong_is_said_and_the_program_runs(here: Path) -> None:
    (here / "pyproject.toml").write_text("[tool.autotrace]\nno_such_setting = 1\n")
    result = autotrace("run", "show.py", cwd=here)
    assert json.loads(result.stdout)["on"] == "1"
    assert "no_such_setting" in result.stderr.splitlines()[0]


# ------------------------------------------------------------------------------------ which Python runs the program


class Environment:
    """A virtual environment of its own, in which nothing is installed."""

    def __init__(self, root: Path) -> None:
        venv.create(root, with_pip=False, symlinks=os.name != "nt")
        place = {"base": str(root), "platbase": str(root)}
        scheme = "venv" if "venv" in sysconfig.get_scheme_names() else sysconfig.get_default_scheme()
        self.root = root
        self.site = Path(sysconfig.get_path("purelib", scheme, vars=place))
        self.python = Path(sysconfig.get_path("scripts", scheme, vars=place), Path(sys.executable).name)

    def install(self) -> None:
        """In the place of our `.pth` file, one that says that it is read; `site` does that twice in such an environment."""
        line = "import os, sys; os.environ.get('AUTOTRACE') and sys.stderr.write('started\\n')\n"
        (self.site / "autotrace.pth").write_text(line)


@pytest.fixture
def other(tmp_path: Path) -> Environment:
    return Environment(tmp_path / "other")


NOT_INSTALLED = (
    "autotrace: run: {program} runs on another interpreter{python}, where llm-autotrace is not installed; it is not traced\n"
)


def test_a_program_on_another_interpreter_is_not_traced_and_that_is_said(here: Path, other: Environment) -> None:
    result = autotrace("run", str(other.python), "show.py", "-I", cwd=here, EXIT="4")
    assert result.stderr == NOT_INSTALLED.format(program=other.python, python="")
    assert result.returncode == 4
    assert json.loads(result.stdout)["argv"] == ["show.py", "-I"]


def test_an_interpreter_that_has_autotrace_itself_is_left_alone(here: Path, other: Environment) -> None:
    other.install()
    for options in ([], ["-I"], ["-sEB"]):
        result = autotrace("run", str(other.python), *options, "show.py", cwd=here)
        assert set(result.stderr.splitlines()) == {"started"}, options


@pytest.mark.skipif(os.name == "nt", reason="shebangs")
@pytest.mark.parametrize(
    "line",
    [
        "{python}",
        "{python} -I",
        "/usr/bin/env {python}",
        "/usr/bin/env -S {python} -u",
        """/bin/sh\n'''exec' "{python}" "$0" "$@"\n' '''""",
        """/bin/sh\n'''exec' '{python}' "$0" "$@"\n' '''""",
    ],
)
@pytest.mark.parametrize("installed", [True, False])
def test_the_first_line_of_a_console_program_says_who_runs_it(
    here: Path, other: Environment, line: str, installed: bool
) -> None:
    tool = program(here / "tool", f"#!{line.format(python=other.python)}\n{SHOW}")
    if installed:
        other.install()
    result = autotrace("run", "tool", cwd=other.root, PATH=f"{here}{os.pathsep}{os.environ['PATH']}")
    assert json.loads(result.stdout)["argv"] == [str(tool)]
    expected = "started\n" if installed else NOT_INSTALLED.format(program=tool, python=f" ({other.python})")
    assert set(result.stderr.splitlines()) == set(expected.splitlines())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["-S"], "with -S, so Python reads no .pth file and no sitecustomize at startup"),
        (["-IS"], "with -S, so Python reads no .pth file and no sitecustomize at startup"),
        (["-I"], "with -I, so Python ignores PYTHONPATH, and autotrace.pth is not installed for it"),
        (["-B", "-E"], "with -E, so Python ignores PYTHONPATH, and autotrace.pth is not installed for it"),
        (["-W", "ignore", "-X", "utf8", "-s"], None),
        ([], None),
    ],
    ids=str,
)
def test_options_that_keep_autotrace_out_are_said(here: Path, other: Environment, options: list[str], says: str | None) -> None:
    line = [str(other.python), "-m", "autotrace", "run", str(other.python), *options, "show.py"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRACE")}
    environment["PYTHONPATH"] = SOURCE
    result = subprocess.run(line, cwd=here, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert json.loads(result.stdout)["on"] == "1"
    # It has no plugin, which is said where autotrace is on.
    told = [line for line in result.stderr.splitlines() if '"event": "autotrace.plugin"' not in line]
    assert told == ([f"autotrace: run: {other.python} runs {says}; it is not traced"] if says else [])
    environment["AUTOTRACE"] = "0"
    result = subprocess.run(line, cwd=here, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "letters"),
    [
        (["-I", "x.py", "-S"], "I"),
        (["-sE", "-c", "-S"], "sE"),
        (["-Wignore", "-W", "-S", "-Xdev", "-X", "-S", "-B"], "B"),
        (["-Im", "S", "-S"], "I"),
        (["--check-hash-based-pycs", "-S", "--help-all", "-u", "--", "-S"], "u"),
        (["-", "-S"], ""),
        ([], ""),
    ],
)
def test_the_options_that_python_takes_for_itself(arguments: list[str], letters: str) -> None:
    assert interpreters.options(arguments) == set(letters)


def test_what_is_known_of_an_interpreter(tmp_path: Path, other: Environment) -> None:
    this = interpreters.Interpreter(sys.executable)
    assert this.is_this
    assert this.version == sys.version_info[:2]
    foreign = interpreters.Interpreter(str(other.python))
    assert not foreign.is_this  # although both may be links to one file
    assert foreign.version == sys.version_info[:2]
    assert [os.path.realpath(place) for place in foreign.site_directories()] == [os.path.realpath(other.site)]
    assert interpreters.Interpreter(str(tmp_path / "python3.15")).version == (3, 15)
    assert interpreters.Interpreter(str(tmp_path / "python")).version is None


@pytest.mark.parametrize(
    ("version", "names", "installed"),
    [
        ("3.10", ["autotrace.start"], False),
        ("3.14", ["autotrace.pth"], True),
        ("3.15", ["autotrace.pth"], True),
        ("3.15", ["autotrace.start"], True),
        ("3.18", ["autotrace.pth"], False),
        ("3.18", ["autotrace.pth", "autotrace.start"], True),
    ],
)
def test_which_file_counts_depends_on_the_version(tmp_path: Path, version: str, names: list[str], installed: bool) -> None:
    packages = tmp_path / f"lib/python{version}/site-packages"
    packages.mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / f"python{version}").touch()
    for name in names:
        (packages / name).touch()
    python = interpreters.Interpreter(str(tmp_path / "bin" / f"python{version}"), frozenset("s"))
    assert python.site_directories() == [str(packages)]
    assert activation.is_installed(python) is installed


# ------------------------------------------------------------------------------- without autotrace.pth: sitecustomize


def test_the_directory_for_pythonpath_is_printed(here: Path) -> None:
    result = autotrace("site", cwd=here)
    assert result.stdout == activation.SITE + "\n"
    assert [path.name for path in Path(activation.SITE).iterdir() if path.name != "__pycache__"] == ["sitecustomize.py"]
    assert autotrace("site", "--help", cwd=here).returncode == 0
    assert autotrace("site", "surplus", cwd=here).returncode == 2


class Target:
    """A directory as `pip install --target` makes it, with a `_autotrace_boot` that only says that it was started."""

    def __init__(self, root: Path, bare: Environment) -> None:
        self.root = root
        self.bare = bare
        self.site = root / "autotrace" / "site"
        self.site.mkdir(parents=True)
        shutil.copy(Path(activation.SITE, "sitecustomize.py"), self.site)
        (root / "_autotrace_boot.py").write_text("def start():\n    print('started')\n")

    def fill(self) -> None:
        """The real thing in its place."""
        shutil.copytree(Path(SOURCE, "autotrace"), self.root / "autotrace", dirs_exist_ok=True)
        shutil.copy(Path(SOURCE, "_autotrace_boot.py"), self.root)

    def compile(self, name: str) -> None:
        (self.root / "msgspec").mkdir(exist_ok=True)
        (self.root / "msgspec" / name).touch()

    @property
    def accepted(self) -> dict[str, str]:
        """The variable by which `autotrace run` says for whom it is."""
        return {activation.INTERPRETER: f"{sys.implementation.cache_tag}:{self.bare.root}"}

    def python(self, code: str, *others: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run `code` in an environment where nothing is installed, our directory and `others` behind it on PYTHONPATH."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AUTOTRACE", "PYTHON"))}
        path = os.pathsep.join(map(str, [self.site, *others]))
        environment: Mapping[str, str] = {
            **inherited,
            "PYTHONPATH": path,
            "AUTOTRACE": "1",
            "AUTOTRACE_EXIT_TIMEOUT": "600",
            **variables,
        }
        line = [str(self.bare.python), "-B", "-c", code]
        return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=600, check=False)


@pytest.fixture
def target(tmp_path: Path) -> Target:
    return Target(tmp_path / "target", Environment(tmp_path / "bare"))


LAST = "import sys; print(sys.path[-1])"


def test_what_autotrace_run_put_there_is_started(target: Target) -> None:
    result = target.python(LAST, **target.accepted)
    assert (result.stdout, result.stderr) == (f"started\n{target.root}\n", "")


@pytest.mark.parametrize("value", ["", "0", "Off"])
def test_off_it_only_steps_aside(target: Target, value: str) -> None:
    result = target.python(LAST, AUTOTRACE=value, **target.accepted)
    assert "started" not in result.stdout
    assert str(target.root) not in result.stdout
    assert result.stderr == ""


def test_sitecustomize_is_nothing_to_another_interpreter(target: Target) -> None:
    result = target.python(LAST, target.root, **{activation.INTERPRETER: "cpython-27:/other"})
    assert "started" not in result.stdout
    assert result.stderr == ""


OURS = f"_core{machinery.EXTENSION_SUFFIXES[0]}"


@pytest.mark.parametrize(
    ("compiled", "name", "started"),
    [
        (OURS, "whole", True),
        (OURS, "site-packages", False),
        (OURS, "dist-packages", False),
        ("_core.cpython-27-x86_64-linux-gnu.so", "whole", False),
        (None, "whole", False),
    ],
)
def test_without_the_variable_a_directory_made_for_this_python_is_accepted(
    target: Target, tmp_path: Path, compiled: str | None, name: str, started: bool
) -> None:
    whole = Target(tmp_path / name, target.bare)
    if compiled is not None:
        whole.compile(compiled)
    result = whole.python(LAST)
    assert result.stdout.startswith("started\n") is started
    assert (str(whole.root) in result.stdout) is started
    assert result.stderr == ""


def test_what_is_on_the_path_already_is_accepted_and_not_added_twice(target: Target) -> None:
    result = target.python(f"import sys; print(sys.path.count({str(target.root)!r}))", target.root)
    assert (result.stdout, result.stderr) == ("started\n1\n", "")


@pytest.mark.parametrize("compiled", [OURS, "_core.cpython-27-x86_64-linux-gnu.so", None])
def test_run_knows_beforehand_whom_the_directory_fits(target: Target, other: Environment, compiled: str | None) -> None:
    target.fill()
    if compiled is not None:
        target.compile(compiled)
    program = "import sys; print('_autotrace_boot' in sys.modules)"
    code = f"from autotrace._cli import main; main(['run', {str(other.python)!r}, '-c', {program!r}])"
    result = target.python(code, target.root)
    assert result.stdout == f"{compiled == OURS}\n"
    assert ("is not traced" in result.stderr) is (compiled != OURS)


SEEN = """
import sys
module = sys.modules.get("sitecustomize")
if module is not None:
    print(module.__name__, module.__file__, module.__spec__.name, module.__spec__.origin, module.MARK)
    print(module.__spec__._initializing, module.__loader__ is module.__spec__.loader)
print(sys.path)
try:
    import sitecustomize
    print(sitecustomize is module)
except ImportError as exc:
    print(exc)
"""
NEXT = {
    "none": None,
    "plain": "MARK = [__name__, __file__, __spec__.name, __spec__.loader.name]\n",
    "replaced": """
import sys, types
other = types.ModuleType('sitecustomize')
other.__dict__.update(globals(), MARK=3)
sys.modules[__name__] = other
""",
    "removes itself": "import sys\ndel sys.modules[__name__]\n",
    "raises": "raise RuntimeError('theirs')\n",
    "misses a module": "import no_such_module_of_theirs\n",
    "there is none, it says": "raise ImportError('theirs', name='sitecustomize')\n",
    "no Python": "def def\n",
    "exits": "raise SystemExit(3)\n",
}


def said(result: subprocess.CompletedProcess[str]) -> tuple[int, list[str]]:
    """How a process ended. Of the traceback that Python prints when `site` itself fails, the ends."""
    lines = result.stderr.splitlines()
    return result.returncode, lines[:1] + lines[-1:]


@pytest.mark.parametrize("text", NEXT.values(), ids=NEXT)
def test_the_next_sitecustomize_runs_as_if_we_had_never_been(target: Target, tmp_path: Path, text: str | None) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    if text is not None:
        (theirs / "sitecustomize.py").write_text(text)
    foreign = target.python(SEEN, theirs, **{activation.INTERPRETER: "cpython-27:/other"})
    started = target.python(SEEN, theirs, **target.accepted)
    without = target.python(SEEN, PYTHONPATH=str(theirs))
    assert (foreign.stdout, said(foreign)) == (without.stdout, said(without))
    assert started.stdout.startswith("started\n")
    assert said(started) == said(without)


@pytest.mark.skipif(os.name == "nt", reason="symlinks")
def test_our_directory_twice_and_once_more_by_another_name(target: Target, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "sitecustomize.py").write_text("print('theirs')\n")
    link = tmp_path / "link"
    link.symlink_to(target.site)
    second = Target(tmp_path / "second", target.bare)
    result = target.python("print('program')", link, target.site, second.site, theirs, **target.accepted)
    assert result.stdout == "started\nstarted\ntheirs\nprogram\n"
    assert result.stderr == ""


def test_the_next_sitecustomize_may_use_autotrace(tmp_path: Path, target: Target) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "sitecustomize.py").write_text("import autotrace\nautotrace.enable()\n")
    target.fill()
    activation = "autotrace._instrumentation"
    code = f"import sys, wave; print({activation!r} in sys.modules, sys.modules['sitecustomize'].autotrace.__file__)"
    result = target.python(code, theirs, **target.accepted)
    assert result.stdout == f"True {target.root / 'autotrace' / '__init__.py'}\n"
    assert [json.loads(line)["event"] for line in result.stderr.splitlines()] == ["autotrace.plugin"], "no plugin is installed"


def test_pythonpath_is_kept_and_not_grown_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activation, "is_installed", lambda python: False)
    for before in ("/a:/b", ":/a", "/a::/b", "/a:"):
        given = before.replace(":", os.pathsep)
        once = activation.environment({"PYTHONPATH": given})
        assert once["PYTHONPATH"] == activation.SITE + os.pathsep + given
        assert activation.environment(once) == once
    nothing: list[dict[str, str]] = [{}, {"PYTHONPATH": ""}]
    for variables in nothing:
        assert activation.environment(variables)["PYTHONPATH"] == activation.SITE
    monkeypatch.setattr(activation, "is_installed", lambda python: True)
    assert activation.environment({"A": "b"}) == {"A": "b", "AUTOTRACE": "1"}
