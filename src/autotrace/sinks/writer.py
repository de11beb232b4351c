"""The writer: the queue between the program's threads and the sinks, and the one thread that empties it.

What the caller pays is an append to a deque. The thread polls while there is work and goes to sleep when there is none;
it starts with the first span of the process and again after a fork. `flush` and the end of the process empty
the queue on the calling thread instead of waiting for it. Finalisers may call `put`: it takes no lock.
"""

from __future__ import annotations

import atexit
import os
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from autotrace import diagnostics
from autotrace.model import Span
from autotrace.sinks import destination, leaving, registry, system
from autotrace.sinks.entry import Entry, Sink, prepare

POLL = 0.02
"""Seconds between two looks at the queue while there is work: what a process that is killed in the midst of it can lose."""

_IDLE_POLLS = 2
"""After so many looks at an empty queue the thread sleeps until it is roused. The first record after a pause rouses it, and is
written at once: who leaves by `os._exit` or is killed a moment later has lost nothing."""

_FORK_PATIENCE = 0.05
_EXIT_PATIENCE = 3.0
_BATCH = 256


class Item(Protocol):
    """Something that becomes a record on the writer's side."""

    def record(self) -> Span | None: ...


class Writer:
    """One per process. See the module."""

    def __init__(self, sinks: list[Sink] | None = None) -> None:
        self.sinks = sinks
        """Those to write to, in place of those that the settings name."""
        self.before_exit: list[Callable[[], None]] = []
        self._queue: deque[Item] = deque()
        self._registered = False
        self._ending = False
        self._new_process()

    def _new_process(self) -> None:
        registry.forget()
        self.begun = diagnostics.Counter()
        """The spans that have begun in this process."""
        self.ended = diagnostics.Counter()
        """Those that came here. The next three add up to it when the queue is empty; they change under `_draining`."""
        self.written = 0
        """The records that every sink took."""
        self.dropped = 0
        """The records that a sink lost, and those that could not be made."""
        self.covered = 0
        """What turned out to be no record: the calls that it wraps are."""
        self._queue.clear()
        self._draining = system.allocate_lock()
        self._drainer = 0
        self._wake = system.allocate_lock()
        self._wake.acquire()
        self._ended = system.allocate_lock()
        self._running = False
        self._asleep = False
        self._stop = False
        self._has_begun = False
        self._at_once = False
        self._thread = 0
        """The system's id of the thread."""

    def start(self) -> bool:
        """Have the thread running for a span that begins now. True if the thread had to be started."""
        self.begun.add()
        return self._start()

    def _start(self) -> bool:
        if self._running or self._ending:
            return False
        # The first to import `threading` is taken for the main thread, which the interpreter waits for at its end. It
        # must not be our thread, and translation and structlog do import it there. `logging` registers handlers at its
        # import that must not come in the middle of a fork, where our own may be the first to need it.
        import logging  # noqa: F401
        import threading

        if not threading.main_thread().is_alive():  # an exit handler: what it registers is not called any more
            self._ending = True
            return True
        self._running = True
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
            self._at_once = _join_multiprocessing(self._at_exit)
        self._stop = False
        self._ended.acquire(False)
        try:
            system.start_new_thread(self._run, ())
        except RuntimeError:  # no more threads to be had: records wait for flush() and the exit
            self._running = False
        return True

    def put(self, item: Item) -> None:
        """Queue `item`. In a process that is ending, or may be ended any moment, it is written at once."""
        self.ended.add()
        self._queue.append(item)
        if self._ending:
            self.drain(_EXIT_PATIENCE)
        elif self._at_once:
            self.drain(POLL)
        elif self._asleep:
            self._rouse()

    def drain(self, timeout: float) -> bool:
        """Write what is queued, on this thread, waiting at most `timeout` seconds for another that is at it.

        False: the other did not finish in time.
        """
        if self._drainer == system.get_ident():
            return True  # a finaliser inside this very loop, which goes on until the queue is empty
        if not self._draining.acquire(True, max(timeout, 0)):
            return False
        self._drainer = system.get_ident()
        try:
            while self._queue:
                self._write_batch()
        finally:
            self._drainer = 0
            self._draining.release()
        return True

    def reopen(self, timeout: float) -> None:
        """Write what is queued, then close the sinks that the settings name: other settings may name others.

        Waits at most `timeout` seconds for another thread that is writing; if that is too short, the sinks stay.
        """
        if self.drain(timeout) and self._draining.acquire(False):
            try:
                registry.close()
            finally:
                self._draining.release()

    def _write_batch(self) -> None:
        batch: list[Entry] = []
        while self._queue and len(batch) < _BATCH:
            try:
                span = self._queue.popleft().record()
                entry = None if span is None else Entry(span)
                if entry is None:
                    self.covered += 1
                elif entry.process():
                    batch.append(entry)
                else:
                    self.dropped += 1
            except Exception as exc:  # whatever a plugin's data makes of translation: one record, said and counted
                self.dropped += 1
                diagnostics.failed("writer: a record is lost", exc, aside=True)
        lost = 0
        for sink in registry.sinks() if self.sinks is None else self.sinks:
            try:
                lost = max(lost, sink.write(batch) or 0)
            except Exception as exc:  # one sink's failure is no other's
                lost = len(batch)
                diagnostics.failed(f"sink {registry.title(sink)}", exc, aside=True)
        self.written += len(batch) - lost
        self.dropped += lost

    def _rouse(self) -> None:
        self._asleep = False
        try:
            self._wake.release()
        except RuntimeError:  # somebody else was faster
            return

    def _run(self) -> None:
        self._thread = system.get_native_id()
        try:
            prepare()
            self._poll()
        finally:
            self._running = False
            self._ended.release()

    def _poll(self) -> None:
        idle = 0
        while not self._stop:
            if self._queue:
                idle = 0
                self.drain(_EXIT_PATIENCE)
            elif idle >= _IDLE_POLLS:
                self._asleep = True
                if not self._queue:
                    self._wake.acquire()
                self._asleep = False
                idle = 0
                continue
            idle += 1
            self._wake.acquire(True, POLL)

    def _halt(self, patience: float) -> None:
        """End the thread, waiting `patience` seconds for it."""
        if self._running:
            self._stop = True
            self._rouse()
            if self._ended.acquire(True, patience):
                self._ended.release()

    def _before_fork(self) -> None:
        self.drain(_FORK_PATIENCE)
        self._halt(_FORK_PATIENCE)
        _await_end(self._thread, _FORK_PATIENCE)

    def _after_fork(self) -> None:
        if self._queue:
            self._start()

    def _before_leaving(self, for_good: bool) -> None:
        if for_good and self._has_begun:
            self._at_exit()
        elif self._queue or self._draining.locked():
            self.drain(_EXIT_PATIENCE)

    def _at_exit(self) -> None:
        self._ending = True
        destination.give_up_at = time.monotonic() + _EXIT_PATIENCE
        for callback in self.before_exit:
            callback()
        self._halt(_EXIT_PATIENCE)
        self.drain(_EXIT_PATIENCE)
        registry.close(time.monotonic() + _EXIT_PATIENCE)
        _keep_exit_code()


