"""Which Python will run a command line, and where it looks for `autotrace.pth`, determined without starting it."""

from __future__ import annotations

import glob
import os
import re
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_NAME = re.compile(r"(python|pypy)w?(\d+(\.\d+)?t?)?(\.exe)?", re.ASCII | re.IGNORECASE)
_TRAMPOLINE = re.compile(rb"""'''exec'\s+(?:"([^"]+)"|'([^']+)'|(\S+))""")
"""The second line of a script whose interpreter's path is too long for a `#!` line or contains a space."""


class Interpreter:
    """A Python that has not been started: its `path`, and the letters of the `options` that it gets."""

    def __init__(self, path: str, options: frozenset[str] = frozenset()) -> None:
        self.path = path
        self.options = options
        self._configuration = _configuration(path)

    @property
    def is_this(self) -> bool:
        """Whether it is the running interpreter, in the same environment."""
        return self._home == Interpreter(sys.executable)._home

    @property
    def runs_site(self) -> bool:
        """Whether it reads `.pth` files and `sitecustomize` at startup."""
        return "S" not in self.options

    @property
    def reads_pythonpath(self) -> bool:
        """Whether it reads PYTHONPATH."""
        return not self.options & {"E", "I"}

    @property
    def version(self) -> tuple[int, int] | None:
        """Major and minor version, from `pyvenv.cfg` or the file name; None if unknown."""
        if self.is_this:
            return sys.version_info[:2]
        text = self._configuration.get("version") or self._configuration.get("version_info") or ""
        match = re.match(r"(\d+)\.(\d+)", text) or re.search(r"(\d+)\.(\d+)t?(?:\.exe)?$", os.path.realpath(self.path))
        return (int(match[1]), int(match[2])) if match else None

    def site_directories(self) -> list[str]:
        """The existing directories in which it looks for `.pth` files. Empty if its layout is unknown."""
        candidates = _own_directories(self.options) if self.is_this else self._foreign_directories()
        # `lib64` is often a link to `lib`.
        return list({os.path.realpath(directory): directory for directory in candidates if os.path.isdir(directory)}.values())

    @property
    def _home(self) -> str:
        """What all paths of one interpreter share: the environment's `pyvenv.cfg`, or else the real file."""
        file = self._configuration.get("")
        return os.path.realpath(file or self.path)

    def _foreign_directories(self) -> Iterator[str]:
        options, sees_system = self.options, True
        if self._configuration:
            yield from _packages(os.path.dirname(self._configuration[""]), None)
            sees_system = self._configuration.get("include-system-site-packages", "").lower() == "true"
        real = os.path.realpath(self.path)
        if sees_system:
            prefix = os.path.dirname(os.path.dirname(real))
            for place in {prefix: 1, **({"/usr/local": 1} if prefix == "/usr" else {})}:
                yield from _packages(place, self.version)
            if not options & {"I", "s"} and not os.environ.get("PYTHONNOUSERSITE"):
                yield from _packages(os.environ.get("PYTHONUSERBASE") or os.path.expanduser("~/.local"), self.version)


def _own_directories(options: frozenset[str]) -> Iterator[str]:
    import site

    yield from site.getsitepackages()
    if site.ENABLE_USER_SITE and not options & {"I", "s"}:
        yield site.getusersitepackages()


def _packages(prefix: str, version: tuple[int, int] | None) -> Iterator[str]:
    """The site directories under a prefix; those of all versions if the version is unknown."""
    number = "3*" if version is None else f"{version[0]}.{version[1]}*"  # `python3.13t` is the free-threaded one
    for pattern in (f"lib*/python{number}/*-packages", "lib/python3/dist-packages", "Lib/site-packages"):
        for directory in sorted(glob.glob(os.path.join(glob.escape(prefix), pattern))):
            if os.path.basename(directory) in ("site-packages", "dist-packages"):
                yield directory


def _configuration(path: str) -> dict[str, str]:
    """The `pyvenv.cfg` of an interpreter's virtual environment, with the file's path as ``""``; empty outside of one."""
    directory = os.path.dirname(os.path.abspath(path))
    for place in (directory, os.path.dirname(directory)):
        file = os.path.join(place, "pyvenv.cfg")
        try:
            with open(file, encoding="utf-8", errors="replace") as lines:
                pairs = [line.partition("=") for line in lines]
        except OSError:
            continue
        return {"": file, **{name.strip().lower(): value.strip() for name, _, value in pairs}}
    return {}


def running(line: Sequence[str], variables: Mapping[str, str]) -> Interpreter | None:
    """The Python that runs the command `line`, by its name or the script's first line; None if it is not run by Python."""
    if _is_python(line[0]):
        return Interpreter(line[0], options(line[1:]))
    words = shebang(line[0])
    if words and os.path.basename(words[0]) == "env":
        words = _past_env(words)
        import shutil

        words[:1] = [shutil.which(words[0], path=variables.get("PATH")) or words[0]] if words else []
    if words and _is_python(words[0]):
        return Interpreter(words[0], options(words[1:]))
    return None


def _is_python(path: str) -> bool:
    """Whether a file is an interpreter, not a script with the same name that starts one."""
    named = _NAME.fullmatch(os.path.basename(path)) is not None
    return os.path.isfile(path) and (path == sys.executable or (named and not shebang(path)))


def shebang(path: str) -> list[str]:
    """The words of a script's `#!` line, or of the line that replaces it; empty for other files."""
    try:
        with open(path, "rb") as file:
            head = file.read(4096)
    except OSError:
        return []
    if not head.startswith(b"#!"):
        return []
    first, _, rest = head[2:].partition(b"\n")
    trampoline = _TRAMPOLINE.match(rest)
    if trampoline:
        return [os.fsdecode(next(group for group in trampoline.groups() if group))]
    return [os.fsdecode(word) for word in first.split()]


def _past_env(words: Sequence[str]) -> list[str]:
    """The command in a call of `env`, without its options and variables."""
    rest = [word for word in words[1:] if word not in ("-S", "--split-string")]
    while rest and (rest[0].startswith("-") or "=" in rest[0]):
        del rest[0]
    return rest


def options(arguments: Sequence[str]) -> frozenset[str]:
    """The letters of the options that Python itself takes from its arguments."""
    letters: set[str] = set()
    left = list(arguments)
    while left and left[0].startswith("-") and left[0] not in ("-", "--"):
        word = left.pop(0)
        if word.startswith("--"):
            if word == "--check-hash-based-pycs":
                del left[:1]
            continue
        for place, letter in enumerate(word[1:], 2):
            if letter in "cm":  # the rest is the program's
                return frozenset(letters)
            if letter in "WX":  # with a value: the rest of the word, or the next one
                if place == len(word):
                    del left[:1]
                break
            letters.add(letter)
    return frozenset(letters)
