"""What a library offers, read off its source: nothing of it is imported.

For `autotrace coverage` and `autotrace new-plugin`, and for plugins that say themselves how their library's surface is
enumerated (`Instrumentor(surface=…)`). Never loaded in a traced program.
"""

from __future__ import annotations

import ast
import functools
import os
from collections.abc import Iterable, Iterator
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any, NamedTuple, Union

from autotrace._declaration.invocation import Invocation

__all__ = [
    "ASKING",
    "BY_NAME",
    "UNKNOWN",
    "Described",
    "Function",
    "FunctionNode",
    "Record",
    "Way",
    "asks",
    "calls",
    "directories",
    "functions",
    "literal",
    "modules",
    "posted",
    "reaching",
]

FunctionNode = Union[ast.FunctionDef, ast.AsyncFunctionDef]


class Function(NamedTuple):
    """A function or method as it is written."""

    module: str
    name: str
    """The qualified name: ``Completions.create``."""
    node: FunctionNode
    bases: tuple[str, ...]
    """The last parts of the names of its class's bases."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of its parameters, without the instance."""
        given = self.node.args
        names = tuple(one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs))
        return names[1:] if "." in self.name and names[:1] in (("self",), ("cls",)) else names

    @property
    def is_public(self) -> bool:
        """Whether no part of its own name begins with an underscore; its module's may."""
        return not any(part.startswith("_") for part in self.name.split("."))


class Described(NamedTuple):
    """What a library offers that no function of its source spells out: an operation of a service's description, a message."""

    module: str
    """Where it is described: a module, or another place that tells it from its like."""
    name: str


class Way(NamedTuple):
    """One public way to make a call, and what a target sees of it."""

    function: Union[Function, Described]
    target: str
    """The key of the target that the call passes; "" if it passes none."""
    invocation: Invocation | None = None
    """What the target's route gets, as far as the source tells; ``None``: it does not tell."""
    detail: str = ""
    """A path, or another word that tells this way from others of the same function."""
    hook: str = ""
    """The function of the plugin that the library itself calls here, in place of a target: ``Handler.on_llm_end``."""

    @property
    def asks(self) -> bool:
        """Whether a model is asked here: by the parameters of the function, if it is one, else because it was enumerated."""
        return bool(self.hook) or isinstance(self.function, Described) or asks(self.function)


def modules(package: str) -> Iterator[tuple[str, ast.Module]]:
    """The modules of an import package that is installed, parsed. Nothing for one that is not there or has no source."""
    spec = _spec(package)
    if spec is not None and spec.submodule_search_locations is None and spec.origin:
        yield from _parsed(package, spec.origin)
    for directory in directories(package):
        for where, folders, files in os.walk(directory):
            folders[:] = sorted(folder for folder in folders if folder.isidentifier() and folder not in ("tests", "testing"))
            inside = os.path.relpath(where, directory).replace(os.sep, ".")
            prefix = package if inside == "." else f"{package}.{inside}"
            for file in sorted(files):
                stem, ending = os.path.splitext(file)
                if ending == ".py":
                    yield from _parsed(prefix if stem == "__init__" else f"{prefix}.{stem}", os.path.join(where, file))


def directories(package: str) -> tuple[str, ...]:
    """Where an import package that is installed has its files; none for a module, and for what is not there."""
    spec = _spec(package)
    return () if spec is None else tuple(spec.submodule_search_locations or ())


def _spec(package: str) -> ModuleSpec | None:
    path, spec = None, None
    for part in _ancestry(package):
        spec = PathFinder.find_spec(part, path)
        if spec is None:
            return None
        path = spec.submodule_search_locations
    return spec


def _ancestry(package: str) -> list[str]:
    parts = package.split(".")
    return [".".join(parts[: count + 1]) for count in range(len(parts))]


def _parsed(name: str, file: str) -> Iterator[tuple[str, ast.Module]]:
    try:
        with open(file, "rb") as source:
            yield name, ast.parse(source.read())
    except (OSError, SyntaxError, ValueError):  # a template, a file for another Python
        return


@functools.lru_cache(maxsize=4)
def functions(package: str) -> tuple[Function, ...]:
    """The functions of a package and the methods of its classes, without overloads."""
    return tuple(found for module, tree in modules(package) for found in _functions(module, "", (), tree.body))


def _functions(module: str, prefix: str, bases: tuple[str, ...], body: list[ast.stmt]) -> Iterator[Function]:
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if not any(_last(one) == "overload" for one in node.decorator_list):
                yield Function(module, prefix + node.name, node, bases)
        elif isinstance(node, ast.ClassDef):
            inherited = tuple(name for name in map(_last, node.bases) if name)
            yield from _functions(module, f"{prefix}{node.name}.", inherited, node.body)


def _last(node: ast.expr) -> str:
    """The last part of a dotted name, "" for anything else."""
    if isinstance(node, ast.Subscript):
        return _last(node.value)
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def calls(function: Function) -> Iterator[tuple[str, ast.Call]]:
    """The calls in the body of a function, by the last part of what is called."""
    for node in ast.walk(function.node):
        if isinstance(node, ast.Call):
            name = _last(node.func)
            if name:
                yield name, node


