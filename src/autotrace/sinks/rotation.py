"""Rotated files: their names, and which of them are kept.

``app.jsonl`` becomes ``app.20261126T072301123456Z.jsonl``, named after the time of the rotation (UTC, with microseconds), and
``app.20261126T072301123456Z.jsonl.gz`` once it is compressed. With numbers instead, a file would be renamed again while a
collector reads it or another process compresses it.
"""

from __future__ import annotations

import contextlib
import re

__all__ = ["PART", "SUFFIXES", "remove_oldest", "rotate", "rotated"]

from autotrace._system import os, time

SUFFIXES = {"gzip": ".gz", "zstd": ".zst"}
"""The suffix of a compressed file, by method."""

PART = ".part"
"""The suffix that is added while the compressed file is being written."""

_STAMP = r"\.\d{8}T\d{12}Z"


def rotate(path: str) -> str:
    """Rename the file at `path`, whose lock the caller holds. Returns its new path. Raises `OSError`."""
    path = _target(path)
    stem, extension = os.path.splitext(path)
    while True:
        seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(seconds)) + f"{nanoseconds // 1000:06d}Z"
        rotated = f"{stem}.{stamp}{extension}"
        # The lock makes rotations of one path sequential, so a name that is free now stays free until the rename.
        if not any(os.path.lexists(rotated + suffix) for suffix in ("", *SUFFIXES.values())):
            os.rename(path, rotated)
            return rotated


def _target(path: str) -> str:
    """The file itself if `path` is a link to it: the link is kept."""
    return os.path.realpath(path) if os.path.islink(path) else path


def rotated(path: str, compressed: bool = True) -> list[str]:
    """The paths of the rotated files of `path`, the oldest first, without the suffixes of compression.

    They include compressed files unless `compressed` is false.
    """
    directory, name = os.path.split(_target(path))
    stem, extension = os.path.splitext(name)
    suffix = "(?:" + "|".join(map(re.escape, SUFFIXES.values())) + ")?" if compressed else ""
    form = re.compile(f"({re.escape(stem)}{_STAMP}{re.escape(extension)}){suffix}")
    try:
        matches = map(form.fullmatch, os.listdir(directory))
    except OSError:  # the directory was removed
        return []
    return [os.path.join(directory, name) for name in sorted({match[1] for match in matches if match})]


def remove_oldest(path: str, keep: int) -> None:
    """Remove the rotated files of `path`, except the latest `keep`."""
    for old in rotated(path)[:-keep]:
        for suffix in ("", *SUFFIXES.values(), *(suffix + PART for suffix in SUFFIXES.values())):
            with contextlib.suppress(OSError):  # most do not exist, and other processes may be removing them as well
                os.unlink(old + suffix)
