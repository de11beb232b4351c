"""The embedded provider speaks what installed distributions bring, in an order that does not depend on where they lie."""

from __future__ import annotations

import importlib
import json
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autotrace.testing.provider import installed, serve

FORMAT = """
from autotrace.testing.provider import WireFormat
from autotrace.testing.provider.wire import json_answer

FORMAT = WireFormat(
    {name!r},
    lambda call: json_answer({{"said by": {name!r}}}),
    failure=lambda call, failure: json_answer({{"error": failure.kind}}, failure.status),
    error_event=lambda call: b"",
    malformed=b"",
    owns=lambda call: call.path.startswith({path!r}),
    environment=lambda url: {{"{name}_URL": url}},
    general={general!r},
)
"""


class Site:
    """A folder on the path, in which distributions bring wire formats."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def bring(self, name: str, path: str, *, general: bool = False, value: str = "", distribution: str = "") -> None:
        (self.path / f"format_{name}.py").write_text(FORMAT.format(name=name, path=path, general=general))
        folder = self.path / f"{distribution or name}_plugin-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution or name}-plugin\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text(f"[autotrace.providers]\n{name} = {value or f'format_{name}:FORMAT'}\n")
        importlib.invalidate_caches()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Site(tmp_path)
    for name in [name for name in sys.modules if name.startswith("format_")]:
        del sys.modules[name]


def names() -> list[str]:
    return [wire.name for wire in installed()]


def asked(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=600) as answer:
        return json.load(answer)


def test_a_distribution_brings_a_format(site: Site) -> None:
    site.bring("acme", "/acme/")
    with serve() as provider:
        assert asked(f"{provider.url}/acme/chat") == {"said by": "acme"}
        assert provider.environment()["acme_URL"] == provider.url
        assert provider.environment()["OPENAI_BASE_URL"] == provider.openai_url


def test_those_that_own_more_than_their_own_paths_are_asked_last_and_the_others_by_name(site: Site) -> None:
    before = names()
    site.bring("zeta", "/v1/zeta")
    site.bring("acme", "/")
    site.bring("broad", "/v1/", general=True)
    assert names() == ["acme", *sorted([*before[:-1], "zeta"]), "broad", "openai"]
    with serve(formats=[wire for wire in installed() if wire.name != "acme"]) as provider:
        assert asked(f"{provider.url}/v1/zeta") == {"said by": "zeta"}
        assert asked(f"{provider.url}/v1/models") == {"said by": "broad"}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("format_gone:FORMAT", "format_gone:FORMAT cannot be loaded: ModuleNotFoundError: No module named 'format_gone'"),
        ("format_acme:GONE", "format_acme:GONE cannot be loaded: AttributeError"),
        ("format_exits:FORMAT", "format_exits:FORMAT cannot be loaded: SystemExit: 3"),
        ("format_acme:json_answer", "format_acme:json_answer is <function"),
    ],
)
def test_one_that_is_broken_is_said_and_left_out(
    value: str, reason: str, site: Site, diagnosed: Callable[[], list[dict[str, Any]]]
) -> None:
    before = names()
    (site.path / "format_exits.py").write_text("raise SystemExit(3)\n")
    site.bring("acme", "/acme/", value=value)
    assert names() == before
    assert names() == before
    (line,) = diagnosed()
    assert line["event"] == "autotrace.provider"
    assert line["message"].startswith(f"acme-plugin: its wire format acme is ignored: {reason}")
    assert line["message"].endswith("Repair or uninstall acme-plugin.")


def test_one_that_is_broken_does_not_take_the_name_from_one_that_is_not(
    site: Site, diagnosed: Callable[[], list[dict[str, Any]]]
) -> None:
    site.bring("acme", "/acme/", distribution="a", value="format_gone:FORMAT")
    site.bring("acme", "/acme/", distribution="b")
    assert "acme" in names()
    assert len(diagnosed()) == 1


def test_of_two_with_one_name_the_first_by_distribution_counts(
    site: Site, diagnosed: Callable[[], list[dict[str, Any]]]
) -> None:
    before = names()
    site.bring("openai", "/", distribution="another")
    site.bring("acme", "/acme/", distribution="second")
    site.bring("beta", "/beta/")
    (site.path / "first_plugin-1.0.dist-info").mkdir()
    (site.path / "first_plugin-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: first-plugin\nVersion: 1.0\n")
    (site.path / "first_plugin-1.0.dist-info/entry_points.txt").write_text("[autotrace.providers]\nacme = format_beta:FORMAT\n")
    assert names() == ["beta", *sorted([*before[:-1], "beta"]), "openai"]
    said = [line["message"] for line in diagnosed()]
    assert [message.partition(". ")[0] for message in said] == [
        "another-plugin: its wire format openai is ignored: llm-autotrace already has a wire format with that name",
        "second-plugin: its wire format acme is ignored: first-plugin already has a wire format with that name",
    ]
