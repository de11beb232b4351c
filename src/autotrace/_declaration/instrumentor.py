"""`Instrumentor`, the value of a plugin's entry point. Data, validated when it is made."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from autotrace import _settings as settings
from autotrace._declaration import checking, paths
from autotrace._declaration.invocation import Continues, Invocation, Observer, RunsInside, Target
from autotrace._declaration.operation import Operation
from autotrace._declaration.options import Option
from autotrace._declaration.paths import Getter, Where
from autotrace._discovery.requirements import Requirement
from autotrace.errors import DeclarationError, nearest


class Choice(NamedTuple):
    """One declared target, and its use for the installed version of the library."""

    key: str
    target: Target
    shape: str
    """The requirement in `Instrumentor.shapes` that the target is declared under; "" for a target of all versions."""
    use: Use


Use = Literal["expected", "tried", "skipped"]
"""How a target is used.

- ``expected``: it must exist.
- ``tried``: it may exist, because the plugin does not know the version.
- ``skipped``: it is for another version.
"""


Surface = Callable[[str], Iterable[Any]]
"""Maps an import package to the ways to make its calls: `autotrace.surface.Way`."""

Hook = Callable[[Any], "Callable[[], None] | None"]
"""Installs a native hook of the library: takes the module, returns a function that removes the hook, or ``None``."""


class Instrumentor:
    """A library, and where its calls are made.

    - `provider`: the ``gen_ai.provider.name``. The route of a call and `hosts` override it. Leave it out for an SDK that many
      servers can be reached with: then the provider at a host that is not in `hosts` is unknown.
    - `hosts`: provider by host suffix, for SDKs that can be pointed at other providers.
    - `requires`: the distributions that provide the library, each with a version range (``"acme-sdk>=2"``).
    - `targets`: map ``"package.module:Class.method"``, by the *defining* module, to an `Operation`, a `Route`, an `Observer`,
      a `RunsInside` or a `Continues`.
    - `shapes`: targets that only some versions of the library have, by the range of these versions on a distribution in
      `requires` (``{"acme-sdk>=3.1": {…}}``). Ranges may overlap. If two of them declare the same target, the later one counts.
    - `errors`: where an exception of the library holds ``http_status``, ``request_id``, ``error_code``, ``headers`` (a
      mapping), ``error_type`` (instead of the name of its class), ``credentials`` (headers of the request, of which those with
      the name of a credential appear in no record), or an attribute of the plugin's own (any name with a dot).
    - `credentials`: where the clients of the library have the credentials that they send. Paths that start at the `Invocation`
      (``"instance.api_key"``, ``"kwargs.headers"``), or a function of the `Invocation` that returns several values. A value is
      a text, bytes, or headers, of which those count that have the name of a credential. No record contains them. They are
      picked up when a call begins and again when it fails, on the caller's thread, so it must be fast and must not block.
    - `options`: settings of the plugin's own, by name.
    - `on_ready`: for libraries with native hooks. It is called with the library's root module after that has been imported. If
      it returns a function, that function is called to remove the hook. It may be a mapping from modules of the library to such
      functions, each called when its module has been imported.
    - `enclosing`: which call the library itself is carrying out at this point of the program. It takes no argument and returns
      the call's key, the `Call`, or ``None``. It is asked whenever a span of any plugin begins, so it must be fast. If the
      current span is itself inside that call, the current span is the parent.
    - `surface`: enumerates the library's ways to make a call (`autotrace.surface`). Only `autotrace coverage` uses it.

    - `uncovered`: which of those ways are meant to have no span: a glob over their names (``"*.connect"``) and the reason in a
      few words.

    Raises `DeclarationError` for anything that cannot be right.
    """

    __slots__ = (
        "credentials",
        "enclosing",
        "errors",
        "hosts",
        "on_ready",
        "options",
        "provider",
        "requires",
        "shapes",
        "surface",
        "targets",
        "uncovered",
    )

    @checking.checked
    def __init__(
        self,
        *,
        provider: str | None = None,
        requires: str | Sequence[str] = (),
        targets: Mapping[str, Target] | None = None,
        shapes: Mapping[str, Mapping[str, Target]] | None = None,
        hosts: Mapping[str, str] | None = None,
        errors: Mapping[str, Where] | None = None,
        credentials: str | Sequence[str] | Callable[[Invocation], Iterable[Any]] | None = None,
        on_ready: Hook | Mapping[str, Hook] | None = None,
        enclosing: Callable[[], Any] | None = None,
        options: Mapping[str, Option] | None = None,
        surface: Surface | None = None,
        uncovered: Mapping[str, str] | None = None,
    ) -> None:
        mappings = {"targets": targets, "shapes": shapes, "hosts": hosts, "errors": errors, "options": options}
        mappings["uncovered"] = uncovered
        for name, value in mappings.items():
            checking.mapping(f"Instrumentor: {name}", value)
        if provider is not None and not (isinstance(provider, str) and provider):
            raise DeclarationError(f"Instrumentor: provider {provider!r}: expected a name, such as 'acme'")
        if enclosing is not None:
            checking.function("Instrumentor: enclosing", enclosing)
        self.provider = provider
        self.requires = _requirements(requires)
        self.targets = dict(targets or {})
        for text, of_shape in (shapes or {}).items():
            checking.mapping(f"Instrumentor: shapes {text!r}", of_shape)
        self.shapes = {text: dict(of_shape or {}) for text, of_shape in (shapes or {}).items()}
        self.hosts = dict(hosts or {})
        self.options = dict(options or {})
        self.on_ready = _hooks(on_ready)
        if surface is not None:
            checking.function("Instrumentor: surface", surface, "package")
        self.enclosing = enclosing
        self.surface = surface
        self.uncovered = dict(uncovered or {})
        self.errors = _error_getters(errors or {})
        self.credentials = _pick_up(credentials)
        if not self.targets and not self.shapes and not self.on_ready:
            raise DeclarationError("Instrumentor: declare at least one target, or on_ready")
        self._check()

    def _check(self) -> None:
        for text in self.requires:
            Requirement(text)
        for key, target in self.targets.items():
            _check_target("Instrumentor", key, target)
        for text, of_shape in self.shapes.items():
            self._check_shape(text, of_shape)
        for host, provider in self.hosts.items():
            _check_host(host, provider)
        for name, option in self.options.items():
            _check_option(name, option)
        for glob, reason in self.uncovered.items():
            _check_uncovered(glob, reason)

    def _check_shape(self, text: str, targets: Mapping[str, Target]) -> None:
        where, shape = f"Instrumentor: shapes {text!r}", Requirement(text)
        known = [Requirement(one).distribution for one in self.requires]
        if not any(shape.is_for(one) for one in known):
            raise DeclarationError(f"{where}: {shape.distribution!r} is not in requires{nearest(shape.distribution, known)}")
        if not targets:
            raise DeclarationError(f"{where}: declare at least one target")
        for key, target in targets.items():
            if key in self.targets:
                raise DeclarationError(f"{where}: target {key!r} is also in targets, for all versions; remove it from one")
            _check_target(where, key, target)

    def choose(self, version_of: Callable[[str], str | None]) -> list[Choice]:
        """Each declared target once, with its use for the installed versions.

        `version_of` returns the version of a distribution, or ``None``. A shape is tried if the version of its distribution is
        unknown or outside of `requires`.
        """
        choices = {key: Choice(key, target, "", "expected") for key, target in self.targets.items()}
        for text, targets in self.shapes.items():
            use = self._use_of(Requirement(text), version_of)
            for key, target in targets.items():
                if use != "skipped" or key not in choices:
                    choices[key] = Choice(key, target, text, use)
        return list(choices.values())

    def _use_of(self, shape: Requirement, version_of: Callable[[str], str | None]) -> Use:
        version = version_of(shape.distribution)
        if version is None:
            return "tried"
        if shape.allows(version):
            return "expected"
        return "skipped" if self.allows(shape.distribution, version) else "tried"

    def allows(self, distribution: str, version: str) -> bool:
        """Whether `version` of `distribution` is in one of the ranges in `requires`."""
        known = [one for one in map(Requirement, self.requires) if one.is_for(distribution)]
        return any(one.allows(version) for one in known)


_ERROR_FIELDS = ("http_status", "request_id", "error_code", "error_type", "headers", "credentials")
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")


def _requirements(given: object) -> tuple[str, ...]:
    requires = (given,) if isinstance(given, str) else given
    if isinstance(requires, Sequence) and all(isinstance(text, str) for text in requires):
        return tuple(requires)
    expected = "the library's distribution with its versions, such as 'acme-sdk>=2', or a sequence of these"
    raise DeclarationError(f"Instrumentor: requires: expected {expected}, got {given!r}")


def _error_getters(errors: Mapping[str, Where]) -> dict[str, Getter]:
    getters = {}
    for key, where in errors.items():
        if key not in _ERROR_FIELDS and "." not in key:
            raise DeclarationError(f"Instrumentor: errors: {key!r} is not a known field{nearest(key, _ERROR_FIELDS)}")
        try:
            getters[key] = paths.compile(where)
        except DeclarationError as exc:
            raise DeclarationError(f"Instrumentor: errors {key!r}: {exc}") from None
    return getters


def _pick_up(declared: object) -> Callable[[Invocation], tuple[Any, ...]] | None:
    """The function that picks up the credentials of a call."""
    if declared is None:
        return None
    if callable(declared):
        checking.function("Instrumentor: credentials", declared, "invocation")
        function = declared
        return lambda invocation: tuple(function(invocation))
    given = (declared,) if isinstance(declared, str) else declared
    if not isinstance(given, Sequence) or not given:
        raise DeclarationError(f"Instrumentor: credentials: expected paths or a function of the Invocation, got {declared!r}")
    try:
        getters = [paths.compile(path) for path in given]
    except DeclarationError as exc:
        raise DeclarationError(f"Instrumentor: credentials: {exc}") from None
    return lambda invocation: tuple([_kept(value) for getter in getters if (value := getter(invocation))])


def _kept(value: Any) -> Any:
    """A value that no longer refers to the client: its headers as they are now."""
    return tuple(value.items()) if isinstance(value, Mapping) else value if isinstance(value, (str, bytes)) else None


def _hooks(declared: Hook | Mapping[str, Hook] | None) -> dict[str, Hook]:
    """Hooks by the module that they wait for; "" is the root module of the library."""
    if declared is None:
        return {}
    hooks = dict(declared) if isinstance(declared, Mapping) else {"": declared}
    checking.mapping("Instrumentor: on_ready", hooks)
    for module, hook in hooks.items():
        checking.function(f"Instrumentor: on_ready {module!r}".replace(" ''", ""), hook, "module")
    return hooks


def _check_target(where: str, key: str, target: object) -> None:
    module, colon, name = key.partition(":")
    if not colon or not all(part.isidentifier() for part in (module + "." + name).split(".")):
        raise DeclarationError(f"{where}: target {key!r}: expected the form 'package.module:Class.method'{_colon_hint(key)}")
    if isinstance(target, (Operation, Observer, RunsInside, Continues)):
        return
    if not callable(target):
        expected = "an Operation, a route function, an Observer, a RunsInside or a Continues"
        raise DeclarationError(f"{where}: target {key!r}: expected {expected}, got {target!r}")
    checking.function(f"{where}: target {key!r}: route", target, "invocation")


def _colon_hint(key: str) -> str:
    """A suggestion for a key without a colon: put it before the first capitalized name, else before the last name."""
    if not all(part.isidentifier() for part in key.split(".")) or "." not in key:
        return ""
    parts = key.split(".")
    at = next((i for i, part in enumerate(parts) if i and part[0].isupper()), len(parts) - 1)
    return f"; did you mean {'.'.join(parts[:at]) + ':' + '.'.join(parts[at:])!r}?"


def _check_host(host: str, provider: object) -> None:
    if not _HOST.fullmatch(host):
        guess = host.lower().partition("://")[2] or host.lower()
        match = _HOST.search(guess)
        raise DeclarationError(
            f"Instrumentor: hosts {host!r}: expected a host name or the end of one, in lower case, without scheme, port or path"
            + (f"; did you mean {match[0]!r}?" if match else "")
        )
    if not isinstance(provider, str) or not provider:
        raise DeclarationError(f"Instrumentor: hosts {host!r}: expected the name of a provider, got {provider!r}")


def _check_uncovered(glob: str, reason: object) -> None:
    if not glob.strip():
        raise DeclarationError("Instrumentor: uncovered: an empty name; expected a glob, such as '*.connect'")
    if not isinstance(reason, str) or not reason.strip():
        raise DeclarationError(f"Instrumentor: uncovered {glob!r}: {reason!r}: expected the reason, such as 'web sockets'")


def _check_option(name: str, option: object) -> None:
    if not name.isidentifier() or name != name.lower():
        raise DeclarationError(f"Instrumentor: option {name!r}: expected a lower-case name, such as 'stream_usage'")
    if name in settings.KNOWN:
        raise DeclarationError(f"Instrumentor: option {name!r}: autotrace has a setting with this name; choose another")
    if not isinstance(option, Option):
        raise DeclarationError(
            f"Instrumentor: option {name!r}: expected an Option, got {option!r}; write Option({option!r}, 'what it does')"
        )
