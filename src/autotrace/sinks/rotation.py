"""Rotated files: what they are called, and which of them stay.

``app.jsonl`` becomes ``app.20261126T072301123456Z.jsonl``, by the time of the rotation (UTC, with microseconds), and
``app.20261126T072301123456Z.jsonl.gz`` when it has been compressed. No file is renamed again while a collector reads it or
another process compresses it, as it would be if they were numbered.
"""

from __future__ import annotations

import contextlib
import os
import re
import time

__all__ = ["PART", "SUFFIXES", "remove_oldest", "rotate", "rotated"]

SUFFIXES = {"gzip": ".gz", "zstd": ".zst"}
"""What a compressed file's name ends with, by the method."""

PART = ".part"
"""What is added to it while it is being written."""

_STAMP = r"\.\d{8}T\d{12}Z"


def rotate(path: str) -> str:
    """Rename the file at `path`, whose lock the caller holds; its new path. Raises `OSError`."""
    path = _target(path)
    stem, extension = os.path.splitext(path)
    while True:
        seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(seconds)) + f"{nanoseconds // 1000:06d}Z"
        rotated = f"{stem}.{stamp}{extension}"
        # Rotations of one path come one after the other, so what is not there now will not be there in a moment.
        if not any(os.path.lexists(rotated + suffix) for suffix in ("", *SUFFIXES.values())):
            os.rename(path, rotated)
            return rotated


def _target(path: str) -> str:
    """The file itself, where `path` is a link to it: the link stays."""
    return os.path.realpath(path) if os.path.islink(path) else path


def rotated(path: str, compressed: bool = True) -> list[str]:
    """The files that were rotated away from `path`, the oldest first, by the paths that they were given then.

    Those that are compressed by now are among them unless `compressed` is false.
    """
    directory, name = os.path.split(_target(path))
    stem, extension = os.path.splitext(name)
    suffix = "(?:" + "|".join(map(re.escape, SUFFIXES.values())) + ")?" if compressed else ""
    form = re.compile(f"({re.escape(stem)}{_STAMP}{re.escape(extension)}){suffix}")
    try:
        matches = map(form.fullmatch, os.listdir(directory))
    except OSError:  # it has been removed
        return []
    return [os.path.join(directory, found) for found in sorted({match[1] for match in matches if match})]


def remove_oldest(path: str, keep: int) -> None:
    """Remove the files that were rotated away from `path`, but for the latest `keep`."""
    for old in rotated(path)[:-keep]:
        for suffix in ("", *SUFFIXES.values(), *(suffix + PART for suffix in SUFFIXES.values())):
            with contextlib.suppress(OSError):  # most of them are not there, and others may be at it as well
                os.unlink(old + suffix)
