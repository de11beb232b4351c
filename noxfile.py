"""All checks of this project. Each session has its own environment.

`scripts/test` runs the default sessions, `scripts/test --all` the full matrix. Arguments after `--` go to pytest.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nox

PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]
PLUGINS = sorted(path.parent for path in Path("plugins").glob("*/pyproject.toml"))
PROJECT = nox.project.load_toml("pyproject.toml")
CONSTRAINTS = "constraints/newest.txt"


def present(version: str) -> bool:
    """Return whether this Python can be used, and put its directory on PATH, where nox looks for it.

    A name on PATH is not enough: pyenv has shims for versions that they then refuse to run.
    """
    name = f"python{version}"
    directories = [Path(place) for place in os.environ.get("PATH", "").split(os.pathsep) if place]
    directories += sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/{version}*/bin"))
    probe = f"import ensurepip, sys, venv; sys.exit('%d.%d' % sys.version_info[:2] != {version!r})"
    for directory in directories:
        python = shutil.which(name, path=str(directory))
        if python and subprocess.run([python, "-c", probe], capture_output=True, check=False).returncode == 0:
            if shutil.which(name) != python:
                os.environ["PATH"] = f"{directory}{os.pathsep}{os.environ['PATH']}"
            return True
    return False


# How many pytest processes a session of several parts runs at the same time. `.ci/run` sets it to one while another session
# runs. One more than there are cores took longer: 25 minutes of CPU instead of 21.
JOBS = int(os.environ.get("AUTOTRACE_CI_JOBS") or os.cpu_count() or 1)

# Settings in the environment are for other programs, not for these tests.
for variable in [name for name in os.environ if name.startswith("AUTOTRACE") and name != "AUTOTRACE_TRAFFIC"]:
    del os.environ[variable]

# Modules are compiled when a test imports them. The SDKs have thousands of files, and most of them are never imported. (uv does
# not compile by default.)
os.environ["PIP_NO_COMPILE"] = "1"

RUNNING = "{}.{}".format(*sys.version_info)
PRESENT = [version for version in PYTHONS if version == RUNNING or present(version)]
ONE = "3.12" if "3.12" in PRESENT else RUNNING

nox.needs_version = ">=2025.2.9"
# Use venv: environments of virtualenv and uv have a .pth file and an import hook of their own, and the tests check both. uv
# installs into it.
nox.options.default_venv_backend = "venv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = True
# `.ci/run` reads these names. Sessions of one process run at the same time, the longest first. Sessions of several parts run
# alone.
HOOKS = [f"hooks-{version}" for version in PRESENT]
OF_ONE_PROCESS = ["suites", f"older-{ONE}", "agents", "processes", "wheels", "lint", "docs", *HOOKS]
OF_PARTS = [f"tests-{ONE}"]
nox.options.sessions = [*OF_ONE_PROCESS, *OF_PARTS]


def pip_sources() -> dict[str, str]:
    """Return the variables that make uv use the same package sources as pip, whose configuration it does not read."""
    listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False).stdout
    settings: dict[str, str] = {}
    for line in listed.splitlines():
        key, _, value = line.partition("=")
        settings[key.rpartition(".")[2]] = str(ast.literal_eval(value))
    names = {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX", "cert": "SSL_CERT_FILE"}
    variables = {name: " ".join(settings[key].split()) for key, name in names.items() if key in settings}
    if "find-links" in settings:
        variables["UV_FIND_LINKS"] = ",".join(settings["find-links"].split())
    return {"UV_INDEX_STRATEGY": "unsafe-best-match", **variables}


PLAIN = {"venv_params": ["--without-pip"]}
"""Arguments of a session whose environment has only what `uv_install` installs. It is made in a tenth of a second."""
UV = str(Path(sys.executable).with_name("uv"))
UV_ENVIRONMENT = {name: value for name, value in pip_sources().items() if name not in os.environ}


def uv_install(session: nox.Session, *arguments: str) -> None:
    """Do what `session.install` does, with uv."""
    command = (UV, "pip", "install", "--quiet", "--python", str(Path(session.bin) / "python"))
    session.run_install(*command, *arguments, env=UV_ENVIRONMENT, external=True)


def dependencies(*groups: str) -> tuple[str, ...]:
    """Return what these groups of pyproject.toml list."""
    return nox.project.dependency_groups(PROJECT, *groups)


def install(session: nox.Session, *groups: str, plugins: list[Path], constraints: str = CONSTRAINTS) -> None:
    """Install the groups, then this tree as editable, which also puts `autotrace.pth` into site-packages."""
    uv_install(session, "-c", constraints, "pip", *dependencies("backend", *groups))
    trees = [".", *(f"./{plugin.as_posix()}" for plugin in plugins)]
    uv_install(session, "--no-build-isolation", "-c", constraints, *(f"--editable={tree}" for tree in trees))


def pytest(session: nox.Session, *where: str) -> None:
    """Run pytest. It is a failure if it collects no tests, unless arguments select some of the tests."""
    found_nothing = 5
    codes = [0, found_nothing] if session.posargs else [0]
    with temporary_root() as root:
        variables = {"PYTEST_DEBUG_TEMPROOT": root}
        command = ("python", "-m", "pytest", "--durations=15", *where, *session.posargs)
        session.run(*command, success_codes=codes, env=variables)


def temporary_root() -> tempfile.TemporaryDirectory[str]:
    """A directory for the temporary files of one pytest: two that share one trip over each other when they clean up."""
    return tempfile.TemporaryDirectory(prefix="pytest-", ignore_cleanup_errors=True)


def pytest_parts(session: nox.Session, parts: Sequence[Sequence[str]]) -> None:
    """Run pytest on each of these parts, `JOBS` at a time, and print the output of each part when it ends.

    The next part starts when a process is free, so put the longest first. All parts run, even if some fail.
    """
    printing = threading.Lock()
    found_nothing = 5
    command = ("-m", "pytest", "--durations=15", "--color=no" if os.environ.get("NO_COLOR") else "--color=auto")

    def run(part: Sequence[str]) -> str:
        with temporary_root() as root:
            variables = {name: value for name, value in session.env.items() if value is not None}
            done = subprocess.run(
                [str(Path(session.bin) / "python"), *command, *part, *session.posargs],
                env={**os.environ, **variables, "PYTEST_DEBUG_TEMPROOT": root},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                check=False,
            )
        failed = done.returncode not in ([0, found_nothing] if session.posargs else [0])
        with printing:
            session.log(f"{' '.join(part)}: {'failed' if failed else 'passed'}")
            sys.stdout.write(f"{done.stdout}\n")
            sys.stdout.flush()
        return " ".join(part) if failed else ""

    with ThreadPoolExecutor(JOBS) as pool:
        failed = list(filter(None, pool.map(run, parts)))
    if failed:
        session.error(f"failed: {'; '.join(failed)}")


@nox.session(python=ONE, **PLAIN)
def lint(session: nox.Session) -> None:
    """Check style, format and types; those of the example program against the SDKs."""
    install(session, "lint", "sdks", plugins=PLUGINS)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")


@nox.session(python=ONE, **PLAIN)
def docs(session: nox.Session) -> None:
    """Build the documentation site into build/docs. A broken link, anchor or name of ours is an error."""
    site(session, "html", "build/docs")


@nox.session(python=ONE, **PLAIN)
def linkcheck(session: nox.Session) -> None:
    """Request every address in the documentation. On demand, because servers fail independently of our commits."""
    site(session, "linkcheck", "build/linkcheck")


def site(session: nox.Session, builder: str, where: str) -> None:
    """Run Sphinx from scratch, because it reports errors only for the files that it reads."""
    if ONE == "3.10":
        session.skip("the Markdown parser needs Python 3.11 or newer")
    constraints = "constraints/docs.txt"
    uv_install(session, "-c", constraints, *dependencies("backend", "docs"))
    uv_install(session, "--no-build-isolation", "-c", constraints, "--editable=.")
    strictly = ("-E", "-W", "--keep-going", "-n", "-q", "-j", "auto")
    session.run("sphinx-build", "-b", builder, *strictly, "-d", session.create_tmp(), "docs", where)


Part = list[str]
"""Arguments of pytest."""


def core_parts() -> list[Part]:
    """The tests of the core that have no session of their own: a part for each slow folder, the slowest first, and one more."""
    own = ["hooks", "discovery", "processes", "agents", "suites", "collectors"]
    slow = ["cli", "testing", "sinks", "dialects", "writer", "traffic", "docs"]
    return [*([f"tests/{folder}"] for folder in slow), ["tests", *(f"--ignore=tests/{folder}" for folder in own + slow)]]


def plugin_parts() -> list[Part]:
    """The tests of the plugins: a part for what all SDKs have in common, for each SDK, and one for each plugin's own."""
    described = sorted(Path("plugins").glob("autotrace-*/tests/sdk.py"), key=lambda path: -path.stat().st_size)
    parts = [["plugins/tests", f"--plugin={_name(path.parents[1])}"] for path in described]
    parts.append(["plugins/tests", "--plugin=shared"])
    largest = sorted(PLUGINS, key=lambda plugin: -sum(path.stat().st_size for path in plugin.glob("tests/*.py")))
    parts += [[f"{plugin.as_posix()}/tests", f"--plugin={_name(plugin)}"] for plugin in largest]
    every = ["--every-cell"] if os.environ.get("EVERY_CELL") else []
    return [[*part, *every] for part in parts]


