"""Runs all benchmarks, each in its own process: `python -m benchmarks`."""

from __future__ import annotations

import subprocess
import sys

NAMES = ("core", "redaction", "hook", "activation", "ends", "soak", "memory", "calls", "streams", "aws")

for name in NAMES:
    subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True)
    print(flush=True)