def posted(function: Function) -> Iterator[str]:
    """The paths that a resource method of a generated SDK posts to: ``self._post("/chat/completions", …)``."""
    for name, call in calls(function):
        if name == "_post" and call.args:
            given = call.args[0]
            for one in (given.body, given.orelse) if isinstance(given, ast.IfExp) else (given,):
                path = literal(one)
                if isinstance(path, str):
                    yield path


class Record:
    """An object with these attributes, in place of one of the library's."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


UNKNOWN: Any = type("Unknown", (), {"__repr__": lambda self: "<unknown>", "__getattr__": lambda self, name: self})()
"""In place of a value that the source does not tell, and of all that hangs on it."""


def literal(node: ast.expr) -> Any:
    """The value of an expression that is written out; of a text with fields the text with ``{…}`` in it; else `UNKNOWN`."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{…}" for part in node.values)
    if isinstance(node, ast.Call) and node.args and _last(node.func).endswith("template"):
        return literal(node.args[0])
    return UNKNOWN


ASKING = frozenset({"model", "model_id", "messages", "prompt", "contents", "inputs"})
"""Parameters of functions that ask a model for something."""


def asks(function: Function) -> bool:
    """Whether a function's parameters say that it asks a model for something."""
    return bool(ASKING & set(function.parameters))


def reaching(package: str, targets: Iterable[str]) -> Iterator[Way]:
    """The public functions of a package that ask a model, and which of `targets` their calls pass.

    What calls what is read off the source: methods of the same class, or of those that inherit from it where it has none of
    that name, and functions by their name. A way has no target where none is reached; its detail is `BY_NAME` where one may
    be, through a function that only shares its name.
    """
    graph = _Graph(functions(package), targets)
    for key, function in graph.known.items():
        if function.is_public and asks(function):
            yield Way(function, key) if key in graph.wanted else graph.follow(function)


BY_NAME = "only by name"
_DEEP = 4
_ITSELF = ("self", "cls")


class _Graph:
    """What calls what in a package, as far as its source tells."""

    def __init__(self, every: Iterable[Function], targets: Iterable[str]) -> None:
        self.known = {f"{function.module}:{function.name}": function for function in every}
        self.wanted = frozenset(key for key in targets if key in self.known)
        self._names = frozenset(key.rpartition(":")[2].rpartition(".")[2] for key in self.wanted)
        self._by_name: dict[str, list[Function]] = {}
        self._heirs: dict[str, dict[str, None]] = {}
        for function in self.known.values():
            holder, _, name = function.name.rpartition(".")
            self._by_name.setdefault(name, []).append(function)
            for base in function.bases:
                self._heirs.setdefault(base, {})[f"{function.module}:{holder}"] = None
        self._calls: dict[Function, list[tuple[str, ast.Call]]] = {}

    def follow(self, function: Function) -> Way:
        """The way of `function` to the nearest target that it surely reaches."""
        loosely, seen, front = False, {function[:2]}, [(function, True)]
        for _ in range(_DEEP):
            following: list[tuple[Function, bool]] = []
            for current, certain in front:
                for name, call in self._calls_of(current):
                    own = self._own(current, call, name)
                    if own and certain and self.wanted.issuperset(own):
                        return Way(function, own[0], _seen_by(self.known[own[0]], call))
                    loosely = loosely or name in self._names
                    callees = [self.known[key] for key in own] or self._by_name.get(name, [])
                    following += [(one, certain and len(callees) == 1) for one in callees if one[:2] not in seen]
            front = list({one[:2]: (one, certain) for one, certain in following}.values())
            seen.update(one[:2] for one, _ in front)
        return Way(function, "", None, BY_NAME if loosely else "")

    def _own(self, function: Function, call: ast.Call, name: str) -> list[str]:
        """The keys of what a function calls of its own module or class: several, of the heirs of a class that leaves a method
        to them; none for a method of another object."""
        if isinstance(call.func, ast.Name):
            holders = [function.module + ":"]
        elif isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name) and call.func.value.id in _ITSELF:
            holder = function.name.rpartition(".")[0]
            holders = [f"{function.module}:{holder}."]
            if holders[0] + name not in self.known:
                holders = [f"{heir}." for heir in self._heirs.get(holder.rpartition(".")[2], ())]
        else:
            holders = []
        return [holder + name for holder in holders if holder + name in self.known]

    def _calls_of(self, function: Function) -> list[tuple[str, ast.Call]]:
        if function not in self._calls:
            self._calls[function] = list(calls(function))
        return self._calls[function]


def _seen_by(target: Function, call: ast.Call) -> Invocation:
    """What `target` gets of a call, as far as it is written out."""
    given = {one.arg: literal(one.value) for one in call.keywords if one.arg is not None}
    return Invocation(target.parameters, True, (UNKNOWN, *map(literal, call.args)), given)
