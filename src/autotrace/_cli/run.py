"""`autotrace run PROGRAM [ARGS…]`: runs an unchanged program with autotrace on.

Everything after PROGRAM is passed on unchanged. The process is replaced (`execve`), so that the program gets its process id,
its signals and its exit code.
"""

from __future__ import annotations

import os
import sys

from autotrace import _process
from autotrace._cli import complain
from autotrace._cli.activation import environment
from autotrace._cli.interpreters import shebang

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

HELP = """\
usage: autotrace run [--pretty] [--] PROGRAM [ARGS ...]
       autotrace run [--pretty] -m MODULE [ARGS ...]

Run PROGRAM with autotrace on: every LLM call that it, or a Python program that it starts, makes becomes one line of JSON.

PROGRAM is a Python file (or a directory or zip with a __main__.py), or a console program such as gunicorn, which is
looked for beside this interpreter first, then on PATH. ARGS are passed on unchanged. The exit code is the program's.
AUTOTRACE=0 in the environment keeps autotrace off. If PROGRAM runs on a Python that autotrace cannot reach, one line on
stderr says so, and the program runs without tracing.

--pretty   print trees for a terminal instead of lines of JSON (AUTOTRACE_FORMAT=pretty)
"""
PYTHON_SUFFIXES = (".py", ".pyw", ".pyc", ".pyz", ".zip")


class NotRunnableError(Exception):
    """The program cannot be run; the message says why."""


def main(argv: Sequence[str]) -> int:
    """Replace this process by the program. Returns only on an error, or on Windows."""
    arguments = list(argv)
    if arguments and arguments[0] in ("-h", "--help"):
        print(HELP, end="")
        return 0
    given = dict(os.environ)
    if arguments and arguments[0] == "--pretty":
        given["AUTOTRACE_FORMAT"] = "pretty"
        del arguments[0]
    if arguments and arguments[0] == "--":
        del arguments[0]
    try:
        line = command(arguments)
        # A program that is not Python may start others whose output it parses: which stdout is theirs is known only here.
        if (stdout := _process.identity()) is not None:
            given.setdefault(_process.IDENTITY, stdout)
        return _replace(line, environment(given, line))
    except NotRunnableError as exc:
        complain(f"run: {exc}")
        return 2


def command(arguments: Sequence[str]) -> list[str]:
    """Return the command line for `PROGRAM ARGS…`. Raises `NotRunnableError`."""
    if not arguments:
        raise NotRunnableError("no program given; try `autotrace run app.py`")
    program, *rest = arguments
    if program in ("-m", "-c"):
        if not rest:
            raise NotRunnableError(f"{program} needs a {'module' if program == '-m' else 'command'}")
        return [sys.executable, program, *rest]
    if program.startswith("-"):
        raise NotRunnableError(f"unknown option {program}; options for the program come after its name")
    if os.path.isfile(program):
        return [*([sys.executable] if is_for_this_python(program) else []), program, *rest]
    if os.path.isfile(os.path.join(program, "__main__.py")):
        return [sys.executable, program, *rest]
    return [_console_program(program), *rest]


def is_for_this_python(path: str) -> bool:
    """Whether this interpreter runs a file: yes, unless the file is executable and names something else."""
    if path.lower().endswith(PYTHON_SUFFIXES) or not os.access(path, os.X_OK):
        return True
    words = shebang(path)
    if words:
        # `#!/usr/bin/env python3` leaves the interpreter open; `#!/srv/venv/bin/python` does not.
        return os.path.basename(words[0]) == "env" and any(word.startswith("python") for word in words)
    with open(path, "rb") as file:
        head = file.read(512)
    return head.startswith(b"PK") or b"\0" not in head


def _console_program(program: str) -> str:
    """The path of a console program: this environment's before one on PATH."""
    import shutil

    if os.path.dirname(program):
        raise NotRunnableError(f"file not found: {program}")
    here = os.path.dirname(sys.executable)
    places = [here, os.path.join(here, "Scripts")] if os.name == "nt" else [here]
    path = shutil.which(program, path=os.pathsep.join(places)) or shutil.which(program)
    if path is None:
        raise NotRunnableError(f"program not found: {program} (not a file, not in {here}, not on PATH)")
    return path


def _replace(line: list[str], variables: dict[str, str]) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        if os.name == "nt":  # execve returns to the shell at once there, and the exit code is lost
            import subprocess

            return subprocess.call(line, env=variables)
        os.execve(line[0], line, variables)
    except OSError as exc:
        raise NotRunnableError(f"{line[0]}: {exc.strerror or exc}") from exc
