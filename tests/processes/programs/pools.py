"""Processes of `multiprocessing` and `concurrent.futures`: ``pools.py METHOD PARTS``.

With ENABLE set it switches autotrace on in code, in the first process alone.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from asking import ask, tell


def process(context: Any) -> None:
    children = [context.Process(target=tell, args=("process", 2)) for _ in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    print("ended with", [child.exitcode for child in children], flush=True)


def pool(context: Any) -> None:
    with context.Pool(2, maxtasksperchild=1) as pool:
        for answer in pool.map(ask, ["pool"] * 4, chunksize=1):
            print(answer, flush=True)
        pool.close()
        pool.join()


def terminated(context: Any) -> None:
    """The ``with`` block of a pool ends by terminating its workers, which have nothing to do by then."""
    with context.Pool(2) as pool:
        for answer in pool.map(ask, ["terminated"] * 4, chunksize=1):
            print(answer, flush=True)


def executor(context: Any) -> None:
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        for future in [executor.submit(ask, "executor") for _ in range(4)]:
            print(future.result(), flush=True)


if __name__ == "__main__":
    method, parts = sys.argv[1:]
    if os.environ.get("ENABLE"):
        import autotrace

        autotrace.enable()
    tell("parent")
    context = multiprocessing.get_context(method)
    for part in parts.split(","):
        {"process": process, "pool": pool, "terminated": terminated, "executor": executor}[part](context)
    tell("parent")
