"""A program that makes one call of a case: ``python -m autotrace.testing._program FILE PACKAGE CASE SIDE URL``.

FILE describes the `Library` PACKAGE, and imports it. If the environment enables autotrace, it is active before that.
"""

from __future__ import annotations

import contextlib
import os
import runpy
import sys
from typing import Any

from autotrace.testing._library import Ask, Library
from autotrace.testing._sides import Side


def main(file: str, package: str, case_name: str, side_name: str, url: str) -> None:
    """Make the call of the case `case_name`, against the server at `url`."""
    sys.path.insert(0, os.path.dirname(file))  # modules beside FILE can be imported, as with pytest and `python FILE`
    described = [value for value in runpy.run_path(file).values() if isinstance(value, Library)]
    library = next(library for library in described if library.package == package)
    library.provider = url
    case = next(case for case in library.cases if case.name == case_name)
    side = Side(side_name == "async")

    async def program() -> None:
        client = await side.value(library.client(side.asynchronous))
        async with side.entered(client) if side.enters(client) else contextlib.nullcontext(client) as entered:
            await _use(side, case, entered)

    side.run(program())


async def _use(side: Side, case: Any, client: Any) -> None:
    ask = Ask("What does a program say?", case.model)
    call, stream = (case.use(kind, side.asynchronous) for kind in ("call", "stream"))
    if call is not None:
        await side.value(call(client, ask))
        return
    made = await side.value(stream(client, ask))
    if side.iterates(made):
        await side.items(made)
        return
    async with side.entered(made) as entered:
        await side.items(entered)


if __name__ == "__main__":
    main(*sys.argv[1:])
