"""What LangChain reports to a callback handler, for ``autotrace coverage langchain``, and what it does without a report."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from autotrace_langchain.handler import Handler

_BASE = "langchain_core.callbacks.base"
_SILENT = ("langchain_core.embeddings.embeddings:Embeddings.", "langchain_core.cross_encoders:BaseCrossEncoder.")
"""Base classes that ask a model and are no runnables: only what is one is reported."""


def ways(package: str) -> Iterator[Any]:
    """Each callback that the base of all handlers declares; each method of a base class that calls nothing back."""
    from autotrace.surface import Way, functions, modules  # which a traced program never loads

    every = functions(package)
    installs = any(one.name == "register_configure_hook" and one.module == f"{package}.tracers.context" for one in every)
    trees = dict(modules(_BASE))
    declaring = _bases("BaseCallbackHandler", trees[_BASE]) if _BASE in trees else ()
    for function in every:
        owner, _, name = function.name.rpartition(".")
        if function.module == _BASE and owner in declaring and name.startswith("on_"):
            heard = installs and getattr(Handler, name, Handler._nothing) is not Handler._nothing
            yield Way(function, "", None, "" if heard else "callback", f"Handler.{name}" if heard else "")
        elif function.is_public and f"{function.module}:{function.name}".startswith(_SILENT):
            yield Way(function, "", None, "calls nothing back")


def _bases(name: str, tree: ast.Module) -> tuple[str, ...]:
    """The class `name` and its bases."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return (name, *(base.id for base in node.bases if isinstance(base, ast.Name)))
    return ()
