"""Which sinks are in force: from the settings, by name, from ours and from those of installed distributions.

A distribution brings a sink by an entry point in the group ``autotrace.sinks``: its name is the sink's, its value
a factory, which is called with the sink's options (a dict) and returns the sink. Nothing is imported before the first record.
"""

from __future__ import annotations

import os
import time

from autotrace import _diagnostics as diagnostics
from autotrace import _process
from autotrace._discovery import distributions, references
from autotrace._discovery.distributions import EntryPoint
from autotrace._settings import settings
from autotrace.errors import SettingsError, nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from autotrace.sinks._entry import Entry, Sink

    Factory = Callable[[dict[str, Any]], Sink]

GROUP = "autotrace.sinks"
"""The group of the entry points."""

_CLOSING = 1.0
"""Seconds that sinks have to close when others take their place."""


def _stdout(options: dict[str, Any]) -> Sink:
    return _descriptor(_process.stdout.descriptor(), options)


def _stderr(options: dict[str, Any]) -> Sink:
    return _descriptor(2, options)


def _descriptor(fd: int, options: dict[str, Any]) -> Sink:
    if options:
        raise SettingsError(f"sinks stdout and stderr: {min(options)!r} is not a known option; they take no options")
    if settings.current.valid("format") == "pretty":
        from autotrace.sinks._pretty import PrettySink

        return PrettySink(fd)
    from autotrace.sinks._descriptor import DescriptorSink

    return DescriptorSink(fd)


def _file(options: dict[str, Any]) -> Sink:
    from autotrace.sinks._file import FileSink

    return FileSink(**_of_file(options))


_FILE = {name: "file" if name == "path" else f"file_{name}" for name in ("path", "max_bytes", "max_age", "keep", "compression")}
"""The options of the sink `file`, and the settings that they stand over."""


def _of_file(options: dict[str, Any]) -> dict[str, Any]:
    for option in options:
        if option not in _FILE:
            raise SettingsError(f"sink file: {option!r} is not a known option{nearest(option, _FILE)}")
    read = {
        option: settings.current.get(name)
        if option not in options
        else settings.KNOWN[name][0](f"sinks.file.{option}", options[option])
        for option, name in _FILE.items()
    }
    if read["path"] is None:
        raise SettingsError("sink file: no path is set; set AUTOTRACE_FILE, the setting file, or the option path of the sink")
    return read


BUILT_IN: dict[str, Factory] = {"file": _file, "stderr": _stderr, "stdout": _stdout}
"""Our own, which need no entry point. No distribution can take their names."""


def installed() -> dict[str, EntryPoint]:
    """The sinks that distributions bring, by name. Of two that claim one name the first by name of distribution has it."""
    found: dict[str, EntryPoint] = {}
    for entry in sorted(distributions.scan(group=GROUP), key=lambda entry: entry.distribution):
        name = entry.package
        other = "autotrace" if name in BUILT_IN else found[name].distribution if name in found else None
        if other is None:
            found[name] = entry
        elif other != entry.distribution:
            text = f"its sink {name} is refused: {other} already has a sink with that name."
            diagnostics.say("plugin", f"{entry.distribution}: {text}")
    return found


def check() -> None:
    """Raise `SettingsError` if a sink in force is neither ours nor installed, or if ours cannot have its options."""
    wanted = chosen()
    unknown = _unknown(name for name, sink in wanted.items() if isinstance(sink, dict))
    if unknown:
        raise SettingsError(unknown[0])
    if isinstance(wanted.get("file"), dict):
        _of_file(wanted["file"])


def chosen() -> dict[str, Any]:
    """The sinks in force by name, with their options, or the object where one was given in code.

    The first source that names sinks decides which; the options of a sink are those of all sources together.
    """
    given = settings.current.given("sinks")
    if not given:
        return default()
    return {name: sink if not isinstance(sink, dict) else _merged(name, given) for name, sink in given[0].items()}


def default() -> dict[str, Any]:
    """The sinks where the settings name none."""
    return {"stdout": {}} if settings.current.get("file") is None else {"file": {}}


