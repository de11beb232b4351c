"""What a page of the documentation consists of, for who runs it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs/plugins.md"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

_BLOCK = re.compile(r"^```(\w+)([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# file: (\S+)\n")


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    """``python``, ``toml``, ``sh``, ``text``, …"""
    mark: str
    """What stands behind the language, which readers do not see: ``printed`` for what the block before it prints."""
    text: str
    line: int
    """Where it begins in the page."""

    @property
    def file(self) -> str | None:
        """The path of the file that the block is, if its first line says so."""
        named = _FILE.match(self.text)
        return named[1] if named else None


def blocks(page: Path, *languages: str) -> list[Block]:
    """The blocks of a page in their order; those of `languages` only, if there are any."""
    text = page.read_text(encoding="utf-8")
    found = [Block(one[1], one[2].strip(), one[3], text.count("\n", 0, one.start()) + 1) for one in _BLOCK.finditer(text)]
    return [block for block in found if not languages or block.language in languages]
