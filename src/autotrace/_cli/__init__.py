"""The command line: `autotrace <command>`.

In: arguments. Each command is a module of its own, imported when it is asked for.
Out: text on stdout, an exit code.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    "run": "run a program with autotrace on: autotrace run app.py",
    "plugins": "list the installed plugins and the state of their targets",
    "doctor": "say whether autotrace is on, how, and what stands in the way: autotrace doctor -- app.py",
    "site": "print the directory for PYTHONPATH, where a program's environment does not have autotrace",
    "demo": "show what is recorded, with an example program and an embedded provider",
    "new-plugin": "write a plugin for a library: a distribution that installs, with tests",
    "coverage": "list the public methods of a library that ask a model, and whether they are traced",
    "schema": "print the JSON Schema of a line",
}
"""A command is the module of its name, with ``_`` for a dash; its `main(argv)` returns the exit code."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; 2 for a command line that cannot be understood."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] not in COMMANDS:
        return _without_command(arguments)
    import importlib

    command = importlib.import_module(f"autotrace._cli.{arguments[0].replace('-', '_')}")
    try:
        return int(command.main(arguments[1:]))
    except SystemExit as exit:  # argparse, having said what it had to say
        return exit.code if isinstance(exit.code, int) else 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `| head`: the reader has what it wanted, and the interpreter must not flush again
        import os

        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0


def _without_command(arguments: Sequence[str]) -> int:
    """Help, version, or what was wrong. Not argparse's subparsers: those would not leave `run`'s arguments alone."""
    import argparse

    listing = "\n".join(f"  {name:<11} {says}" for name, says in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="autotrace",
        usage="autotrace COMMAND ...",
        description="Every LLM call that a Python program makes, as one line of JSON on stdout.",
        epilog=f"commands:\n{listing}\n\n`autotrace COMMAND --help` says more.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    parser.add_argument("command", nargs="?", choices=COMMANDS, help=argparse.SUPPRESS)
    try:
        options = parser.parse_args(arguments)
    except SystemExit as exit:
        return exit.code if isinstance(exit.code, int) else 2
    if options.version:
        import autotrace

        print(f"autotrace {autotrace.__version__}")
        return 0
    parser.print_help(sys.stderr)
    return 2


def complain(message: str) -> None:
    """One line on stderr."""
    print(f"autotrace: {message}", file=sys.stderr)
