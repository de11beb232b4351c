"""The writer: the queue between the program's threads and the sinks, and the one thread that empties it.

The caller pays for an append to a deque. The thread polls while there is work and sleeps when there is none. It starts with
the first span of the process, and again after a fork. `flush` and the end of the process empty the queue on the calling thread
instead of waiting for the writer's. Finalisers may call `put`: it takes no lock.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable

from autotrace import _diagnostics as diagnostics
from autotrace import _process, _system
from autotrace import _settings as settings
from autotrace._process import prints
from autotrace._redaction import policy
from autotrace._system import time
from autotrace._writer import process
from autotrace._writer.dispatch import Dispatch
from autotrace._writer.process_exit import ProcessExit
from autotrace._writer.queue import Item, Queue
from autotrace._writer.thread import POLL, Thread
from autotrace.sinks._entry import Sink
from autotrace.sinks._registry import OpenSinks

_FORK_PATIENCE = 0.05
"""Seconds to write records before a fork, at most."""

_BEFORE_END = 0.05
"""Seconds to write records before a signal ends the process, at most: the program may raise it from an event loop."""

_LEAVING = 1.0
"""Seconds to wait for a write in progress when the program starts to use stdout for a protocol."""

_RETRY_PAUSE = 0.002
"""Seconds between two attempts on a sink that took fewer entries than it was given. The lock on a descriptor is free meanwhile,
so that other processes can take it."""


_SLICE = 0.1
"""Seconds between two looks at whether the reader still takes something, while another thread writes."""


class Writer:
    """Queues what has ended, and writes it to the sinks. There is one per process."""

    def __init__(self) -> None:
        self.before_exit: list[Callable[[], None]] = []
        self.starts = False
        """The setting `starts`."""
        self.queue = Queue()
        self.open_sinks = OpenSinks()
        self.dispatch = Dispatch(self.queue, self.open_sinks)
        self.thread = Thread(self.dispatch, self._write)
        self._registered = self._follows_forks = False
        self._process_exit = ProcessExit(self)
        self._ending = False
        self._sync = False
        self._patience = 0.0
        _process.stdout.on_leave = lambda: self._close_sinks(_LEAVING)
        self._new_process()

    def _new_process(self) -> None:
        self.open_sinks.forget()
        for one in prints.of.values():
            one.lock = _system.allocate_lock()
        self.begun = diagnostics.Counter()
        """The spans that have begun in this process."""
        self.ended = diagnostics.Counter()
        """The spans that have ended and were queued."""
        self.queue.forget()
        self.dispatch.forget()
        self._draining = _system.allocate_lock()
        self._drainer = 0
        self.thread.forget()
        self._has_begun = False
        self._multiprocessing = process.Multiprocessing()
        self._at_once = False
        self._directly = False
        """Whether records are written at once, on the calling thread."""

    @property
    def sinks(self) -> list[Sink] | None:
        """The sinks to write to, instead of those in the settings; ``None`` for those."""
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
        """The spans that a sink lost, that could not be translated, or that the full queue dropped."""
        return self.dispatch.lost + self.queue.lost.value

    @property
    def contents_dropped(self) -> int:
        """The spans that lost their content because too much waited: in the queue, or for a sink."""
        return self.queue.shed.value + self.dispatch.shed

    def configure(self) -> None:
        """Apply the current settings."""
        valid = settings.current.valid
        # One half is for items that wait to be translated, the other for records that wait for sinks.
        self.queue.limit = self.dispatch.limit = valid("queue_bytes") // 2
        self.dispatch.blocks = valid("overflow") == "block"
        self.dispatch.policy = policy.in_force()
        self.starts, self._sync, self._patience = valid("starts"), valid("sync"), valid("exit_timeout")
        self._directly = self._sync or self._at_once or self._ending

    def start(self) -> bool:
        """Count a span that begins now, and start the thread if it is not running. True if it was started."""
        self.begun.add()
        return self.ensure()

    def ensure(self) -> bool:
        """Start the thread if it is not running. True if it was started."""
        if not self.thread.is_missing or self._ending:
            return False
        # The thread that first imports `threading` becomes its main thread, for which the interpreter waits at its end. That
        # must not be ours, where translation and structlog would import it. The import of `logging` registers fork hooks; it
        # must not happen during a fork, where our own hooks may be the first to need it.
        import logging  # noqa: F401
        import threading

        if not threading.main_thread().is_alive():  # in an exit handler: one that is registered now is not called
            self._ending = self._directly = True
            _process.ending.begin(settings.current.valid("exit_timeout"))
            return True
        if not self.thread.claim():
            return False
        if not self._registered:
            self._registered = True
            atexit.register(self._at_exit)
            self._process_exit.watch()
            if not self._follows_forks:
                self._follows_forks = True
                _process.forks.add(before=self._before_fork, in_parent=self._after_fork, in_child=self._new_process)
                _process.forks.call_before()
        if not self._has_begun:
            self._has_begun = True
            self._at_once = self._multiprocessing.join(self._at_exit)
            self.configure()
        self.thread.start()
        return True

    # ------------------------------------------------------------------------------------------- on the program's threads

    def put(self, item: Item, may_wait: bool = True) -> None:
        """Queue a span that has ended. In a process that is ending, or that may be killed at any moment, it is written at once.

        A finaliser passes ``may_wait=False``: its thread may hold any lock.
        """
        self.ended.add()
        queue = self.queue
        queue.bytes += item.weight()  # `queue.put` inlined
        queue.append(item)
        if queue.bytes > queue.limit > 0:
            self._overflow(item, may_wait)
        if self._directly:
            self._write_through(may_wait)
        elif self.thread.asleep:
            self.thread.wake()

    def announce(self, item: Item) -> None:
        """Queue an item that is not a finished span. Like `put`, but without counting."""
        if self.queue.put(item):
            self._overflow(item, may_wait=True)
        if self._directly:
            self._write_through(may_wait=True)
        elif self.thread.asleep:
            self.thread.wake()

    def _overflow(self, item: Item, may_wait: bool) -> None:
        if not self.dispatch.blocks:
            self.queue.relieve(item)
        elif may_wait and self._drainer != _system.get_ident():
            limit = self.queue.limit + item.weight()
            while self.queue.bytes > limit and not self._ending:
                if self.thread.is_missing:  # no thread could be started
                    self.drain(POLL)
                else:
                    _system.sleep(0.001)

    def _write_through(self, may_wait: bool) -> None:
        if self._ending:
            if not self.drain(_process.ending.left):
                self._give_up()
            return
        # Do not wait again for a sink that is already behind: only the first call waits, not each one.
        patience = POLL if self._at_once else 0.0 if self.dispatch.is_behind else self._patience
        if not (may_wait and self.drain(patience)) and self.thread.asleep:
            self.thread.wake()

    def drain(self, timeout: float) -> bool:
        """Write what is queued, on this thread, for at most `timeout` seconds. False if something still waits then.

        It waits for a slow sink, but not for a failing one. When the process is ending, it waits as long as a reader takes
        something.
        """
        if self._drainer == _system.get_ident():
            return True  # a finaliser inside this same loop, which goes on until the queue is empty
        give_up_at = time.monotonic() + timeout

        def left() -> float:
            return max(give_up_at - time.monotonic(), _process.ending.left, 0.0)

        while not self._draining.acquire(True, min(left(), _SLICE)):
            if not left():
                return False
        self._drainer = _system.get_ident()
        try:
            done = self.dispatch.round(now=True)
            while not done and left() and (self.queue or not self.dispatch.pause):
                if not self.queue or self.dispatch.is_full:
                    _system.sleep(_RETRY_PAUSE)
                done = self.dispatch.round()
            return done
        except Exception as exc:  # a failure of ours must not reach the program
            diagnostics.failed("writer", exc, aside=True)
            return False
        finally:
            self._drainer = 0
            self._draining.release()

    def reopen(self, timeout: float) -> None:
        """Apply the current settings, write what is queued, and close the open sinks, as the settings may now name others.

        What a sink has not taken within `timeout` seconds is lost, and counted when the process ends.
        """
        self.configure()
        self.drain(timeout)
        self._close_sinks(timeout)

    def _close_sinks(self, timeout: float) -> None:
        if self._draining.acquire(True, timeout):
            try:
                self.open_sinks.close()
            finally:
                self._draining.release()

    def _write(self) -> None:
        """Empty the queue. Between two batches the lock is free, so that a fork or the exit can take it."""
        while True:
            with self._draining:
                self._drainer = _system.get_ident()
                try:
                    self.dispatch.round()
                except Exception as exc:  # a failure of ours: the thread goes on, and tries again later
                    diagnostics.failed("writer", exc, aside=True)
                    return
                finally:
                    self._drainer = 0
            if self.thread.stopping or not self.queue or self.dispatch.is_full:
                return

    # ------------------------------------------------------------------------------------------------- forks and ends

    def _before_fork(self) -> None:
        if self.dispatch.waits or self._draining.locked():
            self.drain(_FORK_PATIENCE)
        self.thread.hold_off()

    def _after_fork(self) -> None:
        self.thread.allow()
        # Also if spans are open: their ends do not start the thread.
        if self.dispatch.waits or self.begun.value != self.ended.value:
            self.ensure()

    def before_exit_call(self) -> None:
        """Write everything, open spans included."""
        if self._has_begun:
            self._at_exit()
        else:
            self.before_exec()

    def after_exit_call(self) -> None:
        """Go on: the process did not end."""
        self._ending, _process.ending.give_up_at = False, None
        self.configure()

    def before_exec(self) -> None:
        """Write what is queued."""
        if self.dispatch.waits or self._draining.locked():
            self.drain(self._patience)

    def before_signal(self) -> None:
        """Write what is queued, as long as a fork would wait for it."""
        if self.dispatch.waits or self._draining.locked():
            self.drain(min(self._patience, _BEFORE_END))

    def retire(self, timeout: float) -> None:
        """End the thread, and take back what was changed in the process for it. The next span begins anew.

        Only when no span is open: nothing would write its record at the end of the process.
        """
        self._process_exit.release()
        if self._registered:
            self.thread.halt(timeout)
            atexit.unregister(self._at_exit)
            self._multiprocessing.leave()
            self._registered = self._has_begun = False

    def _at_exit(self) -> None:
        self._ending = self._directly = True
        _process.ending.begin(self._patience)
        for callback in self.before_exit:
            callback()
        while not self.thread.halt(min(_process.ending.left, _SLICE)) and _process.ending.left:
            continue
        if not self.drain(_process.ending.left):
            self._give_up()
        self.open_sinks.close(time.monotonic() + _process.ending.left)
        process.keep_exit_code()

    def _give_up(self) -> None:
        """Report and count what could not be written before the process ended."""
        if self._draining.acquire(False):
            try:
                missing = self.dispatch.give_up()
            finally:
                self._draining.release()
        else:  # the write of a sink does not return
            left = self.ended.value - self.written - self.dispatch.covered - self.dropped
            missing = {"(its write has not returned)": max(left, 0)}
        for name, records in missing.items():
            text = f"sink {name}: {records} records could not be written before the process ended."
            diagnostics.say("dropped", text, level="error", again=True, records=records)


writer = Writer()
