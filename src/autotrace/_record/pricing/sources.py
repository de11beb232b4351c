"""The sources of prices: the setting, then entry points in the group `GROUP`, then ``genai-prices``.

Their imports happen once per process, on the writer's thread.
"""

from __future__ import annotations

import _thread
from collections.abc import Callable, Mapping
from typing import Optional, Protocol

from autotrace import _diagnostics as diagnostics
from autotrace import _process
from autotrace import _settings as settings
from autotrace._discovery import distributions, references
from autotrace._record.pricing import table
from autotrace._record.pricing.billable import Cost, UnpricedError, Usage
from autotrace._record.pricing.table import Table
from autotrace._settings import prices

GROUP = "autotrace.prices"

_FORK_PATIENCE = 5.0
"""Seconds that a fork waits for an import of sources, at most."""


class Source(Protocol):
    """A source of prices. `name` is what the record says, with the version if there is one."""

    name: str

    def price(self, usage: Usage) -> Cost | None:
        """The cost; None if this source does not know the model. Raises `UnpricedError` if it does but has no price."""


class FunctionSource:
    """A source of prices: a function ``(provider, model, counts, when) -> prices of that model, or None``."""

    def __init__(self, name: str, function: Callable[..., Optional[Mapping[str, float]]]) -> None:
        self.name = name
        self._function = function

    def price(self, usage: Usage) -> Cost | None:
        """The cost at the prices that the function returns for the first model that it knows."""
        for model in usage.models:
            given = self._function(usage.provider, model, dict(usage.counts), usage.when)
            if given is not None:
                return table.cost(prices.check_model(f"{self.name}, {model}", given), usage.counts)
        return None


class FailedSource:
    """Takes the place of a source that could not be loaded. It has no price for any model, because that source might have
    overridden any price of the sources after it."""

    def __init__(self, name: str, reason: str = "") -> None:
        self.name = name
        self._reason = reason

    def price(self, usage: Usage) -> Cost | None:
        """Always raises `UnpricedError`."""
        reason = f": {self._reason}" if self._reason else ""
        raise UnpricedError(f"the prices of {self.name} could not be loaded{reason}")


def sources() -> list[Source]:
    """All sources. The first one that knows a model decides."""
    given = settings.current.get("prices")
    own: list[Source] = [Table("setting", given)] if given else []
    return own + installed.get()


def _load() -> list[Source]:
    loaded: list[Source] = []
    for entry in sorted(distributions.scan(group=GROUP), key=lambda entry: (entry.distribution, entry.package)):
        name = f"{entry.distribution} {entry.version}"
        try:
            value = references.load(entry.value)
            loaded.append(FunctionSource(name, value) if callable(value) else Table(name, prices.check(name, value)))
        except Exception as exc:  # a module that is not ours
            diagnostics.failed(f"load the prices of {name}", exc, aside=True)
            loaded.append(FailedSource(name))
    return [*loaded, *_maintained()]


def _maintained() -> list[Source]:
    if diagnostics.interpreter_is_ending():
        return [FailedSource("genai-prices", "the process was ending")]
    try:
        from autotrace._record.pricing.maintained import Maintained

        return [Maintained()]
    except ModuleNotFoundError as exc:
        if exc.name == "genai_prices":
            return []  # the extra is not installed
        diagnostics.failed("load genai-prices", exc, aside=True)
    except Exception as exc:  # a version that is too old or too new, a damaged installation
        diagnostics.failed("load genai-prices", exc, aside=True)
    return [FailedSource("genai-prices")]


class Installed:
    """The installed sources, found and imported once per process.

    A child that is forked during the import could neither finish it nor import the same modules, because the thread that holds
    their locks does not exist in the child. So a fork waits for the import, but not for ever: the import may itself wait for
    one on the thread that forks.
    """

    def __init__(self) -> None:
        self._sources: list[Source] | None = None
        self._lock = _thread.RLock()
        self._is_loading = self._has_waited = False

    def get(self) -> list[Source]:
        """The sources. The first call imports them."""
        return self._load() if self._sources is None else self._sources

    def forget(self) -> None:
        """Look for them again at the next `get`. For tests."""
        self._sources = None

    def _load(self) -> list[Source]:
        with self._lock:
            if self._sources is None:
                if self._is_loading:  # a finaliser or a signal handler on this thread, during the import
                    return [FailedSource("the installed sources")]
                self._is_loading = True
                try:
                    self._sources = _load()
                finally:
                    self._is_loading = False
            return self._sources

    def before_fork(self) -> None:
        """Wait for an import in progress."""
        self._has_waited = self._lock.acquire(True, _FORK_PATIENCE)

    def in_parent(self) -> None:
        """Release the lock after the fork."""
        if self._has_waited:
            self._lock.release()

    def in_child(self) -> None:
        """Release the lock after the fork. If the fork did not get it, the child has no installed sources."""
        if self._has_waited:
            self._lock.release()
        else:
            self._lock, self._is_loading = _thread.RLock(), False
            self._sources = [FailedSource("the installed sources")]


installed = Installed()
_process.forks.add(before=installed.before_fork, in_parent=installed.in_parent, in_child=installed.in_child)