def _name(plugin: Path) -> str:
    return plugin.name.removeprefix("autotrace-")


@nox.session(python=PRESENT, **PLAIN)
def tests(session: nox.Session) -> None:
    """Run the tests of the core that have no session of their own, and of the plugins, with the newest SDKs."""
    install(session, "test", "sdks", "frameworks", plugins=PLUGINS)
    core = core_parts()
    pytest_parts(session, [*core[:2], *plugin_parts(), *core[2:]])


@nox.session(python=PRESENT, **PLAIN)
def plugins(session: nox.Session) -> None:
    """Run the tests of the plugins alone. On demand: `tests` runs them."""
    install(session, "test", "sdks", "frameworks", plugins=PLUGINS)
    pytest_parts(session, plugin_parts())


@nox.session(python=PRESENT, **PLAIN)
def hooks(session: nox.Session) -> None:
    """Run the tests of the import hook without any SDK, on every Python, because they depend most on its version."""
    install(session, "test-core", plugins=[])
    pytest(session, "tests/hooks", "tests/discovery")


@nox.session(python=PRESENT, **PLAIN)
def older(session: nox.Session) -> None:
    """Run the tests of plugins with the generation of SDKs before the newest."""
    plugins = [Path(f"plugins/autotrace-{library}") for library in ("openai", "google-genai", "bedrock")]
    install(session, "test", "older", plugins=plugins, constraints="constraints/older.txt")
    shared = ("calls", "streams", "attempts", "agents", "unchanged")  # an SDK that is not installed is not in the matrix
    kit = "--ignore-glob=*/test_conformance.py"  # it takes longest, and is for the newest generation
    pytest(session, kit, *map(str, plugins), *(f"plugins/tests/test_{subject}.py" for subject in shared))
    # aiobotocore needs the older botocore of this session. It is in its own directory, because it brings a client that another
    # SDK here would use.
    beside = Path(session.virtualenv.location).resolve() / "aiobotocore"
    if not beside.exists():
        uv_install(session, "-c", "constraints/older.txt", "--target", str(beside), *dependencies("aiobotocore"))
    session.env["PYTHONPATH"] = str(beside)
    pytest(session, "plugins/autotrace-bedrock/tests/test_aiobotocore.py")