def _await_end(thread: int, patience: float) -> None:
    """Wait until the system knows no thread with the native id `thread` any more, `patience` seconds at most.

    A thread's last line of Python is not its end, and CPython warns of a fork while the system counts two.
    """
    give_up_at = time.monotonic() + patience
    while thread and os.path.exists(f"/proc/self/task/{thread}") and time.monotonic() < give_up_at:
        system.sleep(0.0002)


def _join_multiprocessing(at_exit: Callable[[], None]) -> bool:
    """In a child of multiprocessing, which is left without `atexit` where it was forked, have `at_exit` called at its end.

    True if it is a daemon, as a pool's workers are: those are killed while they wait, a moment after their last answer.
    """
    process, util = sys.modules.get("multiprocessing.process"), sys.modules.get("multiprocessing.util")
    if process is None or util is None or process.parent_process() is None:
        return False
    util.Finalize(None, at_exit, exitpriority=-1000)
    return bool(process.current_process().daemon)


def _keep_exit_code() -> None:
    """A program that ends with an unhandled KeyboardInterrupt is to die of SIGINT, as it would without us.

    CPython notes that in a flag that any ``exec`` of a string resets, as the imports do that the first record may have
    needed just now. The same mechanism sets it again. In an interactive session the interrupt may be long ago.
    """
    if getattr(sys, "last_type", None) is KeyboardInterrupt and not hasattr(sys, "ps1"):
        try:
            exec("raise KeyboardInterrupt")
        except KeyboardInterrupt:
            return


writer = Writer()
