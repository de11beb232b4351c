"""What a plugin is: an `Instrumentor`, the value of its entry point. Data, validated when it is made."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from autotrace._declaration import checking, paths
from autotrace._declaration.invocation import Inside, Observer, Target
from autotrace._declaration.operation import Operation
from autotrace._declaration.options import Option
from autotrace._declaration.paths import Getter, Where
from autotrace._discovery.requirements import Requirement
from autotrace._settings import settings
from autotrace.errors import DeclarationError, nearest


class Choice(NamedTuple):
    """One declared target and what the installed version of the library makes of it."""

    key: str
    target: Target
    shape: str
    """The requirement that the target is declared under in `Instrumentor.shapes`; "" for one of every version."""
    use: Use


Use = Literal["expected", "tried", "skipped"]
"""Of a target: it must be there; it may be there, as the version is not known to the plugin; it is for another version."""


Surface = Callable[[str], Iterable[Any]]
"""An import package to the ways in which its calls are made: `autotrace.surface.Way`."""

Hook = Callable[[Any], "Callable[[], None] | None"]
"""Installs a hook of the library's own: module -> a function that takes it off, if there is anything to take off."""


class Instrumentor:
    """A library, and where its calls are made.

    `provider` is `gen_ai.provider.name` unless the call's host is in `hosts` (host suffix -> provider; for SDKs that are
    pointed at other providers) or the route says otherwise. `requires` are the distributions that the library comes
    from, with a version range (``"acme-sdk>=2"``). `targets` map ``"package.module:Class.method"``, by *defining* module, to an
    `Operation`, a `Route`, an `Observer` or an `Inside`. `shapes` are targets that only some versions of the library have, by
    the range of these versions, on a distribution in `requires` (``{"acme-sdk>=3.1": {…}}``); ranges may overlap, and of two
    that declare the same target the later one counts. `errors` says where on an exception of the library to find
    ``http_status``, ``request_id``, ``error_code``, ``headers`` (a mapping), ``error_type`` (over the name of its class), or
    what goes into an attribute of the plugin's own (anything with a dot). `options` are settings of the plugin's own, by name.

    For libraries that offer hooks of their own, `on_ready` is called with the library's root module once that has been
    imported; what it returns, if callable, is called to take the hook off again. It may be a mapping of such functions, each by
    the module of the library that it waits for. `enclosing` says where the program is by the library's own reckoning: it gives
    the key of the call (or the `Call`) that the library is carrying out there, or ``None``. It is asked whenever a span
    begins, of whichever plugin, so it has to be quick; a current span that is itself inside that call is nearer and counts.

    `surface` enumerates the library's ways to make a call (`autotrace.surface`), for `autotrace coverage` and nothing else.

    Raises `DeclarationError` for whatever cannot be right.
    """

    __slots__ = ("enclosing", "errors", "hosts", "on_ready", "options", "provider", "requires", "shapes", "surface", "targets")

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
        on_ready: Hook | Mapping[str, Hook] | None = None,
        enclosing: Callable[[], Any] | None = None,
        options: Mapping[str, Option] | None = None,
        surface: Surface | None = None,
    ) -> None:
        mappings = {"targets": targets, "shapes": shapes, "hosts": hosts, "errors": errors, "options": options}
        for name, value in mappings.items():
            checking.mapping(f"Instrumentor: {name}", value)
        if provider is not None and not (isinstance(provider, str) and provider):
            raise DeclarationError(f"Instrumentor: provider {provider!r}: expected a name, such as 'acme'")
        if enclosing is not None:
            checking.function("Instrumentor: enclosing", enclosing)
        self.provider = provider
        self.requires = (requires,) if isinstance(requires, str) else tuple(requires)
        self.targets = dict(targets or {})
        self.shapes = {text: dict(of_shape) for text, of_shape in (shapes or {}).items()}
        self.hosts = dict(hosts or {})
        self.options = dict(options or {})
        self.on_ready = _hooks(on_ready)
        if surface is not None:
            checking.function("Instrumentor: surface", surface, "package")
        self.enclosing = enclosing
        self.surface = surface
        self.errors = _getters_of_errors(errors or {})
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

    def _check_shape(self, text: str, targets: Mapping[str, Target]) -> None:
        where, shape = f"Instrumentor: shapes {text!r}", Requirement(text)
        known = [Requirement(one).distribution for one in self.requires]
        if not any(shape.is_for(one) for one in known):
            raise DeclarationError(f"{where}: requires names no {shape.distribution!r}{nearest(shape.distribution, known)}")
        if not targets:
            raise DeclarationError(f"{where}: declare at least one target")
        for key, target in targets.items():
            if key in self.targets:
                raise DeclarationError(f"{where}: target {key!r} is among the targets of all versions as well")
            _check_target(where, key, target)

    def choose(self, version_of: Callable[[str], str | None]) -> list[Choice]:
        """Each declared target once, with its use for the versions that are installed.

        `version_of` gives the version of a distribution, or ``None``. A shape whose distribution has no known version, or one
        outside of `requires`, is tried.
        """
        found = {key: Choice(key, target, "", "expected") for key, target in self.targets.items()}
        for text, targets in self.shapes.items():
            use = self._use_of(Requirement(text), version_of)
            for key, target in targets.items():
                if use != "skipped" or key not in found:
                    found[key] = Choice(key, target, text, use)
        return list(found.values())

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


