"""Not a single switch to another greenlet between the answer and the kill: ``killed.py gevent`` or ``eventlet``."""

from __future__ import annotations

import os
import posix
import signal
import sys

if sys.argv[1] == "gevent":
    from gevent import monkey

    monkey.patch_all()
else:
    import eventlet

    eventlet.monkey_patch()

import time

from asking import tell

tell("first")
time.sleep(0.5)  # whatever the first record needs is loaded
tell("last")
give_up = time.monotonic() + 1.0
while time.monotonic() < give_up:
    sum(range(1000))
posix.kill(os.getpid(), signal.SIGKILL)
