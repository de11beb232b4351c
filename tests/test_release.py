"""What a release is refused for, before anything is built: `scripts/check_release.py`."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "scripts/check_release.py"
if not SCRIPT.exists():
    pytest.skip("a source distribution is not released from", allow_module_level=True)

_spec = importlib.util.spec_from_file_location("check_release", SCRIPT)
assert _spec is not None
assert _spec.loader is not None
release: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(release)


def distributions() -> list[Any]:
    """Those of this tree, to be changed by a test."""
    trees = [ROOT, *(path.parent for path in ROOT.glob("plugins/autotrace-*/pyproject.toml"))]
    return [release.Distribution(tree, release.read(tree)["project"]) for tree in trees]


def test_the_versions_of_this_tree_allow_each_other() -> None:
    release.consistent(distributions())


@pytest.mark.parametrize(
    ("place", "key", "value", "why"),
    [
        (0, "version", "9.0.0", "autotrace.__version__ is not 9.0.0"),
        (1, "version", "9.0.0", "no extra of llm-autotrace allows"),
        (1, "dependencies", ["llm-autotrace>=9"], "does not allow llm-autotrace"),
        (1, "dependencies", [], "does not allow llm-autotrace"),
        (1, "name", "autotrace-unknown", "no extra of llm-autotrace allows autotrace-unknown"),
    ],
)
def test_versions_that_do_not_allow_each_other_are_refused(place: int, key: str, value: object, why: str) -> None:
    found = distributions()
    found[place].project[key] = value
    with pytest.raises(release.Refused, match=why):
        release.consistent(found)


@pytest.mark.parametrize(
    ("heading", "address", "uncommitted", "refused"),
    [
        ("## 0.1.0 (2027-01-15)", "https://docs.invalid", "", []),
        ("## 0.1.0 (unreleased)", "https://docs.invalid", "", ["CHANGELOG.md has no entry"]),
        ("## 0.1.1 (2027-01-15)", "https://docs.invalid", "", ["CHANGELOG.md has no entry"]),
        ("## 0x1.0 (2027-01-15)", "https://docs.invalid", "", ["CHANGELOG.md has no entry"]),
        ("## 0.1.0 (2027-01-15)", "https://docs.example", "", ["https://docs.example is a placeholder"]),
        ("## 0.1.0 (2027-01-15)", "https://docs.invalid", "more", ["the tree has uncommitted changes"]),
    ],
)
def test_a_tree_that_is_not_ready_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heading: str, address: str, uncommitted: str, refused: list[str]
) -> None:
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n{heading}\n\n- Something.\n")
    (tmp_path / "pyproject.toml").write_text(f'[tool.release]\naddress = "{address}"\n')
    author = ("-c", "user.name=test", "-c", "user.email=test@docs.invalid", "-c", "commit.gpgsign=false")
    for command in (("init", "--quiet"), ("add", "."), (*author, "commit", "--quiet", "--message=All")):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    if uncommitted:
        (tmp_path / uncommitted).touch()
    monkeypatch.setattr(release, "ROOT", tmp_path)
    found = release.unready([release.Distribution(tmp_path, {"name": "llm-autotrace", "version": "0.1.0"})])
    assert len(found) == len(refused)
    assert [what for what, why in zip(found, refused, strict=True) if not what.startswith(why)] == []


def test_a_file_that_a_distribution_lacks_is_named() -> None:
    with pytest.raises(release.Refused, match=r"^a\.whl lacks b, c;"):
        release.require(Path("a.whl"), {"a", "b", "c"}, {"a", "d"})
