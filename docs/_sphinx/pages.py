"""The pages of the site whose text is elsewhere in the tree, and the links between all pages.

Nothing of this is committed. Before Sphinx looks for pages, this makes one for each library (its README and changelog),
one for each public module, and those of the root's changelog and the like. The page that introduces libraries, or modules, gets
theirs as its children. In the files every link is as a code host needs it; it becomes that of the site when Sphinx reads it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import api

DOCS = Path(__file__).resolve().parents[1]
ROOT = DOCS.parent
CHILDREN = {"libraries": "libraries/*", "reference": "api/*"}
"""Pages that have others below them in the navigation, and which."""
ORIGINS = {
    **{f"libraries/{readme.parent.name.removeprefix('autotrace-')}": readme for readme in ROOT.glob("plugins/*/README.md")},
    **{f"project/{name.lower()}": ROOT / f"{name}.md" for name in ("CHANGELOG", "CONTRIBUTING", "SECURITY")},
}
"""The file that a page is, for those that are not in this directory."""

_PLACES = {
    **{origin: f"{page}.md" for page, origin in ORIGINS.items()},
    **{origin.parent: f"{page}.md" for page, origin in ORIGINS.items() if page.startswith("libraries/")},
    **{ROOT / source: f"{page}.rst" for page, source in api.SOURCES.items()},
    ROOT / "README.md": "index.md",
}
"""What a link in a file may name, and the page of the site that it is."""
_LINK = re.compile(r"(\[[^]\[]*)\]\((?!\w+:)([^)#\s]+)((?:#[^)\s]*)?)\)")
_PRINTED = re.compile(r"^```text printed$", re.MULTILINE)
_OUTPUT = "```{code-block} text\n:caption: Output\n:class: printed\n"
_TREE = "\n\n```{{toctree}}\n:hidden:\n:glob:\n\n{}\n```\n"


def with_links(text: str, page: str, origin: Path) -> str:
    """`text` of the file `origin` with each link to a file as the page `page` of the site needs it."""

    def relinked(link: re.Match[str]) -> str:
        text = "[" if link[1].endswith(".md") else link[1]  # a link without a text gets the title of what it leads to
        target = (origin.parent / link[2]).resolve()
        place = DOCS / _PLACES[target] if target in _PLACES else target
        relative = os.path.relpath(place, (DOCS / page).parent).replace(os.sep, "/")
        return f"{text}]({relative}{link[3]})"

    return _LINK.sub(relinked, text)


def _library(readme: Path) -> str:
    changelog = (readme.parent / "CHANGELOG.md").read_text(encoding="utf-8")
    return readme.read_text(encoding="utf-8") + "\n" + re.sub("^#", "##", changelog, flags=re.MULTILINE)


def _write(page: str, text: str) -> None:
    path = DOCS / page
    path.parent.mkdir(exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def _make(app: Any, config: Any) -> None:
    made = {f"{page}.rst": text for page, text in api.pages().items()}
    for page, origin in ORIGINS.items():
        made[f"{page}.md"] = _library(origin) if page.startswith("libraries/") else origin.read_text(encoding="utf-8")
    for page, text in made.items():
        _write(page, text)
    for folder in {Path(page).parent for page in made}:
        for left in (DOCS / folder).iterdir():
            if f"{folder.name}/{left.name}" not in made:
                left.unlink()


def _read(app: Any, page: str, source: list[str]) -> None:
    if not page.startswith("api/"):
        source[0] = with_links(source[0], page, ORIGINS.get(page, DOCS / f"{page}.md"))
    source[0] = _PRINTED.sub(_OUTPUT, source[0])
    if page in CHILDREN:
        source[0] += _TREE.format(CHILDREN[page])


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("config-inited", _make)
    app.connect("source-read", _read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
