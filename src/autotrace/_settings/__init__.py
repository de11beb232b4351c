"""Where each value comes from: arguments, environment variables, pyproject.toml, defaults.

In: what `enable()` is given, `AUTOTRACE_*`, `[tool.autotrace]`.
Out: one checked value for each setting, with its source; a `SettingsError` for a malformed one.

Precedence: the arguments of `enable()`, ``AUTOTRACE_*`` in the environment, ``[tool.autotrace]`` in pyproject.toml, the
default. Two switches are the operator's: ``AUTOTRACE=0`` keeps everything off, and ``AUTOTRACE_CONTENT=off`` keeps content out
of the records, whatever the code says. This module is part of the activation budget, so it has only plain classes, strings and
Booleans.
"""

from __future__ import annotations

import sys

from autotrace._system import io, os
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


def _reader(module: str, function: str, *more: object) -> Callable[[str, object], Any]:
    """A function of a module in this room, which is imported only when there is a value to read."""

    def read(name: str, value: object) -> Any:
        path = f"autotrace._settings.{module}"
        __import__(path)
        return getattr(sys.modules[path], function)(name, value, *more)

    return read


KNOWN: dict[str, tuple[Callable[[str, object], Any], Any]] = {
    "content": (switch, True),
    "exit_timeout": (_reader("readers", "seconds"), 3.0),
    "fd": (_reader("readers", "descriptor"), None),
    "file": (_reader("sink_settings", "path"), None),
    "file_compression": (_reader("sink_settings", "compression"), "gzip"),
    "file_keep": (_reader("readers", "at_least", 1), 0),
    "file_max_age": (_reader("sink_settings", "duration"), 0.0),
    "file_max_bytes": (_reader("readers", "at_least", 1), 0),
    "format": (_reader("readers", "one_of", "json", "pretty"), "json"),
    "max_line_bytes": (_reader("readers", "at_least", 2048), 1_000_000),
    "max_text_chars": (_reader("readers", "at_least", 100), 0),
    "overflow": (_reader("readers", "one_of", "drop", "block"), "drop"),
    "prefer": (_reader("readers", "text"), None),
    "prices": (_reader("prices", "read"), None),
    "processors": (_reader("sink_settings", "processors"), None),
    "queue_bytes": (_reader("readers", "at_least", 65_536), 67_108_864),
    "redact": (_reader("redaction", "read"), None),
    "service_name": (_reader("readers", "text"), None),
    "sinks": (_reader("sink_settings", "sinks"), None),
    "starts": (switch, False),
    "sync": (switch, False),
}
"""The reader and the default of each setting.

- `content`: whether prompts, answers and tools are recorded.
- `exit_timeout`: seconds that the end of the process may wait for sinks.
- `fd`: the file descriptor to write lines to, instead of stdout. `file` and what begins with it: `autotrace.sinks._file`.
- `format`: ``json``, or ``pretty`` for trees on stdout and stderr (`autotrace.sinks._pretty`).
- `max_line_bytes`: the longest line in bytes, newline included. Longer records are cut inside their fields. The default is
  below what collectors accept (1 MiB). `max_text_chars`: the longest single text in code points. 0 for no limit.
- `prefer`: the distributions to prefer, separated by commas, where several plugins watch the same package.
- `prices`: USD per million tokens by model (`autotrace._settings.prices`).
- `processors`: functions that each record passes on its way to the sinks (`autotrace.sinks._processing`).
- `queue_bytes`: about how many bytes may wait to be written. `overflow`: then ``drop`` content, or ``block`` the program.
- `redact`: what is removed in addition to credentials (`autotrace._settings.redaction`). What the sources say adds up.
- `service_name`: the ``service.name``. `sinks`: where records go (`autotrace.sinks._registry`).
- `starts`: whether a line is written when a span begins. `sync`: whether a record is written before the call returns.
"""

_PER_LIBRARY = ("content", "redact")  # if one of these cannot be read, content is off

