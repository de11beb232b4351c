"""The active sinks: named in the settings, and built in or from an installed distribution.

A distribution registers a sink by an entry point in the group ``autotrace.sinks``. The entry point's name is the sink's; its
value is a factory, which is called with the sink's options (a dict) and returns the sink. Nothing is imported before the first
record.
"""

from __future__ import annotations

from autotrace import _diagnostics as diagnostics
from autotrace import _process
from autotrace import _settings as settings
from autotrace._discovery import distributions, references
from autotrace._discovery.distributions import EntryPoint
from autotrace._system import os, time
from autotrace.errors import SettingsError, nearest, sentences

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from autotrace.sinks._descriptor import DescriptorSink
    from autotrace.sinks._entry import Entry, Sink
    from autotrace.sinks._stdout import StdoutSink

    Factory = Callable[[dict[str, Any]], Sink]

GROUP = "autotrace.sinks"
"""The entry-point group of sinks."""

_CLOSING = 1.0
"""Seconds that sinks have to close when others replace them."""


def _stdout(options: dict[str, Any]) -> Sink:
    from autotrace.sinks._descriptor import DescriptorSink
    from autotrace.sinks._stdout import StdoutSink

    descriptor = _process.stdout.descriptor()
    return _formatted(StdoutSink() if _process.stdout.is_chosen() else DescriptorSink(descriptor), options)


def _stderr(options: dict[str, Any]) -> Sink:
    from autotrace.sinks._descriptor import DescriptorSink

    return _formatted(DescriptorSink(2), options)


def _formatted(below: DescriptorSink | StdoutSink, options: dict[str, Any]) -> Sink:
    if options:
        raise SettingsError(f"sinks stdout and stderr: {min(options)!r} is not a known option; they take no options")
    if settings.current.valid("format") == "pretty":
        from autotrace.sinks._pretty import PrettySink

        return PrettySink(below)
    return below


def _file(options: dict[str, Any]) -> Sink:
    from autotrace.sinks._file import FileSink

    return FileSink(**_of_file(options))


_FILE = {name: "file" if name == "path" else f"file_{name}" for name in ("path", "max_bytes", "max_age", "keep", "compression")}
"""The options of the sink `file`, and the settings that they override."""


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
        raise SettingsError(
            "sink file: no path is set; set AUTOTRACE_FILE=PATH, enable(file=PATH), or sinks={'file': {'path': PATH}}"
        )
    return read


BUILT_IN: dict[str, Factory] = {"file": _file, "stderr": _stderr, "stdout": _stdout}
"""The built-in sinks. They have no entry points, and distributions cannot use their names."""


def installed() -> dict[str, EntryPoint]:
    """The sinks of installed distributions, by name. If two have the same name, the alphabetically first distribution wins."""
    sinks: dict[str, EntryPoint] = {}
    for entry in sorted(distributions.scan(group=GROUP), key=lambda entry: entry.distribution):
        name = entry.package
        other = "autotrace" if name in BUILT_IN else sinks[name].distribution if name in sinks else None
        if other is None:
            sinks[name] = entry
        elif other != entry.distribution:
            text = f"its sink {name} is refused: {other} already has a sink with that name."
            diagnostics.say("plugin", f"{entry.distribution}: {text}")
    return sinks


def check() -> None:
    """Raise `SettingsError` if an active sink is neither built in nor installed, or if the options of the file are invalid."""
    wanted = chosen()
    unknown = _unknown(name for name, sink in wanted.items() if isinstance(sink, dict))
    if unknown:
        raise SettingsError(unknown[0])
    if isinstance(wanted.get("file"), dict):
        _of_file(wanted["file"])


def chosen() -> dict[str, Any]:
    """The active sinks by name, each with its options, or as the object that was given in code.

    The first source that names sinks decides which are active; the options of a sink are merged from all sources.
    """
    given = settings.current.sources("sinks")
    if not given or (given[0][1] == "file" and _is_operators("file")):
        return default()
    return {name: sink if not isinstance(sink, dict) else _merged(name, given) for name, sink in given[0][0].items()}


def _is_operators(name: str) -> bool:
    """Whether the setting `name` comes from an argument or a variable, which override everything in the file."""
    return settings.current.find(name)[1] in ("argument", "variable")


def default() -> dict[str, Any]:
    """The active sinks if the settings name none."""
    return {"stdout": {}} if settings.current.get("file") is None else {"file": {}}


def _merged(name: str, given: list[tuple[dict[str, Any], str]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for sinks, source in reversed(given):
        options = sinks.get(name)
        if isinstance(options, dict) and name == "file" and source == "file":
            options = {option: value for option, value in options.items() if not _is_operators(_FILE.get(option, "file"))}
        if isinstance(options, dict):
            merged.update(options)
    return merged


def _unknown(names: Iterable[str]) -> list[str]:
    others = [name for name in names if name not in BUILT_IN]
    known = {*BUILT_IN, *installed()} if others else set()
    hint = f"Or install the distribution that brings it, by an entry point in the group {GROUP}."
    return [sentences(f"{name!r} is not a known sink{nearest(name, known)}", hint) for name in others if name not in known]


def places() -> dict[str, dict[str, str | None]]:
    """For each active sink, by name: `where` it writes to, in a few words, and the `problem` with it, if there is one."""
    wanted = chosen()
    known = installed() if wanted.keys() - BUILT_IN.keys() else {}
    described: dict[str, dict[str, str | None]] = {}
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
        described[name] = {"where": where, "problem": problem}
    return described


def _place_of_file(options: dict[str, Any]) -> tuple[str, str | None]:
    try:
        path = str(_of_file(options)["path"])
    except SettingsError as exc:
        return "a file", str(exc)
    existing = path
    while not os.path.exists(existing) and existing != os.path.dirname(existing):
        existing = os.path.dirname(existing)
    needed = os.W_OK if existing == path else os.W_OK | os.X_OK
    fits = existing == path or os.path.isdir(existing)
    return path, None if fits and os.access(existing, needed) else f"{existing} cannot be written to"


class NamedSink:
    """A sink that was chosen by name. It is made with the first batch; if that fails, with a later one."""

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
    """The active sinks, from the first record until they are closed."""

    def __init__(self) -> None:
        self._sinks: list[Sink] | None = None

    def get(self) -> list[Sink]:
        """The sinks. The first call opens them; unknown ones are reported and ignored."""
        if self._sinks is None:
            self._sinks = _opened()
        return self._sinks

    def close(self, deadline: float | None = None) -> None:
        """Close the sinks by `deadline` (`time.monotonic`; by default in a second). The next record opens those chosen then."""
        closing, self._sinks = self._sinks or [], None
        deadline = time.monotonic() + _CLOSING if deadline is None else deadline
        for sink in closing:
            try:
                sink.close(deadline)
            except Exception as exc:  # a sink that is not ours; the others must be closed as well
                diagnostics.failed(f"close sink {title(sink)}", exc, aside=True)

    def forget(self) -> None:
        """Open new sinks for the next record, in a forked child: sockets, locks and buffers belong to the parent."""
        self._sinks = None


def _opened() -> list[Sink]:
    try:
        wanted = chosen()
    except SettingsError as exc:  # the program has changed an environment variable since the check
        diagnostics.say("settings", sentences(exc, "Records go to stdout."), level="error")
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
    """The name of a sink, or of its class if it was given as an object without a name."""
    kind = type(sink).__name__
    try:
        return str(getattr(sink, "name", kind))
    except Exception:  # a property that is not ours
        return kind
