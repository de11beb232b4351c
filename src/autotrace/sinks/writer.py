"""The writer: the queue between the program's threads and the sinks, and the one thread that empties it.

What the caller pays is an append to a deque. The thread polls while there is work and goes to sleep when there is none;
it starts with the first span of the process and again after a fork. `flush` and the end of the process empty
the queue on the calling thread instead of waiting for it. Finalisers may call `put`: it takes no lock.
"""

from __future__ import annotations

import atexit
import os
import time
from collections.abc import Callable
from typing import Any

from autotrace import diagnostics, settings
from autotrace.sinks import destination, leaving, process, registry, system
from autotrace.sinks.dispatch import Dispatch
from autotrace.sinks.entry import PREPARATIONS, Sink
from autotrace.sinks.queue import Item, Queue

POLL = 0.01
"""Seconds between two looks at the queue while there is work: what a process that is killed in the midst of it can lose."""

_IDLE_POLLS = 2
"""After so many looks at an empty queue the thread sleeps until it is roused. The first record after a pause rouses it, and is
written at once: who leaves by `os._exit` or is killed a moment later has lost nothing."""

_FORK_PATIENCE = 0.05
"""Seconds for which records are written before a fork."""

_HALTING, _PREPARING = 0.5, 2.0
"""Seconds that a fork waits at most for the thread's end: it takes some milliseconds where sinks and processors allow; more
during the first imports, which no sink delays."""

_BREATH = 0.002
"""Seconds between two attempts on a sink that took less than it was given. The lock on a descriptor is free meanwhile, so that
other processes get it."""


