"""`autotrace doctor [-- PROGRAM …]`: whether autotrace is on, how, with which settings, and what stands in the way.

Without PROGRAM a probe is started, a Python of the same kind in the same environment, that imports every plugin's
library and looks at the targets. With PROGRAM that runs as under `autotrace run`, and is asked at its end.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Any

from autotrace._cli import complain, probing, report, run, trial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:
    """Report. 0 when nothing is wrong, 1 when something is, 2 for a command line that cannot be understood."""
    ours, program = list(argv), None
    if "--" in ours:
        program = ours[ours.index("--") + 1 :]
        del ours[ours.index("--") :]
    options = _options(ours)
    if options.output is not None:
        try:
            open(options.output, "w", encoding="utf-8").close()
        except OSError as exc:
            complain(f"doctor: {options.output}: {exc.strerror}")
            return 2
    try:
        findings, data = probing.examine() if program is None else trial.examine(program)
    except (run.NotRunnableError, OSError) as exc:
        complain(f"doctor: {exc}")
        return 2
    code = report.exit_code(findings, options.strict)
    stream = sys.stderr if program is not None or sys.stdout is None else sys.stdout  # None: it is closed
    if options.json:
        text = json.dumps({"ok": code == 0, "findings": [finding._asdict() for finding in findings], **data}, default=repr)
    else:
        color = options.output is None and stream is not None and stream.isatty() and not os.environ.get("NO_COLOR")
        text = report.render(findings, color).rstrip("\n")
    with contextlib.nullcontext(stream) if options.output is None else open(options.output, "w", encoding="utf-8") as file:
        print(text, file=file, flush=True)
    return code


def _options(argv: Sequence[str]) -> Any:
    import argparse

    parser = argparse.ArgumentParser(
        prog="autotrace doctor",
        usage="autotrace doctor [--json] [--output FILE] [--strict] [-- PROGRAM [ARGS ...]]",
        description="Say whether autotrace is on, by which way, with which settings, and what stands in the way.",
        epilog="PROGRAM is run as `autotrace run` does, and reported on when it has ended; its output is left alone, so the "
        "report goes to stderr then. The exit code is 1 if there is a problem.",
    )
    parser.add_argument("--json", action="store_true", help="report as one line of JSON")
    parser.add_argument("--output", metavar="FILE", help="write the report to FILE")
    parser.add_argument("--strict", action="store_true", help="exit with 1 for warnings as well")
    options, rest = parser.parse_known_args(argv)
    if rest:
        parser.error(f"{rest[0]}: no such option; a program comes after --, as in `autotrace doctor -- app.py`")
    return options
