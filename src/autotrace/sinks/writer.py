"""The writer: the queue between the program's threads and the sinks, and the one thread that empties it.

What the caller pays is an append to a deque. The thread polls while there is work and goes to sleep when there is none
for a second; it starts with the first span of the process and again after a fork. `flush` and the end of the process empty
the queue on the calling thread instead of waiting for it. Finalisers may call `put`: it takes no lock.
"""

from __future__ import annotations

import _thread
import atexit
import os
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from autotrace import diagnostics
from autotrace.model import Span
from autotrace.sinks import destination
from autotrace.sinks.descriptor import DescriptorSink
from autotrace.sinks.entry import Entry, Sink, prepare

POLL = 0.02
"""Seconds between two looks at the queue: what a killed process can lose."""

_IDLE_POLLS = 50
_FORK_PATIENCE = 0.05
_EXIT_PATIENCE = 3.0
_BATCH = 256


class Item(Protocol):
    """Something that becomes a record on the writer's side."""

    def record(self) -> Span: ...


class Writer:
    """One per process. See the module."""

    def __init__(self, sinks: list[Sink] | None = None) -> None:
        self.sinks = sinks
        self.before_exit: list[Callable[[], None]] = []
        self._queue: deque[Item] = deque()
        self._registered = False
        self._ending = False
        self._new_process()

    def _new_process(self) -> None:
        self.written = 0
        """How many records this process has handed to its sinks."""
        self._queue.clear()
        self._draining = _thread.allocate_lock()
        self._drainer = 0
        self._wake = _thread.allocate_lock()
        self._wake.acquire()
        self._ended = _thread.allocate_lock()
        self._running = False
        self._asleep = False
        self._stop = False

    def start(self) -> bool:
        """Have the thread running; costs one attribute read when it is. True if it had to be started."""
        if self._running or self._ending:
            return False
        # The first to import `threading` is taken for the main thread, which the interpreter waits for at its end. It
        # must not be our thread, and translation and structlog do import it there.
        import threading  # noqa: F401

        self._running = True
        if not self._registered:
            self._registered = True
            atexit.register(self._at_exit)
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(
                    before=self._before_fork, after_in_parent=self._after_fork, after_in_child=self._new_process
                )
        self._stop = False
        self._ended.acquire(False)
        try:
            _thread.start_new_thread(self._run, ())
        except RuntimeError:  # no more threads to be had: records wait for flush() and the exit
            self._running = False
        return True

    def put(self, item: Item) -> None:
        """Queue `item`. In a process that is ending it is written at once."""
        self._queue.append(item)
        if self._asleep:
            self._rouse()
        elif self._ending:
            self.drain(_EXIT_PATIENCE)

    def drain(self, timeout: float) -> bool:
        """Write what is queued, on this thread, waiting at most `timeout` seconds for another that is at it.

        False: the other did not finish in time.
        """
        if self._drainer == _thread.get_ident():
            return True  # a finaliser inside this very loop, which goes on until the queue is empty
        if not self._draining.acquire(True, max(timeout, 0)):
            return False
        self._drainer = _thread.get_ident()
        try:
            while self._queue:
                self._write_batch()
        finally:
            self._drainer = 0
            self._draining.release()
        return True

    def _write_batch(self) -> None:
        batch: list[Entry] = []
        while self._queue and len(batch) < _BATCH:
            try:
                batch.append(Entry(self._queue.popleft().record()))
            except Exception as exc:  # whatever a plugin's data makes of translation: one record, said and counted
                diagnostics.failed("writer: a record is lost", exc, aside=True)
        if self.sinks is None:
            self.sinks = [DescriptorSink(destination.descriptor())]
        self.written += len(batch)
        for sink in self.sinks:
            try:
                sink.write(batch)
            except Exception as exc:  # one sink's failure is no other's
                diagnostics.failed(f"sink {type(sink).__name__}", exc, aside=True)

    def _rouse(self) -> None:
        self._asleep = False
        try:
            self._wake.release()
        except RuntimeError:  # somebody else was faster
            return

    def _run(self) -> None:
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

    def _after_fork(self) -> None:
        if self._queue:
            self.start()

    def _at_exit(self) -> None:
        self._ending = True
        destination.give_up_at = time.monotonic() + _EXIT_PATIENCE
        for callback in self.before_exit:
            callback()
        self._halt(_EXIT_PATIENCE)
        self.drain(_EXIT_PATIENCE)
        for sink in self.sinks or ():
            sink.close(time.monotonic() + _EXIT_PATIENCE)
        _keep_exit_code()


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