_ERROR_FIELDS = ("http_status", "request_id", "error_code", "error_type", "headers")
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")


def _getters_of_errors(errors: Mapping[str, Where]) -> dict[str, Getter]:
    found = {}
    for key, where in errors.items():
        if key not in _ERROR_FIELDS and "." not in key:
            raise DeclarationError(f"Instrumentor: errors has no field {key!r}{nearest(key, _ERROR_FIELDS)}")
        try:
            found[key] = paths.compile(where)
        except DeclarationError as exc:
            raise DeclarationError(f"Instrumentor: errors {key!r}: {exc}") from None
    return found


def _hooks(declared: Hook | Mapping[str, Hook] | None) -> dict[str, Hook]:
    """Hooks by the module that they wait for; "" for the library's root."""
    if declared is None:
        return {}
    found = dict(declared) if isinstance(declared, Mapping) else {"": declared}
    checking.mapping("Instrumentor: on_ready", found)
    for module, hook in found.items():
        checking.function(f"Instrumentor: on_ready {module!r}".replace(" ''", ""), hook, "module")
    return found


def _check_target(where: str, key: str, target: object) -> None:
    module, colon, name = key.partition(":")
    if not colon or not all(part.isidentifier() for part in (module + "." + name).split(".")):
        raise DeclarationError(f"{where}: target {key!r} is not of the form 'package.module:Class.method'{_with_colon(key)}")
    if isinstance(target, (Operation, Observer, Inside)):
        return
    if not callable(target):
        expected = "an Operation, a route function, an Observer or an Inside"
        raise DeclarationError(f"{where}: target {key!r} is {target!r}; expected {expected}")
    checking.function(f"{where}: target {key!r}: route", target, "invocation")


def _with_colon(key: str) -> str:
    """What was probably meant: the colon stands before the first name with a capital, else before the last."""
    if not all(part.isidentifier() for part in key.split(".")) or "." not in key:
        return ""
    parts = key.split(".")
    at = next((i for i, part in enumerate(parts) if i and part[0].isupper()), len(parts) - 1)
    return f"; did you mean {'.'.join(parts[:at]) + ':' + '.'.join(parts[at:])!r}?"


def _check_host(host: str, provider: object) -> None:
    if not _HOST.fullmatch(host):
        meant = host.lower().partition("://")[2] or host.lower()
        found = _HOST.search(meant)
        raise DeclarationError(
            f"Instrumentor: hosts {host!r}: expected the end of a host's name, in small letters, without scheme, port and path"
            + (f"; did you mean {found[0]!r}?" if found else "")
        )
    if not isinstance(provider, str) or not provider:
        raise DeclarationError(f"Instrumentor: hosts {host!r}: {provider!r} is no provider's name")


def _check_option(name: str, option: object) -> None:
    if not name.isidentifier() or name != name.lower():
        raise DeclarationError(f"Instrumentor: option {name!r}: expected a name in small letters, such as 'stream_usage'")
    if name in settings.KNOWN:
        raise DeclarationError(f"Instrumentor: option {name!r}: autotrace has a setting of that name")
    if not isinstance(option, Option):
        raise DeclarationError(
            f"Instrumentor: option {name!r}: {option!r} is no Option; write Option({option!r}, 'what it does')"
        )
