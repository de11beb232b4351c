"""`autotrace schema`: prints the published JSON Schema of a record."""

from __future__ import annotations

import os
import sys

from autotrace._cli import complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

FILE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "schema.json")


def main(argv: Sequence[str]) -> int:
    """Write the file to stdout unchanged. Return 1 if it cannot be read."""
    import argparse

    argparse.ArgumentParser(prog="autotrace schema", description="Print the JSON Schema of a record.").parse_args(argv)
    try:
        with open(FILE, "rb") as file:
            schema = file.read()
    except OSError as exc:
        complain(f"schema: {FILE}: {exc.strerror}")
        return 1
    sys.stdout.buffer.write(schema)
    sys.stdout.buffer.flush()
    return 0
