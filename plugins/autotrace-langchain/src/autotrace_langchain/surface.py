"""LangChain's callbacks, and its classes without callbacks, for ``autotrace coverage langchain``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from autotrace_langchain.handler import Handler

_BASE = "langchain_core.callbacks.base"
_WITHOUT_CALLBACKS = ("langchain_core.embeddings.embeddings:Embeddings.", "langchain_core.cross_encoders:BaseCrossEncoder.")
"""Base classes that call a model but are not runnables. Only runnables have callbacks."""


def ways(package: str) -> Iterator[Any]:
    """Each callback that the base class of all handlers declares, and each method of a base class without callbacks."""
    from autotrace.surface import Way, functions, modules  # not at import: a traced program never needs it

    every = functions(package)
    installs = any(one.name == "register_configure_hook" and one.module == f"{package}.tracers.context" for one in every)
    trees = dict(modules(_BASE))
    declaring = _bases("BaseCallbackHandler", trees[_BASE]) if _BASE in trees else ()
    for function in every:
        owner, _, name = function.name.rpartition(".")
        if function.module == _BASE and owner in declaring and name.startswith("on_"):
            handled = installs and getattr(Handler, name, Handler._ignore) is not Handler._ignore
            yield Way(function, "", None, "" if handled else "callback", f"Handler.{name}" if handled else "")
        elif function.is_public and f"{function.module}:{function.name}".startswith(_WITHOUT_CALLBACKS):
            yield Way(function, "", None, "has no callbacks")


def _bases(name: str, tree: ast.Module) -> tuple[str, ...]:
    """The names of the class `name` and of its bases. Empty if `tree` does not define it."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return (name, *(base.id for base in node.bases if isinstance(base, ast.Name)))
    return ()