_OTHER_VARIABLES = (
    "AUTOTRACE_CONFIG",
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

    __slots__ = ("_cache", "_file", "_ignored", "_of_library", "_restrictions", "_values", "notices", "tables")

    def __init__(self) -> None:
        self._cache: dict[str, Any] = {}
        """Results of `valid`, until a setting changes. Each record asks several times."""
        self._ignored: set[str] = set()
        self._file: dict[str, Any] = {}
        self._restrictions: dict[str, Any] = {}
        """What a file without authority takes away: content, and the rest of a limit."""
        self.notices: list[str] = []
        """What such a file says and is not obeyed in, a message for each file."""
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
        self._file, self._values, self._of_library, self._restrictions = {}, {}, {}, {}
        self.tables, self._cache = {}, {}

    def read_file(self) -> None:
        """Read the table of pyproject.toml (`_files`). Raises `SettingsError` for the first thing that is wrong with it."""
        problems = self._read_files()
        if problems:
            raise SettingsError(problems[0][0])

    def _read_files(self) -> list[tuple[str, str]]:
        """Read the files, and take what can be read. What is wrong, each with its consequence."""
        problems: list[tuple[str, str]] = []
        self.notices = []
        self._file, self.tables, self._restrictions, self._cache = {}, {}, {}, {}
        for path, trusted in _files():
            from autotrace._settings import pyproject

            found = pyproject.read(path, KNOWN, library_names())
            if trusted:
                problems += found.problems
                self._file, self.tables = found.values, found.tables
            else:
                self._restrictions, tables = pyproject.restricted(found)
                self.tables = {**self.tables, **tables}
                self.notices += pyproject.notices(path, found)
        return problems

    def get(self, name: str, library: str | None = None) -> Any:
        """The value of the setting `name`, for `library` if it has its own. Raises `SettingsError` for a malformed variable."""
        return self.find(name, library)[0]

    def valid(self, name: str) -> Any:
        """The value as `get` gives it, cached until settings change. If the variable is malformed: the default; no content."""
        cache = self._cache  # `update` may replace it meanwhile
        if name not in cache:
            try:
                cache[name] = self.get(name)
            except SettingsError:
                cache[name] = name != "content" and KNOWN[name][1]
        return cache[name]

    def find(self, name: str, library: str | None = None) -> tuple[Any, str]:
        """The value as `get` gives it, and its source: ``argument``, ``variable``, ``file`` or ``default``."""
        default = KNOWN[name][1]
        unread = not self._ignored.isdisjoint(("AUTOTRACE_CONTENT", "AUTOTRACE_REDACT"))
        if name == "content" and (unread or self._from_environment(name) is False):
            return False, "variable"
        if name == "content" and False in (self._file.get(name), self._restrictions.get(name)):
            return False, "file"
        sources = self.sources(name, library)
        limit = None if name == "redact" else self._restrictions.get(name)
        if limit and not 0 < (sources[0][0] if sources else default) <= limit:
            return limit, "file"
        if sources:
            return sources[0]
        if name == "service_name" and os.environ.get("OTEL_SERVICE_NAME"):
            return os.environ["OTEL_SERVICE_NAME"], "variable"
        return default, "default"

    def given(self, name: str) -> list[Any]:
        """The values that the sources give for all libraries, highest precedence first."""
        return [value for value, _ in self.sources(name)]

    def sources(self, name: str, library: str | None = None) -> list[tuple[Any, str]]:
        """The values of `name` and their sources, highest precedence first."""
        candidates = (
            (self._of_library.get(library or "", {}).get(name), "argument"),
            (self._values.get(name), "argument"),
            (self._from_environment(name), "variable"),
            (self._file.get(name), "file"),
            (self._restrictions.get(name) if name == "redact" else None, "file"),
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
                closed = name in _PER_LIBRARY  # fail closed: a malformed privacy switch counts as off
                problems.append(sentences(exc, "Content is not recorded." if closed else "The value is ignored."))
                self._ignored.add(variable)
                self._cache = {}
        problems += [sentences(message, consequence) for message, consequence in self._read_files()]
        return [*problems, *self.notices]


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


def _files() -> list[tuple[str, bool]]:
    """The files with a table for autotrace, and whether each has authority; the one that the operator names counts alone."""
    named = os.environ.get("AUTOTRACE_CONFIG")
    if named:
        return [(os.path.abspath(named), True)]
    try:
        here: str | None = os.getcwd()
    except OSError:  # the current directory was removed
        here = None
    program = _program_directory(here)
    files: dict[str, bool] = {}
    for directory, trusted in ((program, True), (here, False)):
        path = None if directory is None else nearest_file(directory)
        if path is not None and directory is not None:
            files.setdefault(path, trusted and _belongs_to(path, directory))
    return list(files.items())


def _program_directory(here: str | None) -> str | None:
    """The directory from which Python runs the program's code; ``None`` for an installed program.

    As Python fills ``sys.path[0]``: the main script's directory; the current one under ``-m`` and ``-c``, and in an interactive
    session, unless ``-P`` or ``-I`` forbids it. Before the script runs, `sys.argv` tells it.
    """
    main = sys.modules.get("__main__")
    script = getattr(main, "__file__", None) or (sys.argv[0] if getattr(sys, "argv", None) else "")
    if getattr(main, "__spec__", None) is not None or script in ("", "-", "-c", "-m") or not os.path.exists(script):
        return None if sys.flags.isolated or getattr(sys.flags, "safe_path", False) else here
    return directory_of(script)


def directory_of(script: str) -> str | None:
    """The directory of a script, whose pyproject.toml has authority; ``None`` for a program in an environment's ``bin``."""
    path = os.path.realpath(script)
    directory = path if os.path.isdir(path) else os.path.dirname(path)
    installed = {os.path.dirname(os.path.realpath(sys.executable)), os.path.dirname(os.path.abspath(sys.executable))}
    installed |= {os.path.join(os.path.realpath(prefix), name) for prefix in (sys.prefix, sys.base_prefix) for name in _SCRIPTS}
    return None if directory in installed else directory


_SCRIPTS = ("bin", "Scripts")


def _belongs_to(path: str, directory: str) -> bool:
    """Whether the file at `path` is root's, the user's, or of the owner of the program's `directory`."""
    if not hasattr(os, "geteuid"):
        return True
    try:
        return os.stat(path).st_uid in (0, os.geteuid(), os.stat(directory).st_uid)
    except OSError:
        return False


def nearest_file(directory: str) -> str | None:
    """The path of the nearest pyproject.toml at or above `directory`, if it has a table for autotrace."""
    while True:
        path = os.path.join(directory, "pyproject.toml")
        try:
            with io.open(path, "rb") as file:
                return path if _names_us(file.read()) else None
        except OSError:
            parent = os.path.dirname(directory)
            if parent == directory:
                return None
            directory = parent


def _names_us(content: bytes) -> bool:
    # In every spelling that TOML has for the table, without parsing files that only depend on us.
    for blank in (b" ", b"\t", b'"', b"'"):
        content = content.replace(blank, b"")
    return b"tool.autotrace" in content or ((b"[tool]" in content or b"\ntool={" in content) and b"autotrace" in content)


library_names: Callable[[], Iterable[str]] = tuple
"""Returns the names of the installed plugins, for messages. `autotrace._instrumentation`, which knows them, replaces it."""

current = Settings()
"""The settings of this process."""

enabled = False
"""Whether autotrace is enabled in this process. Manual spans record nothing while it is not."""