class Writer:
    """One per process. See the module."""

    def __init__(self) -> None:
        self.before_exit: list[Callable[[], None]] = []
        self.starts = False
        """The setting."""
        self.queue = Queue()
        self.dispatch = Dispatch(self.queue)
        self._registered = False
        self._ending = False
        self._sync = False
        self._patience = 0.0
        self._give_up_at = 0.0
        self._new_process()

    def _new_process(self) -> None:
        registry.forget()
        destination.prints.lock = system.allocate_lock()
        self.begun = diagnostics.Counter()
        """The spans that have begun in this process."""
        self.ended = diagnostics.Counter()
        """Those that came here."""
        self.queue.forget()
        self.dispatch.forget()
        self._draining = system.allocate_lock()
        self._drainer = 0
        self._wake = system.allocate_lock()
        self._wake.acquire()
        self._ended = system.allocate_lock()
        """Held by the thread until its end."""
        self._vacancy = [True]
        """Holds one element while there is no thread: who takes it out may start one. Also taken for the time of a fork."""
        self._asleep = False
        self._stop = False
        self._has_begun = False
        self._at_once = False
        self._prepared = False
        self._forking = False
        self._directly = False
        """Whether records are written on the calling thread."""
        self._thread = 0
        """The system's id of the thread."""

    @property
    def sinks(self) -> list[Sink] | None:
        """Those to write to, in place of those that the settings name; ``None`` for these."""
        return self.dispatch.sinks

    @sinks.setter
    def sinks(self, sinks: list[Sink] | None) -> None:
        self.dispatch.sinks = sinks

    @property
    def written(self) -> int:
        """The spans that every sink took."""
        return self.dispatch.written

    @property
    def dropped(self) -> int:
        """The spans that a sink lost, those that could not be made, and those for which there was no room."""
        return self.dispatch.lost + self.queue.lost.value

    @property
    def contents_dropped(self) -> int:
        """The spans that lost their content for want of room: in the queue, or as they waited for a sink."""
        return self.queue.shed.value + self.dispatch.shed

    def configure(self) -> None:
        """Take the settings as they are now."""
        valid = settings.current.valid
        # One half waits to be translated, the other for the sinks.
        self.queue.limit = self.dispatch.limit = valid("queue_bytes") // 2
        self.dispatch.blocks = valid("overflow") == "block"
        self.starts, self._sync, self._patience = valid("starts"), valid("sync"), valid("exit_timeout")
        self._directly = self._sync or self._at_once or self._ending

    def start(self) -> bool:
        """Have the thread running for a span that begins now. True if the thread had to be started."""
        self.begun.add()
        return self._start()

    def _start(self) -> bool:
        if not self._vacancy or self._ending:
            return False
        # The first to import `threading` is taken for the main thread, which the interpreter waits for at its end. It
        # must not be our thread, and translation and structlog do import it there. `logging` registers handlers at its
        # import that must not come in the middle of a fork, where our own may be the first to need it.
        import logging  # noqa: F401
        import threading

        if not threading.main_thread().is_alive():  # an exit handler: what it registers is not called any more
            self._ending = self._directly = True
            self._give_up_at = destination.give_up_at = time.monotonic() + settings.current.valid("exit_timeout")
            return True
        try:
            self._vacancy.pop()
        except IndexError:  # another thread was faster
            return False
        if not self._registered:
            self._registered = True
            atexit.register(self._at_exit)
            leaving.watch(self._before_leaving)
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(
                    before=self._before_fork, after_in_parent=self._after_fork, after_in_child=self._new_process
                )
        if not self._has_begun:
            self._has_begun = True
            self._at_once = process.join_multiprocessing(self._at_exit)
            self.configure()
        self._stop = False
        self._ended = system.allocate_lock()
        self._ended.acquire()
        try:
            system.start_new_thread(self._run, (self._ended,))
        except RuntimeError:  # no more threads to be had: records wait for flush() and the exit
            self._vacancy.append(True)
        return True

    # ------------------------------------------------------------------------------------------- on the program's threads

    def put(self, item: Item, may_wait: bool = True) -> None:
        """Queue a span that has ended. In a process that is ending, or may be ended any moment, it is written at once.

        A finaliser says that it must not wait: the thread may hold any lock.
        """
        self.ended.add()
        self.announce(item, may_wait)

    def announce(self, item: Item, may_wait: bool = True) -> None:
        """As `put`, for what is no span."""
        if self.queue.put(item) > 0:
            self._overflow(item, may_wait)
        if self._directly:
            self._write_through(may_wait)
        elif self._asleep:
            self._rouse()

    def _overflow(self, item: Item, may_wait: bool) -> None:
        if not self.dispatch.blocks:
            self.queue.relieve(item)
        elif may_wait and self._drainer != system.get_ident():
            limit = self.queue.limit + item.weight()
            while self.queue.bytes > limit and not self._ending:
                if self._vacancy:  # no thread could be started
                    self.drain(POLL)
                else:
                    system.sleep(0.001)

    def _write_through(self, may_wait: bool) -> None:
        if self._ending:
            if not self.drain(self._give_up_at - time.monotonic()):
                self._give_up()
            return
        # A sink that has not taken everything before is waited for once, and not with each call.
        patience = POLL if self._at_once else 0.0 if self.dispatch.is_behind else self._patience
        if not (may_wait and self.drain(patience)) and self._asleep:
            self._rouse()

    def drain(self, timeout: float) -> bool:
        """Write what is queued, on this thread, for at most `timeout` seconds. False: something still waits.

        A sink that is slow is waited for; one that fails is not.
        """
        if self._drainer == system.get_ident():
            return True  # a finaliser inside this very loop, which goes on until the queue is empty
        give_up_at = time.monotonic() + timeout
        if not self._draining.acquire(True, max(timeout, 0)):
            return False
        self._drainer = system.get_ident()
        try:
            done = self.dispatch.round(now=True)
            while not done and time.monotonic() < give_up_at and (self.queue or not self.dispatch.pause):
                if not self.queue or self.dispatch.is_full:
                    system.sleep(_BREATH)
                done = self.dispatch.round()
            return done
        finally:
            self._drainer = 0
            self._draining.release()

    def reopen(self, timeout: float) -> None:
        """Take the settings, write what is queued, then close the sinks that they named: now they may name others.

        What a sink has not taken within `timeout` seconds is lost with it, and counted when the process ends.
        """
        self.configure()
        self.drain(timeout)
        if self._draining.acquire(True, timeout):
            try:
                registry.close()
            finally:
                self._draining.release()

    # ------------------------------------------------------------------------------------------------- the writer's thread

    def _rouse(self) -> None:
        self._asleep = False
        try:
            self._wake.release()
        except RuntimeError:  # somebody else was faster
            return

    def _run(self, ended: Any) -> None:
        self._thread = system.get_native_id()
        try:
            for step in PREPARATIONS:
                if not self._stop:
                    step()
                    self._write()
            self._prepared = True
            self._poll()
        finally:
            ended.release()
            self._vacancy.append(True)

    def _poll(self) -> None:
        idle = 0
        while not self._stop:
            idle = 0 if self.queue else idle + 1
            if self.dispatch.waits and not self.dispatch.pause:
                self._write()
            if idle <= _IDLE_POLLS:
                self._wake.acquire(True, POLL)
                continue
            self._asleep = True
            if not self.queue:
                # For what failed, and for what a sink did not take, it is time again without a new record.
                self._wake.acquire(True, max(self.dispatch.pause, POLL) if self.dispatch.waits else -1)
            self._asleep = False

    def _write(self) -> None:
        """Empty the queue. The lock is free between two batches, for whoever is about to fork or to end."""
        while True:
            with self._draining:
                self._drainer = system.get_ident()
                try:
                    self.dispatch.round()
                finally:
                    self._drainer = 0
            if self._stop or not self.queue or self.dispatch.is_full:
                return

    def _halt(self, patience: float) -> None:
        """End the thread, waiting `patience` seconds for it."""
        if not self._vacancy:
            self._stop = True
            self._rouse()
            ended = self._ended
            if ended.acquire(True, max(patience, 0)):
                ended.release()

    # ------------------------------------------------------------------------------------------------- forks and ends

    def _before_fork(self) -> None:
        if self.dispatch.waits or self._draining.locked():
            self.drain(_FORK_PATIENCE)
        self._forking = self._hold_off(_HALTING if self._prepared else _PREPARING)
        process.await_end_of(self._thread, _FORK_PATIENCE)

    def _hold_off(self, patience: float) -> bool:
        """End the thread, and have no other thread start one. False if that took longer than `patience` seconds."""
        give_up_at = time.monotonic() + patience
        while True:
            try:
                return self._vacancy.pop()
            except IndexError:
                self._halt(give_up_at - time.monotonic())
            if time.monotonic() > give_up_at:
                return False
            system.sleep(0.0002)

    def _after_fork(self) -> None:
        if self._forking:
            self._forking = False
            self._vacancy.append(True)
        # Also for spans that are under way: their ends do not start it.
        if self.dispatch.waits or self.begun.value != self.ended.value:
            self._start()

    def _before_leaving(self, for_good: bool) -> None:
        if for_good and self._has_begun:
            self._at_exit()
        elif self.dispatch.waits or self._draining.locked():
            self.drain(self._patience)

    def _at_exit(self) -> None:
        self._ending = self._directly = True
        self._give_up_at = destination.give_up_at = time.monotonic() + self._patience
        for callback in self.before_exit:
            callback()
        self._halt(self._give_up_at - time.monotonic())
        if not self.drain(self._give_up_at - time.monotonic()):
            self._give_up()
        registry.close(self._give_up_at)
        process.keep_exit_code()

    def _give_up(self) -> None:
        """Say what could not be written before the process ends, and count it."""
        if self._draining.acquire(False):
            try:
                missing = self.dispatch.give_up()
            finally:
                self._draining.release()
        else:  # a sink does not come back
            missing = {"being written to": max(self.ended.value - self.written - self.dispatch.covered - self.dropped, 0)}
        for name, records in missing.items():
            text = f"sink {name}: {records} records could not be written before the process ended."
            diagnostics.say("dropped", text, level="error", again=True, records=records)


writer = Writer()
