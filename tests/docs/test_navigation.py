"""The navigation of the site, which the landing page holds: every page is in it, and the README tells the same."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from .pages import ROOT

DOCS = ROOT / "docs"
PARTS = ["Start here", "In production", "For plugin authors", "Reference"]

_TREE = re.compile(r"^```\{toctree\}\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def navigation() -> dict[str, list[Path]]:
    """The files of each part, by its caption. A page under `project/` is a file of the root."""
    parts = {}
    for tree in _TREE.findall((DOCS / "index.md").read_text(encoding="utf-8")):
        (caption,) = re.findall(r"^:caption: (.+)$", tree, re.MULTILINE)
        parts[caption] = [_file(line) for line in tree.splitlines() if line and not line.startswith(":")]
    return parts


def _file(page: str) -> Path:
    folder, _, name = page.rpartition("/")
    assert folder in ("", "project"), page
    return ROOT / f"{name.upper()}.md" if folder else DOCS / f"{name}.md"


def links(text: str, of: Path) -> list[Path]:
    """The files that a page links to, in their order."""
    return [Path(os.path.normpath(of.parent / link)) for link in re.findall(r"\]\((?!\w+:)([^)#]+)", text)]


def test_the_parts_are_in_the_order_in_which_a_reader_needs_them() -> None:
    assert list(navigation()) == PARTS


def test_every_page_is_in_the_navigation_once() -> None:
    found = [page for pages in navigation().values() for page in pages]
    assert sorted(page for page in found if page.parent == DOCS) == sorted(set(DOCS.glob("*.md")) - {DOCS / "index.md"})
    assert [page for page in found if not page.exists()] == []
    assert len(found) == len(set(found))


def test_the_readme_tells_of_the_same_pages_in_the_same_order() -> None:
    readme = ROOT / "README.md"
    table = readme.read_text(encoding="utf-8").partition("\n## Documentation\n")[2]
    rows = dict(re.findall(r"^\| \*\*(.+?)\*\* \| (.+) \|$", table, re.MULTILINE))
    assert {part: links(row, readme) for part, row in rows.items()} == navigation()
    assert list(rows) == PARTS


@pytest.mark.skipif(not (ROOT / "plugins").exists(), reason="a source distribution of the core has no plugins")
@pytest.mark.parametrize("page", ["README.md", "docs/libraries.md"])
def test_every_plugin_is_in_the_tables_of_libraries(page: str) -> None:
    found = {link if link.is_dir() else link.parent for link in links((ROOT / page).read_text(encoding="utf-8"), ROOT / page)}
    assert {readme.parent for readme in ROOT.glob("plugins/autotrace-*/README.md")} - found == set()
