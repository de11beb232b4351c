"""`autotrace doctor [-- PROGRAM …]`: whether autotrace is on, how, with which settings, and what prevents tracing.

Without PROGRAM it starts a probe: the same Python in the same environment, which imports every plugin's library and checks
the targets. With PROGRAM it runs that as `autotrace run` does, and reads the report that the program leaves at its end.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Any

from autotrace._cli import complain, probing, report, run, trial
from autotrace._credentials import in_diagnostics

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:
    """Print the report. Return 0 if there is no problem, 1 if there is one, 2 if the command line is invalid."""
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
        shown = {"ok": code == 0, "findings": [finding._asdict() for finding in findings], **data}
        text = json.dumps(in_diagnostics.scrubbed(json.loads(json.dumps(shown, default=repr))))
    else:
        color = options.output is None and stream is not None and stream.isatty() and not os.environ.get("NO_COLOR")
        text = in_diagnostics.scrubbed(report.render(findings, color).rstrip("\n"))
    with contextlib.nullcontext(stream) if options.output is None else open(options.output, "w", encoding="utf-8") as file:
        print(text, file=file, flush=True)
    return code


def _options(argv: Sequence[str]) -> Any:
    import argparse

    parser = argparse.ArgumentParser(
        prog="autotrace doctor",
        usage="autotrace doctor [--json] [--output FILE] [--strict] [-- PROGRAM [ARGS ...]]",
        description="Report whether autotrace is on, how it was switched on, with which settings, and what prevents tracing.",
        epilog="PROGRAM runs as under `autotrace run`; the report follows when it has ended, on stderr, so that the program's "
        "output stays as it is. The exit code is 1 if there is a problem.",
    )
    parser.add_argument("--json", action="store_true", help="print the report as one line of JSON")
    parser.add_argument("--output", metavar="FILE", help="write the report to FILE")
    parser.add_argument("--strict", action="store_true", help="exit with 1 for warnings too")
    options, rest = parser.parse_known_args(argv)
    if rest:
        parser.error(f"unknown option {rest[0]}; put the program after --, as in `autotrace doctor -- app.py`")
    return options
