"""`autotrace site`: the directory that an operator puts on PYTHONPATH."""

from __future__ import annotations

from autotrace._cli.activation import SITE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

HELP = """\
Print the directory that starts autotrace from PYTHONPATH, for programs in whose environment it is not installed:

    PYTHONPATH="$(autotrace site)" AUTOTRACE=1 program

A Python for which this installation was not made leaves it alone.
"""


def main(argv: Sequence[str]) -> int:
    """Print the directory."""
    import argparse

    formatter = argparse.RawDescriptionHelpFormatter
    argparse.ArgumentParser(prog="autotrace site", description=HELP, formatter_class=formatter).parse_args(argv)
    print(SITE)
    return 0
