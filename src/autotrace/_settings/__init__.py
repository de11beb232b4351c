"""Where each value comes from: arguments, environment variables, pyproject.toml, defaults.

In: what `enable()` is given, `AUTOTRACE_*`, `[tool.autotrace]`.
Out: one checked value for each setting, with its source; a `SettingsError` for a malformed one.

Precedence: the arguments of `enable()`, ``AUTOTRACE_*`` in the environment, ``[tool.autotrace]`` in pyproject.toml, the
default. Two switches are the operator's: ``AUTOTRACE=0`` keeps everything off, and ``AUTOTRACE_CONTENT=off`` keeps content out
of the records, whatever the code says. This module is part of the activation budget, so it has only plain classes, strings and
Booleans.
"""

from __future__ import annotations

import os

from autotrace.errors import SettingsError, sentences

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off")


def switch(name: str, value: object) -> bool:
    """The Boolean for True, False, or a word such as ``on`` or ``off``. Raises `SettingsError` for anything else."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in _TRUE:
        return True
    if isinstance(value, str) and value.strip().lower() in _FALSE:
        return False
    raise SettingsError(
        f"setting {name}: expected on or off, got {value!r}; use True, False, or one of {', '.join(_TRUE + _FALSE)}"
    )


def _text(name: str, value: object) -> str:
    if isinstance(value, str) and value:
        return value
    raise SettingsError(f"setting {name}: expected a text that is not empty, got {value!r}")


def _at_least(smallest: int) -> Callable[[str, object], int]:
    """A reader of whole numbers from `smallest` up. 0, ``off`` and ``none`` mean no limit and read as 0."""

    def read(name: str, value: object) -> int:
        text = str(value).strip().lower()
        number = 0 if text in ("off", "none") else int(text) if text.isdecimal() and text.isascii() and len(text) < 16 else -1
        if number < 0 or 0 < number < smallest:
            raise SettingsError(
                f"setting {name}: expected a whole number of at least {smallest}, or 0 for no limit, got {value!r}"
            )
        return number

    return read


def _descriptor(name: str, value: object) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not (text.isdecimal() and text.isascii() and len(text) < 7):
        raise SettingsError(f"setting {name}: expected a file descriptor number, got {value!r}; use 1 for stdout, 2 for stderr")
    return int(text)


def _seconds(name: str, value: object) -> float:
    try:
        seconds = -1.0 if isinstance(value, bool) else float(str(value))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 3600:
        raise SettingsError(f"setting {name}: expected seconds from 0 to 3600, got {value!r}")
    return seconds


def _one_of(*words: str) -> Callable[[str, object], str]:
    """A reader of one of `words`, in any case."""

    def read(name: str, value: object) -> str:
        word = value.strip().lower() if isinstance(value, str) else ""
        if word not in words:
            raise SettingsError(f"setting {name}: expected one of {', '.join(words)}, got {value!r}")
        return word

    return read


def _sink_reader(reader: str) -> Callable[[str, object], Any]:
    """A reader in `autotrace._settings.sink_settings`. That module is imported only when a value is read."""

    def read(name: str, value: object) -> Any:
        from autotrace._settings import sink_settings

        return getattr(sink_settings, reader)(name, value)

    return read


def _prices(name: str, value: object) -> dict[str, dict[str, float]]:
    from autotrace._settings import prices

    return prices.read(name, value)


KNOWN: dict[str, tuple[Callable[[str, object], Any], Any]] = {
    "content": (switch, True),
    "exit_timeout": (_seconds, 3.0),
    "fd": (_descriptor, None),
    "file": (_sink_reader("path"), None),
    "file_compression": (_sink_reader("compression"), "gzip"),
    "file_keep": (_at_least(1), 0),
    "file_max_age": (_sink_reader("duration"), 0.0),
    "file_max_bytes": (_at_least(1), 0),
    "format": (_one_of("json", "pretty"), "json"),
    "max_line_bytes": (_at_least(2048), 1_000_000),
    "max_text_chars": (_at_least(100), 0),
    "overflow": (_one_of("drop", "block"), "drop"),
    "prefer": (_text, None),
    "prices": (_prices, None),
    "processors": (_sink_reader("processors"), None),
    "queue_bytes": (_at_least(65_536), 67_108_864),
    "service_name": (_text, None),
    "sinks": (_sink_reader("sinks"), None),
    "starts": (switch, False),
    "sync": (switch, False),
}
"""The reader and the default of each setting.

