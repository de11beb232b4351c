"""Settings, and where each value comes from.

Precedence: what `enable()` is given, then ``AUTOTRACE_*`` in the environment, then ``[tool.autotrace]`` in pyproject.toml,
then the default. Two things only the operator decides: ``AUTOTRACE=0`` keeps everything off, and
``AUTOTRACE_CONTENT=off`` keeps content out of the records, whatever the code says. A plain class of strings and
booleans: this module is part of the activation budget.
"""

from __future__ import annotations

import os
import sys

from autotrace.errors import SettingsError, nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off")


def switch(name: str, value: object) -> bool:
    """A switch's value from True, False, or one of the words for them. Raises `SettingsError` for anything else."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in _TRUE:
        return True
    if isinstance(value, str) and value.strip().lower() in _FALSE:
        return False
    raise SettingsError(
        f"setting {name}: {value!r} is neither on nor off; use True, False, or one of {', '.join(_TRUE + _FALSE)}"
    )


def _text(name: str, value: object) -> str:
    if isinstance(value, str) and value:
        return value
    raise SettingsError(f"setting {name}: {value!r} is not a text")


def _at_least(smallest: int) -> Callable[[str, object], int]:
    """A reader of whole numbers from `smallest` on, and of 0, ``off`` or ``none`` for no limit."""

    def read(name: str, value: object) -> int:
        text = str(value).strip().lower()
        number = 0 if text in ("off", "none") else int(text) if text.isdecimal() and text.isascii() and len(text) < 16 else -1
        if number < 0 or 0 < number < smallest:
            raise SettingsError(f"setting {name}: {value!r} is neither a whole number from {smallest} on nor 0, for no limit")
        return number

    return read


def _number(name: str, value: object) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not (text.isdecimal() and text.isascii() and len(text) < 7):
        raise SettingsError(f"setting {name}: {value!r} is not the number of a descriptor; use 1 for stdout, 2 for stderr")
    return int(text)


def _seconds(name: str, value: object) -> float:
    try:
        seconds = -1.0 if isinstance(value, bool) else float(str(value))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 3600:
        raise SettingsError(f"setting {name}: {value!r} is not a number of seconds from 0 to 3600")
    return seconds


def _one_of(*words: str) -> Callable[[str, object], str]:
    """A reader of one of these words."""

    def read(name: str, value: object) -> str:
        word = value.strip().lower() if isinstance(value, str) else ""
        if word not in words:
            raise SettingsError(f"setting {name}: {value!r} is none of {', '.join(words)}")
        return word

    return read


def _of_sinks(reader: str) -> Callable[[str, object], Any]:
    """A reader in `autotrace._settings.sink_settings`, which is loaded when there is something to read."""

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
    "fd": (_number, None),
    "file": (_of_sinks("path"), None),
    "file_compression": (_of_sinks("compression"), "gzip"),
    "file_keep": (_at_least(1), 0),
    "file_max_age": (_of_sinks("duration"), 0.0),
    "file_max_bytes": (_at_least(1), 0),
    "format": (_one_of("json", "pretty"), "json"),
    "max_line_bytes": (_at_least(2048), 1_000_000),
    "max_text_chars": (_at_least(100), 0),
    "overflow": (_one_of("drop", "block"), "drop"),
    "prefer": (_text, None),
    "prices": (_prices, None),
    "processors": (_of_sinks("processors"), None),
    "queue_bytes": (_at_least(65_536), 67_108_864),
    "service_name": (_text, None),
    "sinks": (_of_sinks("sinks"), None),
    "starts": (switch, False),
    "sync": (switch, False),
}
"""Each setting's reader and default.

