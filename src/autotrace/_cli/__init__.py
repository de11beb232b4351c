"""The command line: `autotrace <command>`.

In: arguments. Each command is a separate module, imported only when it is called.
Out: text on stdout, and an exit code.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    "run": "run a program with tracing on: autotrace run app.py",
    "plugins": "list the installed plugins and the state of their targets",
    "doctor": "report whether tracing works, and why not: autotrace doctor -- app.py",
    "site": "print a directory for PYTHONPATH, for programs whose environment lacks autotrace",
    "demo": "trace an example program; needs no key and no network",
    "new-plugin": "create a plugin for a library: an installable distribution with tests",
    "coverage": "list the public methods of a library that call a model, and whether they are traced",
    "schema": "print the JSON Schema of a record",
}
"""Command name to help text. The command's module has the same name, with ``_`` for ``-``; its `main(argv)` returns the
exit code."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; 2 if the command line is invalid."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] not in COMMANDS:
        return _without_command(arguments)
    import importlib

    command = importlib.import_module(f"autotrace._cli.{arguments[0].replace('-', '_')}")
    try:
        return int(command.main(arguments[1:]))
    except SystemExit as exit:  # argparse has printed its message
        return exit.code if isinstance(exit.code, int) else 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `| head`: the reader has closed; the interpreter must not flush at exit
        import os

        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0


def _without_command(arguments: Sequence[str]) -> int:
    """Print help, the version, or an error. argparse's subparsers are not used: they would parse `run`'s arguments too."""
    import argparse

    listing = "\n".join(f"  {name:<11} {says}" for name, says in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="autotrace",
        usage="autotrace COMMAND ...",
        description="Record every LLM call that a Python program makes as one line of JSON on stdout.",
        epilog=f"commands:\n{listing}\n\n`autotrace COMMAND --help` describes a command.",
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
    """Print `message` as one line on stderr."""
    from autotrace._credentials import in_diagnostics

    print(f"autotrace: {in_diagnostics.scrubbed(message)}", file=sys.stderr)
