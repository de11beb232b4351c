"""Where prices come from: the setting, then entry points in the group `GROUP`, then ``genai-prices``.

What has to be imported for that is imported once a process, on the writer's side.
"""

from __future__ import annotations

import _thread
from collections.abc import Callable, Mapping
from typing import Optional, Protocol

from autotrace import _diagnostics as diagnostics
from autotrace import _process
from autotrace._discovery import distributions, references
from autotrace._record.pricing import table
from autotrace._record.pricing.table import Table
from autotrace._record.pricing.usage import Cost, UnpricedError, Usage
from autotrace._settings import prices, settings

GROUP = "autotrace.prices"

_FORK_PATIENCE = 5.0
"""Seconds that a fork waits at most for an import of sources."""


class Source(Protocol):
    """Somebody's prices. `name` is what the record says, with the version where there is one."""

    name: str

    def price(self, usage: Usage) -> Cost | None:
        """The cost; None if the model is not known here. Raises `UnpricedError` if it is and there is no price."""


class Asked:
    """A source of cost: a function ``(provider, model, counts, when) -> prices of that model, or None``."""

    def __init__(self, name: str, function: Callable[..., Optional[Mapping[str, float]]]) -> None:
        self.name = name
        self._function = function

    def price(self, usage: Usage) -> Cost | None:
        """The cost at the prices that the function gives for the first model that it knows."""
        for model in usage.models:
            found = self._function(usage.provider, model, dict(usage.counts), usage.when)
            if found is not None:
                return table.cost(prices.check_model(f"{self.name}, {model}", found), usage.counts)
        return None


class Failed:
    """Stands for a source that could not be loaded: nobody knows which of the prices below it were to be replaced."""

    def __init__(self, name: str, reason: str = "") -> None:
        self.name = name
        self._reason = reason

    def price(self, usage: Usage) -> Cost | None:
        """Always raises `UnpricedError`."""
        reason = f": {self._reason}" if self._reason else ""
        raise UnpricedError(f"the prices of {self.name} could not be loaded{reason}")


def sources() -> list[Source]:
    """Those that there are, the first to know a model decides."""
    given = settings.current.get("prices")
    own: list[Source] = [Table("setting", given)] if given else []
    return own + installed.get()


def _load() -> list[Source]:
    found: list[Source] = []
    for entry in sorted(distributions.scan(group=GROUP), key=lambda entry: (entry.distribution, entry.package)):
        name = f"{entry.distribution} {entry.version}"
        try:
            value = references.load(entry.value)
            found.append(Asked(name, value) if callable(value) else Table(name, prices.check(name, value)))
        except Exception as exc:  # somebody else's module
            diagnostics.failed(f"load the prices of {name}", exc, aside=True)
            found.append(Failed(name))
    return [*found, *_maintained()]


def _maintained() -> list[Source]:
    if diagnostics.interpreter_is_ending():
        return [Failed("genai-prices", "the process was ending")]
    try:
        from autotrace._record.pricing import offline

        offline.load()
        from autotrace._record.pricing.maintained import Maintained

        return [Maintained()]
    except ModuleNotFoundError as exc:
        if exc.name == "genai_prices":
            return []  # the extra is not installed
        diagnostics.failed("load genai-prices", exc, aside=True)
    except Exception as exc:  # a version that is too old or too new, an installation that is damaged
        diagnostics.failed("load genai-prices", exc, aside=True)
    return [Failed("genai-prices")]


class Installed:
    """The sources that are installed beside us; found and imported once a process.

    A child that is forked amid the import could never finish it, nor import the same modules: the thread that has their locks
    is not there. So a fork waits for it, but not for ever: the import may wait for one that is going on where the fork is.
    """

    def __init__(self) -> None:
        self._sources: list[Source] | None = None
        self._lock = _thread.RLock()
        self._is_at_work = self._has_waited = False

    def get(self) -> list[Source]:
        """The sources; imports them when first called."""
        return self._load() if self._sources is None else self._sources

    def forget(self) -> None:
        """Look for them again when next asked. For tests."""
        self._sources = None

    def _load(self) -> list[Source]:
        with self._lock:
            if self._sources is None:
                if self._is_at_work:  # a finaliser or signal handler, on this thread, amid the import
                    return [Failed("the installed sources")]
                self._is_at_work = True
                try:
                    self._sources = _load()
                finally:
                    self._is_at_work = False
            return self._sources

    def before_fork(self) -> None:
        """Wait for an import."""
        self._has_waited = self._lock.acquire(True, _FORK_PATIENCE)

    def in_parent(self) -> None:
        """Go on."""
        if self._has_waited:
            self._lock.release()

    def in_child(self) -> None:
        """Go on; where the import was not waited for, there are no such sources."""
        if self._has_waited:
            self._lock.release()
        else:
            self._lock, self._sources, self._is_at_work = _thread.RLock(), [Failed("the installed sources")], False


installed = Installed()
_process.forks.add(before=installed.before_fork, in_parent=installed.in_parent, in_child=installed.in_child)
