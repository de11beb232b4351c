"""`python -m autotrace` is the same command as `autotrace`."""

from __future__ import annotations

import sys

from autotrace._cli import main

if __name__ == "__main__":
    sys.exit(main())
