"""The ``resource`` of a record: the service and the process that made it."""

from __future__ import annotations

import sys
from functools import cache, lru_cache
from typing import Any

from autotrace import _settings as settings
from autotrace._credentials.scrubbing import Scrubber
from autotrace._system import os


def of_process() -> dict[str, Any]:
    """The record's ``resource``: the name of the service and the process id."""
    given = settings.current.valid("service_name")
    return {"service.name": _without_credentials(given) if given else program(), "process.pid": os.getpid()}


@lru_cache(maxsize=8)
def _without_credentials(text: str) -> str:
    return Scrubber().text(text)


@cache
def program() -> str:
    """The name of the program, for a service without a name. Call it early: ``__main__`` loses its file when it has run."""
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None and spec.name:
        return str(spec.name).removesuffix(".__main__")
    script = getattr(main, "__file__", None)
    return os.path.splitext(os.path.basename(script))[0] if script else "python"
