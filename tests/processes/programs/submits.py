"""Hands functions of a library, which autotrace replaces, to other processes: ``submits.py METHOD``."""

from __future__ import annotations

import multiprocessing
import pickle
import sys
from concurrent.futures import ProcessPoolExecutor

import acme

if __name__ == "__main__":
    print(pickle.dumps(acme.ask), pickle.loads(pickle.dumps(acme.ask)) is acme.ask, flush=True)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(sys.argv[1])) as executor:
        futures = [executor.submit(acme.ask, "acme-1b", "function") for _ in range(3)]
        futures += [executor.submit(acme.Client().ask, "acme-1b", "method") for _ in range(3)]
        for future in futures:
            print(future.result(), flush=True)
