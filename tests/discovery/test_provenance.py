"""A package whose name is not its distribution's is traced only if that distribution's metadata tell of it."""

from __future__ import annotations

from typing import Any

import pytest

import autotrace
from autotrace.testing import Capture


@pytest.fixture
def generic(library: Any) -> Any:
    """A library with a name of its own, from a distribution `<name>-sdk` that is still to be installed."""
    source = (library.site / f"{library.plugin}.py").read_text()
    library.write(f"{library.plugin}.py", source.replace(f'requires="{library.name}>=1"', f'requires="{library.name}-sdk>=1"'))
    return library


def install(library: Any, **files: str) -> None:
    folder = f"{library.name}_sdk-1.2.dist-info"
    library.write(f"{folder}/METADATA", f"Metadata-Version: 2.1\nName: {library.name}-sdk\nVersion: 1.2\n")
    for name, text in files.items():
        library.write(f"{folder}/{name}", text)


def traced(library: Any, captured: Capture) -> bool:
    autotrace.enable(library.name)
    library.client.ask("m")
    return bool(captured.spans)


EDITABLE = '{{"url": "file://{site}", "dir_info": {{"editable": true}}}}'


@pytest.mark.parametrize("how", ["listed", "not listed", "editable", "without a list", "absent"])
def test_only_what_the_distribution_brings_is_traced(generic: Any, captured: Capture, how: str) -> None:
    other = "somewhere/else.py,,\n"
    if how == "listed":
        install(generic, RECORD=f"{generic.name}/__init__.py,,\n")
    elif how == "not listed":
        install(generic, RECORD=other)
    elif how == "editable":
        install(generic, RECORD=other, **{"direct_url.json": EDITABLE.format(site=generic.site)})
    elif how == "without a list":
        install(generic)
    assert traced(generic, captured) is (how in ("listed", "editable", "without a list"))
    if how in ("not listed", "absent"):
        assert (generic.status["state"], generic.status["targets"]) == ("skipped", {})
        assert f"does not come from {generic.name}-sdk" in generic.status["reason"]


def test_it_is_left_alone_when_enabled_late_as_well(generic: Any, captured: Capture) -> None:
    original = generic.function("ask")
    assert not traced(generic, captured)
    assert generic.function("ask") is original