@nox.session(python=ONE, **PLAIN)
def processes(session: nox.Session) -> None:
    """Run programs with several processes: servers, task queues, greenlets, protocols."""
    plugins = [Path("plugins/autotrace-ollama"), Path("plugins/autotrace-mcp")]
    install(session, "test", "processes", plugins=plugins, constraints="constraints/processes.txt")
    # Of the two generations of mcp, the older is in a directory of its own, which PYTHONPATH puts first.
    mcp1 = Path(session.virtualenv.location).resolve() / "mcp1"
    if not mcp1.exists():
        uv_install(session, "--no-deps", "--target", str(mcp1), *dependencies("mcp1"))
    session.env["MCP1_PATH"] = str(mcp1)
    pytest(session, "tests/processes", "plugins/autotrace-mcp")
    session.env["PYTHONPATH"] = str(mcp1)
    pytest(session, "plugins/autotrace-mcp")


@nox.session(python=ONE, **PLAIN)
def agents(session: nox.Session) -> None:
    """Run in one process with other agents: import hooks on the same modules, wrappers on the same SDK."""
    install(session, "test", "agents", plugins=[Path("plugins/autotrace-openai")], constraints="constraints/agents.txt")
    session.env["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # one of them would load its import hook into pytest itself
    pytest(session, "tests/agents")


@nox.session(python=ONE, **PLAIN)
def suites(session: nox.Session) -> None:
    """Run the SDKs' own tests, from their source distributions, without and with autotrace; more of them with SUITES_ALL=1."""
    sdks = ("openai", "anthropic", "ollama")
    plugins = [Path(f"plugins/autotrace-{sdk}") for sdk in sdks]
    install(session, "test", "suites", plugins=plugins, constraints="constraints/suites.txt")
    sources = Path(session.create_tmp()).resolve() / "sdists"
    if not sources.exists():
        download = ("pip", "download", "--no-deps", "--no-binary", ",".join(sdks), "--dest", str(sources / "packed"))
        try:
            session.run("python", "-m", *download, "-c", CONSTRAINTS, *sdks, silent=True)
        except nox.command.CommandFailed:
            shutil.rmtree(sources, ignore_errors=True)
            session.skip("the SDKs' source distributions cannot be downloaded")
        for packed in sorted((sources / "packed").iterdir()):
            shutil.unpack_archive(packed, sources)
    session.env["SUITES_SOURCES"] = str(sources)
    session.env["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # the pytest plugins are for the SDKs' tests, not for ours
    pytest(session, "tests/suites")


# The daemons, with the libraries that a system without them lacks.
COLLECTORS = {
    "rsyslog": ["rsyslog", "libestr0", "libfastjson4", "liblognorm5"],
    "syslog-ng": ["syslog-ng-core", "libivykis0", "libnet1", "libwrap0"],
}


@nox.session(python=ONE, **PLAIN)
def collectors(session: nox.Session) -> None:
    """Let rsyslog, syslog-ng and journald read a program's stdout. On demand: it downloads and unpacks Debian packages."""
    install(session, "test", plugins=[])
    unpacked = Path(session.create_tmp()).resolve() / "collectors"
    for daemon, packages in COLLECTORS.items():
        place = unpacked / daemon
        if shutil.which("apt-get") and not place.exists():
            place.mkdir(parents=True)
            with session.chdir(place):
                session.run("apt-get", "download", *packages, external=True, silent=True, success_codes=[0, 100])
                for package in place.glob("*.deb"):
                    session.run("dpkg", "-x", str(package), str(place), external=True)
    session.env["COLLECTORS"] = str(unpacked)
    pytest(session, "tests/collectors")


@nox.session(python=ONE, reuse_venv=False, **PLAIN)
def newest(session: nox.Session) -> None:
    """Find functions of the newest SDKs that no target covers. On demand, because SDKs change independently of our commits."""
    install(session, "test", plugins=PLUGINS)
    entries = (nox.project.load_toml(plugin / "pyproject.toml")["project"]["entry-points"] for plugin in PLUGINS)
    packages = sorted(package for groups in entries for package in groups.get("autotrace.instrumentors", {}))
    others = [package for package in packages if package != "aiobotocore"]
    uv_install(session, "--upgrade", *(package.replace(".", "-").replace("_", "-") for package in others))
    uv_install(session, "--upgrade", "--no-deps", "aiobotocore")  # it needs an older botocore; only its source is read
    for package in packages:
        session.run("autotrace", "coverage", package, "--fail")


@nox.session(python=ONE, reuse_venv=False, **PLAIN)
def wheels(session: nox.Session) -> None:
    """Build the wheels, install them away from the source tree, and use them as users and plugin authors would."""
    dist = Path(session.create_tmp()).resolve()
    shutil.rmtree(dist)
    uv_install(session, "-c", CONSTRAINTS, "pip", *dependencies("build", "test"))
    build(session, dist)
    core, *others = sorted(dist.glob("*.whl"), key=lambda wheel: not wheel.name.startswith("llm_autotrace-"))
    # The extra requires the plugins. Naming their files ensures that they do not come from the index.
    uv_install(session, "-c", CONSTRAINTS, f"{core}[all]", *map(str, others), *dependencies("sdks"))

    started = "import sys; sys.exit('_autotrace_boot' not in sys.modules)"
    with tempfile.TemporaryDirectory() as elsewhere, session.chdir(elsewhere):
        session.run("python", "-c", started, env={"AUTOTRACE": "1"})
        session.run("python", "-c", started.replace(" not in ", " in "))
        session.run("autotrace", "demo")
        schema = session.run("autotrace", "schema", silent=True)
        session.log("autotrace schema: %d keys", len(json.loads(str(schema))))

    # A part of what the session `sdist` does.
    with tempfile.TemporaryDirectory() as elsewhere:
        core, groq = unpack([*dist.glob("llm_autotrace-*.tar.gz"), *dist.glob("autotrace_groq-*.tar.gz")], Path(elsewhere))
        with session.chdir(groq):
            pytest(session)
        with session.chdir(core):
            pytest(session, "tests/test_distributions.py", "tests/record/test_schema.py", "tests/docs/test_navigation.py")

    session.env["WHEELS"] = str(dist)
    pytest(session, "tests/docs/test_guide.py")


def build(session: nox.Session, dist: Path) -> None:
    """Build every source distribution, and each wheel from it, which shows what a source distribution lacks."""
    for tree in (Path(), *PLUGINS):
        session.run("python", "-m", "build", "--no-isolation", "--outdir", str(dist), str(tree), silent=True)


def unpack(packed: list[Path], where: Path) -> list[Path]:
    """Unpack source distributions, and return their trees."""
    for one in packed:
        shutil.unpack_archive(one, where)
    return [where / one.name.removesuffix(".tar.gz") for one in packed]


@nox.session(python=ONE, reuse_venv=False)
def sdist(session: nox.Session) -> None:
    """Run the tests of the source distributions, away from the source tree. On demand: they are the same tests."""
    dist = Path(session.create_tmp()).resolve()
    shutil.rmtree(dist)
    constraints = "constraints/processes.txt"  # the one with mcp
    session.install("-c", constraints, *dependencies("build", "test", "sdks", "frameworks"), "mcp")
    build(session, dist)
    packed = sorted(dist.glob("*.tar.gz"))
    session.install("--no-build-isolation", "-c", constraints, *map(str, packed))
    own = [f"--ignore=tests/{own}" for own in ("hooks", "processes", "agents", "suites", "collectors")]
    with tempfile.TemporaryDirectory() as elsewhere:
        for tree in unpack(packed, Path(elsewhere)):
            with session.chdir(tree):
                pytest(session, *(own if tree.name.startswith("llm_autotrace-") else ()))


@nox.session(python=ONE)
def release(session: nox.Session) -> None:
    """Build and check a release. On demand: `scripts/release` runs it, and docs/releasing.md describes it."""
    session.install("-c", "constraints/release.txt", *dependencies("release"))
    session.run("python", "scripts/check_release.py", *session.posargs)
