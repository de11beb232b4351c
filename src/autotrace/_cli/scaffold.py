"""What `autotrace new-plugin` writes: templates, filled in with what the installed library's source tells."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from string import Template
from typing import NamedTuple

from autotrace import surface
from autotrace._discovery.requirements import installed_version, release

KINDS = {
    "stainless": "an SDK that Stainless generates (it has a module _base_client)",
    "openai": "an SDK with a client of its own that speaks OpenAI's API",
    "client": "any other client: targets and getters are to be filled in",
    "callbacks": "a library with hooks of its own: callbacks, events, listeners",
}
TEMPLATES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "templates")
_CHAT = "/chat/completions"


class Plan(NamedTuple):
    """What the plugin is to be."""

    name: str
    """`X` of `autotrace-X`."""
    package: str
    sdk: str
    """The library's distribution."""
    kind: str
    core: str
    """The requirement on autotrace itself."""


def kind_of(package: str) -> str:
    """The kind of plugin that a package needs, as far as its source tells; ``client`` if it does not."""
    if any(function.name == "SyncAPIClient.request" for function in surface.functions(package)):
        return "stainless"
    return "openai" if list(_speaking_openai(package)) else "client"


def files(plan: Plan) -> dict[str, str]:
    """The content of each file of the distribution, by its path in it."""
    module = f"autotrace_{plan.name}".replace("-", "_").replace(".", "_")
    values = {
        **dict.fromkeys(("base", "url", "client", "async_client", "targets", "call"), ""),
        "distribution": f"autotrace-{plan.name}",
        "module": module,
        "package": plan.package,
        "entry": f'"{plan.package}"' if "." in plan.package else plan.package,
        "sdk": plan.sdk,
        "provider": plan.name.replace("-", "_"),
        "requires": _range(plan.sdk),
        "versions": _versions(plan.sdk),
        "core": plan.core,
        **(_of_stainless(plan.package) if plan.kind == "stainless" else _of_client(plan.package, plan.kind)),
    }
    written = {
        "pyproject.toml": "common/pyproject.toml",
        "README.md": "common/README.md",
        ".github/workflows/ci.yml": "common/ci.yml",
        f"src/{module}/__init__.py": f"{plan.kind}/plugin.py",
        "tests/test_conformance.py": f"{plan.kind}/test_conformance.py",
    }
    return {f"src/{module}/py.typed": "", **{path: _filled(template, values) for path, template in written.items()}}


def _filled(template: str, values: dict[str, str]) -> str:
    with open(os.path.join(TEMPLATES, *template.split("/")) + ".tmpl", encoding="utf-8") as file:
        return Template(file.read()).substitute(values)


def _range(sdk: str) -> str:
    """The installed major version of a distribution as a requirement; the distribution alone if it is not installed."""
    version = installed_version(sdk)
    major = release(version)[0] if version and release(version) else None
    return sdk if major is None else f"{sdk}>={version},<{major + 1}"


def _versions(sdk: str) -> str:
    """What CI installs of a distribution: the version that is installed here, if there is one, and whatever is newest."""
    version = installed_version(sdk)
    return ", ".join(f'"{one}"' for one in ([f"{sdk}=={version}"] if version else []) + [sdk])


def _of_stainless(package: str) -> dict[str, str]:
    """The clients' classes, and what stands before the paths of OpenAI's API: with the path, or with the base URL."""
    clients = {"SyncAPIClient": "Client", "AsyncAPIClient": "AsyncClient"}
    for _, tree in surface.modules(f"{package}._client"):
        for node in tree.body:
            for base in node.bases if isinstance(node, ast.ClassDef) else ():
                if isinstance(node, ast.ClassDef) and isinstance(base, ast.Name) and base.id in clients:
                    clients[base.id] = node.name
    paths = (path for function in surface.functions(package) for path in surface.posted(function))
    before = next((path[: -len(_CHAT)] for path in paths if path.endswith(_CHAT)), "")
    return {
        "client": clients["SyncAPIClient"],
        "async_client": clients["AsyncAPIClient"],
        "base": before or "/v1",
        "url": "" if before else ' + "/v1"',
    }


_SPOKEN = {"CHAT": {"model", "messages"}, "TEXT": {"model", "prompt"}, "EMBED": {"model", "input"}}


def _speaking_openai(package: str) -> Iterator[tuple[str, str]]:
    """The public methods `create` with the parameters of OpenAI's API: target, and what it asks for."""
    for function in surface.functions(package):
        given = set(function.parameters)
        holder, _, name = function.name.rpartition(".")
        if function.is_public and name == "create" and "Client" not in holder:
            for operation, wanted in _SPOKEN.items():
                if wanted <= given:
                    yield f"{function.module}:{function.name}", operation


def _of_client(package: str, kind: str) -> dict[str, str]:
    """The first public class that looks like a client, its first method that asks a model, and the targets."""
    asking = [function for function in surface.functions(package) if function.is_public and "model" in function.parameters]
    spoken = list(_speaking_openai(package)) if kind == "openai" else []
    first = next((function for function in asking if "Client" in function.name), asking[0] if asking else None)
    target = f"{first.module}:{first.name}" if first is not None else f"{package}:Client.ask"
    targets = spoken or [(target, "CHAT")]
    classes = (name for name in _classes(package) if not name.startswith("_"))
    client = next((name for name in classes if not name.startswith("Async")), "Client")
    return {
        "targets": "\n".join(f'        "{key}": {operation},' for key, operation in targets),
        "client": client,
        "call": first.name.rpartition(".")[2] if first is not None else "ask",
    }


def _classes(package: str) -> Iterator[str]:
    """The classes of a package whose constructors take a base URL or a key: its clients."""
    for function in surface.functions(package):
        if function.name.endswith(".__init__") and {"base_url", "api_key", "host", "url"} & set(function.parameters):
            yield function.name.rpartition(".")[0]
