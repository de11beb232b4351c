"""Messages on settings that do not exist. Imported only if there is one, to keep it out of the activation budget."""

from __future__ import annotations

from autotrace.errors import SettingsError, nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_PREFIX = "AUTOTRACE_"


def unknown(name: str, known: Iterable[str], libraries: Iterable[str]) -> SettingsError:
    """The error for a setting `name` that is not one of `known`. `libraries` are the names of the installed plugins."""
    library = _library(name, libraries)
    hint = nearest(name, known) if library is None else _advice(library)
    return SettingsError(f"{name!r} is not a known setting{hint}")


def about_variable(variable: str, known: Iterable[str], libraries: Iterable[str]) -> str:
    """The hint for an unknown ``AUTOTRACE_*`` variable, to follow the message."""
    name, libraries = variable[len(_PREFIX) :].lower(), list(libraries)
    library = _library(name, libraries)
    if library is not None:
        return _advice(library)
    import difflib

    names = [*known, *_of_libraries(name, libraries)]
    close = difflib.get_close_matches(name, names, 1)  # without the prefix, which would make all names similar
    return f"; did you mean {_PREFIX + close[0].upper()!r}?" if close else "; `autotrace doctor` lists the settings"


def _library(name: str, libraries: Iterable[str]) -> str | None:
    return next((library for library in libraries if normalized(library) == normalized(name)), None)


def _advice(library: str) -> str:
    table = library if library.replace("-", "").replace("_", "").isalnum() else f'"{library}"'
    ways = f'enable("{library}", …), exclude=["{library}"], or the table [tool.autotrace.{table}]'
    return f"; {library!r} is a library: use {ways}"


def _of_libraries(name: str, libraries: Iterable[str]) -> list[str]:
    """`name` with its beginning replaced by the name of a library that resembles it, for each such beginning."""
    import difflib

    known = [normalized(library) for library in libraries]
    places = [place for place, character in enumerate(name) if character == "_"]
    return [close + name[place:] for place in places for close in difflib.get_close_matches(name[:place], known, 1)]


def normalized(library: str) -> str:
    """The name of a library as in environment variables, but in lower case."""
    return library.lower().replace(".", "_").replace("-", "_")