def _merged(name: str, given: list[dict[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for sinks in reversed(given):
        if isinstance(sinks.get(name), dict):
            merged.update(sinks[name])
    return merged


def _unknown(names: Iterable[str]) -> list[str]:
    others = [name for name in names if name not in BUILT_IN]
    known = {*BUILT_IN, *installed()} if others else set()
    hint = f"Or install the distribution that brings it, by an entry point in the group {GROUP}."
    problems = [f"{name!r} is not a known sink{nearest(name, known)}" for name in others if name not in known]
    return [f"{problem} {hint}" if problem.endswith("?") else f"{problem}. {hint}" for problem in problems]


def places() -> dict[str, dict[str, str | None]]:
    """For each sink in force, by name: `where` it writes to, in a few words, and the `problem` with that, if there is one."""
    wanted = chosen()
    known = installed() if wanted.keys() - BUILT_IN.keys() else {}
    found: dict[str, dict[str, str | None]] = {}
    for name, sink in wanted.items():
        where, problem = name, None
        if not isinstance(sink, dict):
            where = f"{type(sink).__module__}.{type(sink).__qualname__}"
        elif name == "stdout":
            fd = _process.stdout.descriptor()
            where = {1: "stdout", 2: "stderr"}.get(fd, f"descriptor {fd}")
        elif name == "file":
            where, problem = _place_of_file(sink)
        elif name in known:
            where = f"the sink {name} of {known[name].distribution} {known[name].version}".rstrip()
        elif name not in BUILT_IN:
            where, problem = f"the sink {name}", _unknown([name])[0]
        found[name] = {"where": where, "problem": problem}
    return found


def _place_of_file(options: dict[str, Any]) -> tuple[str, str | None]:
    try:
        path = str(_of_file(options)["path"])
    except SettingsError as exc:
        return "a file", str(exc)
    there = path
    while not os.path.exists(there) and there != os.path.dirname(there):
        there = os.path.dirname(there)
    needed = os.W_OK if there == path else os.W_OK | os.X_OK
    fits = there == path or os.path.isdir(there)
    return path, None if fits and os.access(there, needed) else f"{there} cannot be written to"


class NamedSink:
    """A sink by its name: made with the first batch, and, where that fails, again with a later one."""

    def __init__(self, name: str, factory: Callable[[], Factory], options: dict[str, Any]) -> None:
        self.name = name
        self._factory = factory
        self._options = options
        self._sink: Sink | None = None

    def write(self, batch: list[Entry]) -> int | None:
        if self._sink is None:
            self._sink = _checked(self.name, self._factory()(dict(self._options)))
        return self._sink.write(batch)

    def close(self, deadline: float) -> None:
        if self._sink is not None:
            self._sink.close(deadline)


def _checked(name: str, sink: Any) -> Sink:
    if callable(getattr(sink, "write", None)) and callable(getattr(sink, "close", None)):
        return sink  # type: ignore[no-any-return]
    raise TypeError(f"the factory of the sink {name} returned a {type(sink).__name__} without write(batch) and close(deadline)")


class OpenSinks:
    """The sinks in force, from the first record on until they are closed."""

    def __init__(self) -> None:
        self._sinks: list[Sink] | None = None

    def get(self) -> list[Sink]:
        """The sinks, opened when first asked for. One that nobody knows is said and left out."""
        if self._sinks is None:
            self._sinks = _opened()
        return self._sinks

    def close(self, deadline: float | None = None) -> None:
        """Close them by `deadline` (`time.monotonic`; in a second unless given). The next record opens those chosen then."""
        closing, self._sinks = self._sinks or [], None
        deadline = time.monotonic() + _CLOSING if deadline is None else deadline
        for sink in closing:
            try:
                sink.close(deadline)
            except Exception as exc:  # somebody else's sink, and the others are to be closed as well
                diagnostics.failed(f"close sink {title(sink)}", exc, aside=True)

    def forget(self) -> None:
        """In a forked child: open sinks anew. What the parent's hold on to (sockets, locks, buffers) is the parent's."""
        self._sinks = None


def _opened() -> list[Sink]:
    try:
        wanted = chosen()
    except SettingsError as exc:  # the program has changed a variable since it was checked
        diagnostics.say("settings", f"{exc}. Records go to stdout.", level="error")
        wanted = {"stdout": {}}
    others = {name for name, sink in wanted.items() if isinstance(sink, dict)} - BUILT_IN.keys()
    known = installed() if others else {}
    for problem in _unknown(others):
        diagnostics.say("sink", problem, level="error")
    wanted = {name: sink for name, sink in wanted.items() if name not in others or name in known} or default()
    return [sink if not isinstance(sink, dict) else _named(name, known, sink) for name, sink in wanted.items()]


def _named(name: str, known: dict[str, EntryPoint], options: dict[str, Any]) -> NamedSink:
    built_in = BUILT_IN.get(name)
    return NamedSink(name, (lambda: references.load(known[name].value)) if built_in is None else (lambda: built_in), options)


def title(sink: Sink) -> str:
    """What a sink is called: its name, or its class where it was given as an object."""
    kind = type(sink).__name__
    try:
        return str(getattr(sink, "name", kind))
    except Exception:  # a property of somebody else's
        return kind