- `content`: whether prompts, answers and tools are recorded.
- `exit_timeout`: seconds that the process's end may wait for sinks.
- `fd`: the descriptor to write lines to, in place of stdout.
- `file` and the rest of it: the sink of that name (`autotrace.sinks._file`).
- `format`: ``json``, or ``pretty`` for trees on stdout and stderr (`autotrace.sinks._pretty`).
- `max_line_bytes`: what a line has at most, newline included; what is longer is cut inside its fields. The default is
  below what collectors take (1 MiB).
- `max_text_chars`: what a single text has at most, in Unicode code points; like the one before, 0 for no limit.
- `prefer`: of plugins for the same package, the distributions to take, with commas between.
- `prices`: USD per million tokens by model (`autotrace._settings.prices`).
- `processors`: functions that a record passes on its way to the sinks (`autotrace.sinks._processing`).
- `queue_bytes`: about how much may wait to be written, and `overflow` what happens then: ``drop`` content, then records, or
  ``block`` the program.
- `service_name`: the record's ``service.name``.
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
"""What our own processes, tests and scripts tell each other."""


class Settings:
    """The values in force, for all libraries and for single ones."""

    __slots__ = ("_file", "_found", "_ignored", "_of_library", "_values", "tables")

    def __init__(self) -> None:
        self._found: dict[str, Any] = {}
        """What `valid` has found, until something changes: it is asked several times for each record."""
        self._ignored: set[str] = set()
        self._file: dict[str, Any] = {}
        self.tables: dict[str, Mapping[str, Any]] = {}
        """What the file says of single libraries, by the names that they have there."""
        self._values: dict[str, Any] = {}
        self._of_library: dict[str, dict[str, Any]] = {}

    def update(self, given: Mapping[str, object], library: str | None = None) -> dict[str, Any]:
        """Take the options of one `enable()`; what `restore` takes to undo that. Raises `SettingsError` for one that is unknown
        or malformed; then none is taken."""
        for name in given:
            if name in KNOWN and library is not None and name not in _PER_LIBRARY:
                raise SettingsError(f"setting {name}: it holds for all libraries; give it to an enable() that names none")
            if name not in KNOWN or (library is not None and name not in _PER_LIBRARY):
                known = KNOWN if library is None else _PER_LIBRARY
                raise SettingsError(f"there is no setting {name!r}{nearest(name, known)}")
        read = {name: KNOWN[name][0](name, value) for name, value in given.items()}
        values = self._values if library is None else self._of_library.setdefault(library, {})
        before = dict(values)
        values.update(read)
        self._found = {}
        return before

    def restore(self, before: dict[str, Any]) -> None:
        """Take back an `update` for all libraries."""
        self._values, self._found = before, {}

    def clear(self) -> None:
        """Forget what `enable()` was given and what the file said."""
        self._file, self._values, self._of_library = {}, {}, {}
        self.tables, self._found = {}, {}

    def read_file(self) -> None:
        """Take ``[tool.autotrace]`` of the nearest pyproject.toml at or above the current directory. Raises `SettingsError`."""
        try:
            directory = os.getcwd()
        except OSError:  # it has been removed
            return
        self._file, self.tables = from_file(directory)
        self._found = {}

    def get(self, name: str, library: str | None = None) -> Any:
        """The value of setting `name`, for `library` if it has one of its own. A malformed variable raises `SettingsError`."""
        return self.find(name, library)[0]

    def valid(self, name: str) -> Any:
        """As `get`, as it was when settings were last taken; the default where the variable is malformed."""
        found = self._found
        if name not in found:
            try:
                found[name] = self.get(name)
            except SettingsError:
                found[name] = KNOWN[name][1]
        return found[name]

    def find(self, name: str, library: str | None = None) -> tuple[Any, str]:
        """The value as `get` gives it, and its source: ``argument``, ``variable``, ``file`` or ``default``."""
        default = KNOWN[name][1]
        if name == "content" and (self._from_environment(name) is False or "AUTOTRACE_CONTENT" in self._ignored):
            return False, "variable"
        if name == "content" and self._file.get(name) is False:
            return False, "file"
        given = self._sources(name, library)
        if given:
            return given[0]
        if name == "service_name" and os.environ.get("OTEL_SERVICE_NAME"):
            return os.environ["OTEL_SERVICE_NAME"], "variable"
        return default, "default"

    def given(self, name: str) -> list[Any]:
        """The values of all sources that have one for all libraries, the one that wins first."""
        return [value for value, _ in self._sources(name)]

    def _sources(self, name: str, library: str | None = None) -> list[tuple[Any, str]]:
        found = (
            (self._of_library.get(library or "", {}).get(name), "argument"),
            (self._values.get(name), "argument"),
            (self._from_environment(name), "variable"),
            (self._file.get(name), "file"),
        )
        return [(value, source) for value, source in found if value is not None]

    def _from_environment(self, name: str) -> Any:
        variable = "AUTOTRACE_" + name.upper()
        text = os.environ.get(variable)
        return None if not text or variable in self._ignored else KNOWN[name][0](variable, text)

    def libraries(self, name: str) -> list[str]:
        """The libraries for which `enable()` was given a value of their own."""
        return sorted(library for library, given in self._of_library.items() if name in given)

    def check_environment(self) -> None:
        """Raise `SettingsError` for the first ``AUTOTRACE_*`` variable of a known setting that is malformed."""
        for name in KNOWN:
            self._from_environment(name)

    def settle(self) -> list[str]:
        """Read file and environment without what is malformed; what was wrong, and what is made of it."""
        problems = []
        for name, (read, _) in KNOWN.items():
            variable = "AUTOTRACE_" + name.upper()
            try:
                if os.environ.get(variable):
                    read(variable, os.environ[variable])
            except SettingsError as exc:
                closed = name == "content"  # a switch for privacy that cannot be read is taken for off
                problems.append(f"{exc}. {'Content is not recorded.' if closed else 'It is left out of account.'}")
                self._ignored.add(variable)
                self._found = {}
        try:
            self.read_file()
        except SettingsError as exc:
            problems.append(f"{exc}. It is left out of account.")
        return problems


