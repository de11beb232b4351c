"""`autotrace site`: prints the directory that an operator puts on PYTHONPATH."""

from __future__ import annotations

from autotrace._cli.activation import SITE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

HELP = """\
Print a directory for PYTHONPATH. It starts autotrace in programs whose environment does not have it:

    PYTHONPATH="$(autotrace site)" AUTOTRACE=1 program

A Python that this installation does not fit ignores the directory.
"""


def main(argv: Sequence[str]) -> int:
    """Print the directory."""
    import argparse

    formatter = argparse.RawDescriptionHelpFormatter
    argparse.ArgumentParser(prog="autotrace site", description=HELP, formatter_class=formatter).parse_args(argv)
    print(SITE)
    return 0
