"""The writer's thread: started when there is work, asleep when there is none, stopped while the process forks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autotrace import _process, _system
from autotrace._system import time
from autotrace._writer import process
from autotrace._writer.dispatch import Dispatch
from autotrace.sinks._entry import PREPARATIONS

POLL = 0.01
"""Seconds between two polls of the queue while there is work: a process that is killed then may lose what came in between."""

_IDLE_POLLS = 3
"""After this many polls of an empty queue the thread sleeps until it is woken. The first record after a pause wakes it and is
written at once, so a process that calls `os._exit` or is killed a moment later has lost nothing."""

_HALTING, _PREPARING = 0.5, 2.0
"""Seconds that a fork waits for the thread to end, at most. It takes a few milliseconds if sinks and processors return soon,
and longer during the first imports, which do not depend on a sink."""

_VANISHING = 0.5
"""Seconds that a fork waits until an ended thread is gone from the system, at most."""


class Thread:
    """At most one thread, which calls `write` whenever `dispatch` has something that is due."""

    def __init__(self, dispatch: Dispatch, write: Callable[[], None]) -> None:
        self._dispatch = dispatch
        self._write = write
        self.forget()

    def forget(self) -> None:
        """Note that there is no thread, in a forked child."""
        self._claim = _process.Claim()
        """Free while there is no thread; its holder may start one. A fork holds it, too."""
        self._held_off = False
        self._wake = _system.allocate_lock()
        self._wake.acquire()
        self._ended = _system.allocate_lock()
        """Held by the thread until it ends."""
        self.asleep = False
        """Whether the thread sleeps until `wake`, without polling the queue."""
        self.prepared = False
        """Whether the thread has done the imports that records need."""
        self.stopping = False
        self._id = 0
        """The thread's native id."""

    @property
    def is_missing(self) -> bool:
        """Whether there is no thread, and none is about to be started."""
        return self._claim.is_free

    def claim(self) -> bool:
        """Claim the right to start the thread. False if there is one, or if another thread has the claim."""
        return self._claim.take()

    def start(self) -> None:
        """Start the thread. Only for the holder of the claim."""
        self.stopping = False
        self._ended = _system.allocate_lock()
        self._ended.acquire()
        try:
            _system.start_new_thread(self._run, (self._ended,))
        except RuntimeError:  # the system has no more threads: records wait for flush() and the exit
            self._claim.give_back()

    def wake(self) -> None:
        """Let the thread look at the queue now. Takes no lock."""
        self.asleep = False
        try:
            self._wake.release()
        except RuntimeError:  # another thread has woken it
            return

    def halt(self, patience: float) -> bool:
        """Stop the thread, and wait at most `patience` seconds until it has ended. False if it has not."""
        if not self._claim.is_free:
            self.stopping = True
            self.wake()
            ended = self._ended
            if not ended.acquire(True, max(patience, 0)):
                return False
            ended.release()
        return True

    def hold_off(self) -> None:
        """Stop the thread and let none be started until `allow`, as the process is about to fork."""
        give_up_at = time.monotonic() + (_HALTING if self.prepared else _PREPARING)
        while not self.claim():
            self.halt(give_up_at - time.monotonic())
            if time.monotonic() > give_up_at:
                return
            _system.sleep(0.0002)
        self._held_off = True
        process.await_end_of(self._id, _VANISHING)

    def allow(self) -> None:
        """Let the thread be started again, after a fork."""
        if self._held_off:
            self._held_off = False
            self._claim.give_back()

    def _run(self, ended: Any) -> None:
        self._id = _system.get_native_id()
        try:
            for step in PREPARATIONS:
                if not self.stopping:
                    step()
                    self._write()
            self.prepared = True
            self._poll()
        finally:
            # In this order: who has waited for the end may start another thread at once.
            self._claim.give_back()
            ended.release()

    def _poll(self) -> None:
        idle = 0
        dispatch = self._dispatch
        while not self.stopping:
            idle = 0 if dispatch.queue else idle + 1
            if dispatch.waits and not dispatch.pause:
                self._write()
            if idle <= _IDLE_POLLS:
                self._wake.acquire(True, POLL)
                continue
            self.asleep = True
            if not dispatch.queue:
                # Records that a sink did not take are retried even if no new record comes.
                self._wake.acquire(True, max(dispatch.pause, POLL) if dispatch.waits else -1)
            self.asleep = False