- `content`: whether prompts, answers and tools are recorded.
- `exit_timeout`: seconds that the end of the process may wait for sinks.
- `fd`: the file descriptor to write lines to, instead of stdout.
- `file` and the settings that begin with it: the file sink (`autotrace.sinks._file`).
- `format`: ``json``, or ``pretty`` for trees on stdout and stderr (`autotrace.sinks._pretty`).
- `max_line_bytes`: the longest line in bytes, newline included. Longer records are cut inside their fields. The default is
  below what collectors accept (1 MiB). 0 for no limit.
- `max_text_chars`: the longest single text in Unicode code points. 0 for no limit.
- `prefer`: the distributions to prefer, separated by commas, where several plugins watch the same package.
- `prices`: USD per million tokens by model (`autotrace._settings.prices`).
- `processors`: functions that each record passes on its way to the sinks (`autotrace.sinks._processing`).
- `queue_bytes`: approximately how many bytes may wait to be written. `overflow` says what happens beyond that: ``drop``
  content, then records, or ``block`` the program.
- `service_name`: the ``service.name`` of the record.
- `sinks`: where records go (`autotrace.sinks._registry`).
- `starts`: whether a line is written when a span begins. `sync`: whether a record is written before the call returns.
"""

_PER_LIBRARY = ("content",)

_OTHER_VARIABLES = (
    "AUTOTRACE_STDOUT",
    "AUTOTRACE_DOCTOR",
    "AUTOTRACE_STRICT",
    "AUTOTRACE_TRAFFIC",
    "AUTOTRACE_DEMO",
    "AUTOTRACE_ENVS",
)
"""Variables that our own processes, tests and scripts use among themselves."""


class Settings:
    """The values in force, for all libraries and for single ones."""

    __slots__ = ("_cache", "_file", "_ignored", "_of_library", "_values", "tables")

    def __init__(self) -> None:
        self._cache: dict[str, Any] = {}
        """Results of `valid`, until a setting changes. Each record asks several times."""
        self._ignored: set[str] = set()
        self._file: dict[str, Any] = {}
        self.tables: dict[str, Mapping[str, Any]] = {}
        """The tables of single libraries in the file, by the names used there."""
        self._values: dict[str, Any] = {}
        self._of_library: dict[str, dict[str, Any]] = {}

    def update(self, given: Mapping[str, object], library: str | None = None) -> dict[str, Any]:
        """Set the options of one `enable()`. Returns the values before, for `restore`.
        Raises `SettingsError` if an option is unknown or malformed; then none is set."""
        for name in given:
            if name in KNOWN and library is not None and name not in _PER_LIBRARY:
                raise SettingsError(f"setting {name}: applies to all libraries; pass it to enable() without naming a library")
            if name not in KNOWN or (library is not None and name not in _PER_LIBRARY):
                from autotrace._settings import mistakes

                raise mistakes.unknown(name, KNOWN if library is None else _PER_LIBRARY, library_names())
        read = {name: KNOWN[name][0](name, value) for name, value in given.items()}
        values = self._values if library is None else self._of_library.setdefault(library, {})
        before = dict(values)
        values.update(read)
        self._cache = {}
        return before

    def restore(self, before: dict[str, Any]) -> None:
        """Undo an `update` for all libraries. `before` is what it returned."""
        self._values, self._cache = before, {}

    def clear(self) -> None:
        """Forget the arguments of `enable()` and the file."""
        self._file, self._values, self._of_library = {}, {}, {}
        self.tables, self._cache = {}, {}

    def read_file(self) -> None:
        """Read ``[tool.autotrace]`` of the nearest pyproject.toml at or above the current directory. Raises `SettingsError`."""
        try:
            directory = os.getcwd()
        except OSError:  # the current directory was removed
            return
        self._file, self.tables = from_file(directory)
        self._cache = {}

    def get(self, name: str, library: str | None = None) -> Any:
        """The value of the setting `name`, for `library` if it has its own. Raises `SettingsError` for a malformed variable."""
        return self.find(name, library)[0]

    def valid(self, name: str) -> Any:
        """The value as `get` gives it, cached until settings change; the default if the variable is malformed."""
        cache = self._cache  # `update` may replace it meanwhile
        if name not in cache:
            try:
                cache[name] = self.get(name)
            except SettingsError:
                cache[name] = KNOWN[name][1]
        return cache[name]

    def find(self, name: str, library: str | None = None) -> tuple[Any, str]:
        """The value as `get` gives it, and its source: ``argument``, ``variable``, ``file`` or ``default``."""
        default = KNOWN[name][1]
        if name == "content" and (self._from_environment(name) is False or "AUTOTRACE_CONTENT" in self._ignored):
            return False, "variable"
        if name == "content" and self._file.get(name) is False:
            return False, "file"
        sources = self._sources(name, library)
        if sources:
            return sources[0]
        if name == "service_name" and os.environ.get("OTEL_SERVICE_NAME"):
            return os.environ["OTEL_SERVICE_NAME"], "variable"
        return default, "default"

    def given(self, name: str) -> list[Any]:
        """The values that the sources give for all libraries, highest precedence first."""
        return [value for value, _ in self._sources(name)]

    def _sources(self, name: str, library: str | None = None) -> list[tuple[Any, str]]:
        candidates = (
            (self._of_library.get(library or "", {}).get(name), "argument"),
            (self._values.get(name), "argument"),
            (self._from_environment(name), "variable"),
            (self._file.get(name), "file"),
        )
        return [(value, source) for value, source in candidates if value is not None]

    def _from_environment(self, name: str) -> Any:
        variable = "AUTOTRACE_" + name.upper()
        text = os.environ.get(variable)
        return None if not text or variable in self._ignored else KNOWN[name][0](variable, text)

    def libraries(self, name: str) -> list[str]:
        """The libraries for which `enable()` set their own value of `name`."""
        return sorted(library for library, given in self._of_library.items() if name in given)

    def check_environment(self) -> None:
        """Raise `SettingsError` for the first malformed ``AUTOTRACE_*`` variable of a known setting."""
        for name in KNOWN:
            self._from_environment(name)

    def settle(self) -> list[str]:
        """Read file and environment, and ignore what is malformed. Returns a message on each problem and its consequence."""
        problems = []
        for name, (read, _) in KNOWN.items():
            variable = "AUTOTRACE_" + name.upper()
            try:
                if os.environ.get(variable):
                    read(variable, os.environ[variable])
            except SettingsError as exc:
                closed = name == "content"  # fail closed: a malformed privacy switch counts as off
                problems.append(sentences(exc, "Content is not recorded." if closed else "The value is ignored."))
                self._ignored.add(variable)
                self._cache = {}
        try:
            self.read_file()
        except SettingsError as exc:
            problems.append(sentences(exc, "The file is ignored."))
        return problems


def unknown_variables() -> list[str]:
    """``AUTOTRACE_*`` variables that are not settings of all libraries: settings of one library, or mistakes."""
    known = _OTHER_VARIABLES + tuple("AUTOTRACE_" + name.upper() for name in KNOWN)
    return sorted(name for name in os.environ if name.startswith("AUTOTRACE_") and name not in known)


def switched_off() -> bool:
    """Whether the operator keeps autotrace off: ``AUTOTRACE`` is 0, false, no or off."""
    return os.environ.get("AUTOTRACE", "").strip().lower() in _FALSE


def switched_on() -> bool:
    """Whether the environment asks for activation without code: ``AUTOTRACE`` is set to anything but an off word."""
    return bool(os.environ.get("AUTOTRACE", "").strip()) and not switched_off()


def from_file(directory: str) -> tuple[dict[str, Any], dict[str, Mapping[str, Any]]]:
    """``[tool.autotrace]`` of the nearest pyproject.toml at or above `directory`, checked.

    Returns the settings, and the tables of single libraries, which their plugins check. Raises `SettingsError` for invalid
    TOML, an unknown setting or a malformed value.
    """
    path = _pyproject(directory)
    if path is None:
        return {}, {}
    from autotrace._settings import pyproject

    table = pyproject.table(path)
    tables: dict[str, Mapping[str, Any]] = {
        name: value for name, value in table.items() if isinstance(value, dict) and name not in KNOWN
    }
    given = {name: value for name, value in table.items() if name not in tables}
    try:
        Settings().update(given)
    except SettingsError as exc:
        raise SettingsError(f"{path}, [tool.autotrace]: {exc}") from None
    return {name: KNOWN[name][0](name, value) for name, value in given.items()}, tables


def _pyproject(directory: str) -> str | None:
    """The path of the nearest pyproject.toml, if that file contains the bytes ``[tool.autotrace``."""
    while True:
        path = os.path.join(directory, "pyproject.toml")
        try:
            with open(path, "rb") as file:
                return path if b"[tool.autotrace" in file.read() else None
        except OSError:
            parent = os.path.dirname(directory)
            if parent == directory:
                return None
            directory = parent


library_names: Callable[[], Iterable[str]] = tuple
"""Returns the names of the installed plugins, for messages. `autotrace._instrumentation`, which knows them, replaces it."""

current = Settings()
"""The settings of this process."""

enabled = False
"""Whether autotrace is enabled in this process. Manual spans record nothing while it is not."""
