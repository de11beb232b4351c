"""A file that the program hands over is described, and is afterwards as it was."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autotrace._record import files
from autotrace._record.freezing import freeze, thaw

TEXT = b"0123456789"


def spooled(size: int) -> Any:
    file = tempfile.SpooledTemporaryFile(max_size=size)  # noqa: SIM115  # collected with the test
    file.write(TEXT)
    return file


def opened(path: Path, mode: str) -> Any:
    path.write_bytes(TEXT)
    return path.open(mode, **({"buffering": 0} if mode == "rb+" else {}))


FILES: dict[str, Callable[[Path], Any]] = {
    "memory": lambda path: io.BytesIO(TEXT),
    "spooled": lambda path: spooled(1000),
    "rolled-over": lambda path: spooled(1),
    "buffered": lambda path: opened(path, "rb"),
    "raw": lambda path: opened(path, "rb+"),
}


@pytest.mark.skipif(not hasattr(os, "pread"), reason="files of the system cannot be read without their position")
@pytest.mark.parametrize("position", [0, 4, 10])
@pytest.mark.parametrize("kind", FILES)
def test_the_content_is_what_is_left_to_read_and_the_position_stays(tmp_path: Path, kind: str, position: int) -> None:
    with FILES[kind](tmp_path / "a.bin") as file:
        file.seek(position)
        assert files.content(file) == TEXT[position:]
        found = thaw(freeze({"file": file}))["file"]
        assert file.tell() == position
        assert file.read() == TEXT[position:]
    left = TEXT[position:] or (TEXT if kind in ("memory", "spooled") else b"")
    assert (found["size"], found["sha256"]) == (len(left), hashlib.sha256(left).hexdigest())
    assert found.get("name") == ("a.bin" if kind in ("buffered", "raw") else None)


def test_a_text_in_memory_is_its_text(tmp_path: Path) -> None:
    file = io.StringIO("Grüezi")
    file.seek(2)
    assert thaw(freeze(file)) == "üezi"
    assert file.read() == "üezi"
    with opened(tmp_path / "a.txt", "r") as lines:
        assert thaw(freeze(lines)) == {"type": "file", "name": "a.txt", "size": 10}
        assert lines.read() == TEXT.decode()


def test_an_upload_in_a_tuple() -> None:
    assert thaw(freeze(("a.mp3", io.BytesIO(b"x"), "audio/mpeg")))[1]["size"] == 1


def test_a_pipe_is_not_read() -> None:
    reading, writing = os.pipe()
    os.write(writing, TEXT)
    os.close(writing)
    with open(reading, "rb") as file:
        assert files.content(file) is None
        assert thaw(freeze(file)) == {"type": "file"}
        assert file.read() == TEXT


def test_a_file_in_python_is_not_touched() -> None:
    class Remote(io.RawIOBase):
        def readinto(self, _buffer: Any) -> int:
            pytest.fail("read")

        readable = tell = seek = fileno = readinto  # type: ignore[assignment]

    for file in (Remote(), io.BufferedReader.__new__(io.BufferedReader)):
        assert files.content(file) is None
    assert thaw(freeze(Remote())).endswith(".Remote>")


def test_a_closed_file_and_a_generator() -> None:
    file = io.BytesIO(TEXT)
    file.close()
    assert files.content(file) is None
    assert thaw(freeze(file)) == {"type": "file"}
    assert files.content(iter([b"x"])) is None


def test_a_file_that_is_too_large_has_only_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LARGEST", 9)
    assert files.content(io.BytesIO(TEXT)) is None
    assert thaw(freeze(io.BytesIO(TEXT))) == {"type": "file", "size": 10}