def unknown_variables() -> list[str]:
    """``AUTOTRACE_*`` variables that are no setting of all libraries: they are of one (`per_library`), or mistaken."""
    known = _OTHER_VARIABLES + tuple("AUTOTRACE_" + name.upper() for name in KNOWN)
    return sorted(name for name in os.environ if name.startswith("AUTOTRACE_") and name not in known)


def switched_off() -> bool:
    """Whether the operator keeps autotrace off: ``AUTOTRACE`` is 0, false, no or off."""
    return os.environ.get("AUTOTRACE", "").strip().lower() in _FALSE


def switched_on() -> bool:
    """Whether the environment asks for activation without code: ``AUTOTRACE`` is set, and not to an off word."""
    return bool(os.environ.get("AUTOTRACE", "").strip()) and not switched_off()


def from_file(directory: str) -> tuple[dict[str, Any], dict[str, Mapping[str, Any]]]:
    """``[tool.autotrace]`` of the nearest pyproject.toml at or above `directory`, read and checked: the settings, and the
    tables of single libraries, which their plugins check.

    Raises `SettingsError` for a file that is no TOML, an unknown setting or a malformed value.
    """
    path = _pyproject(directory)
    if path is None:
        return {}, {}
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        with open(path, "rb") as file:
            table = tomllib.load(file).get("tool", {}).get("autotrace", {})
    except tomllib.TOMLDecodeError as exc:
        raise SettingsError(f"{path}: {exc}") from None
    if not isinstance(table, dict):
        raise SettingsError(f"{path}: tool.autotrace is not a table")
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
    """The nearest pyproject.toml, if it holds the bytes ``[tool.autotrace``."""
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


current = Settings()
"""The settings of this process."""

enabled = False
"""Whether autotrace is enabled in this process; manual spans record nothing while it is not."""
