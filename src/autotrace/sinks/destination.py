"""Which descriptor the lines go to. Decided at activation, so part of its budget."""

from __future__ import annotations

import os

IDENTITY = "AUTOTRACE_STDOUT"
"""Environment variable: device and inode of the first active process's stdout."""

give_up_at: float | None = None
"""When a sink stops waiting for a reader that does not read (`time.monotonic`); set when the process is ending."""

_chosen: int | None = None


def descriptor() -> int:
    """1, or 2 in a child process whose stdout is not the first active process's.

    There, stdout is an answer that somebody parses (`subprocess.check_output`, a protocol server). The first active process
    notes its own stdout in the environment, which children inherit. The answer holds for the life of the process.
    """
    global _chosen
    if _chosen is None:
        try:
            status = os.fstat(1)
        except OSError:  # closed
            _chosen = 2
        else:
            identity = f"{status.st_dev}:{status.st_ino}"
            _chosen = 1 if os.environ.setdefault(IDENTITY, identity) == identity else 2
    return _chosen
