"""The READMEs of the plugins: the same sections in the same order, and no version that is not pinned for the tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
READMES = sorted(ROOT.glob("plugins/autotrace-*/README.md"))
SECTIONS = ["What is recorded", "Options", "Not covered", "Versions", "Conformance"]
OPTIONAL = {"Options"}
PINNED = "\n".join(path.read_text() for path in [*ROOT.glob("constraints/*.txt"), ROOT / "pyproject.toml"])

each = pytest.mark.parametrize("text", [pytest.param(path.read_text(), id=path.parts[-2]) for path in READMES])


@each
def test_a_readme_has_the_sections_of_the_others_in_their_order(text: str) -> None:
    found = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert found == [section for section in SECTIONS if section in found or section not in OPTIONAL]


@each
def test_the_versions_that_a_readme_says_were_tested_are_those_that_are(text: str) -> None:
    versions = re.findall(r"\d+\.\d+\.\d+", text.partition("## Versions")[2].partition("## ")[0])
    assert versions
    assert [version for version in versions if f"=={version}" not in PINNED] == []
