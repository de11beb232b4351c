"""The writer's thread: started when there is something to do, asleep when there is not, gone while the process forks."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from autotrace import _process
from autotrace._writer import process
from autotrace._writer.dispatch import Dispatch
from autotrace.sinks import _system
from autotrace.sinks._entry import PREPARATIONS

POLL = 0.01
"""Seconds between two looks at the queue while there is work: what a process that is killed in the midst of it can lose."""

_IDLE_POLLS = 3
"""After so many looks at an empty queue the thread sleeps until it is roused. The first record after a pause rouses it, and is
written at once: who leaves by `os._exit` or is killed a moment later has lost nothing."""

_HALTING, _PREPARING = 0.5, 2.0
"""Seconds that a fork waits at most for the thread's end: it takes some milliseconds where sinks and processors allow; more
during the first imports, which no sink delays."""

_VANISHING = 0.5
"""Seconds that a fork waits at most until the system has forgotten a thread that has ended."""


class Thread:
    """One at a time. It calls `write` whenever `dispatch` has something that is due."""

    def __init__(self, dispatch: Dispatch, write: Callable[[], None]) -> None:
        self._dispatch = dispatch
        self._write = write
        self.forget()

    def forget(self) -> None:
        """There is none: in a forked child."""
        self._claim = _process.Claim()
        """Free while there is no thread: who takes it may start one. Also taken for the time of a fork."""
        self._held_off = False
        self._wake = _system.allocate_lock()
        self._wake.acquire()
        self._ended = _system.allocate_lock()
        """Held by the thread until its end."""
        self.asleep = False
        """Whether it does not look at the queue until it is roused."""
        self.prepared = False
        """Whether it has done the imports that records need."""
        self.stopping = False
        self._id = 0
        """The system's."""

    @property
    def is_missing(self) -> bool:
        """Whether there is none, and nobody is about to start one."""
        return self._claim.is_free

    def claim(self) -> bool:
        """The right to start it; False if there is one, or somebody else was faster."""
        return self._claim.take()

    def start(self) -> None:
        """Start it, by whoever has claimed that."""
        self.stopping = False
        self._ended = _system.allocate_lock()
        self._ended.acquire()
        try:
            _system.start_new_thread(self._run, (self._ended,))
        except RuntimeError:  # no more threads to be had: records wait for flush() and the exit
            self._claim.give_back()

    def rouse(self) -> None:
        """Have it look at the queue now. Takes no lock."""
        self.asleep = False
        try:
            self._wake.release()
        except RuntimeError:  # somebody else was faster
            return

    def halt(self, patience: float) -> None:
        """End it, waiting `patience` seconds for that."""
        if not self._claim.is_free:
            self.stopping = True
            self.rouse()
            ended = self._ended
            if ended.acquire(True, max(patience, 0)):
                ended.release()

    def hold_off(self) -> None:
        """End it, and have nobody start one until `allow`: the process is about to fork."""
        give_up_at = time.monotonic() + (_HALTING if self.prepared else _PREPARING)
        while not self.claim():
            self.halt(give_up_at - time.monotonic())
            if time.monotonic() > give_up_at:
                return
            _system.sleep(0.0002)
        self._held_off = True
        process.await_end_of(self._id, _VANISHING)

    def allow(self) -> None:
        """It may be started again."""
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
            ended.release()
            self._claim.give_back()

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
                # For what failed, and for what a sink did not take, it is time again without a new record.
                self._wake.acquire(True, max(dispatch.pause, POLL) if dispatch.waits else -1)
            self.asleep = False
