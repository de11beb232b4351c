"""Several shapes of one library side by side: which targets count depends on the version that is installed."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import pytest

import autotrace
from autotrace.errors import DeclarationError
from autotrace.plugin import Instrumentor, Operation
from autotrace.testing import Capture

PLUGIN = """
from autotrace.plugin import Instrumentor, Operation

ONE, TWO = (Operation(name, request={{"model": "model"}}) for name in ("one", "two"))
instrumentor = Instrumentor(
    requires="{name}>=1,<3",
    targets={{"{name}.client:ask": Operation("chat", request={{"model": "model"}})}},
    shapes={{
        "{name}>=1,<2": {{"{name}.client:Client.chat": ONE, "{name}.client:Client.gone": ONE, "{name}.old:Client.chat": ONE}},
        "{name}>=2,<3": {{"{name}.client:Client.chat": TWO, "{name}.client:Client.alone": TWO}},
    }},
)
"""


@pytest.fixture
def shaped(library: Any) -> Any:
    library.write(f"{library.plugin}.py", PLUGIN.format(name=library.name))
    library.write(f"{library.name}/__init__.py", "")
    return library


def states(library: Any) -> dict[str, str]:
    return {key.partition(".")[2]: target["state"] for key, target in library.status["targets"].items()}


def install_version(library: Any, version: str) -> None:
    folder = f"{library.name}-{version}.dist-info"
    library.write(f"{folder}/METADATA", f"Metadata-Version: 2.1\nName: {library.name}\nVersion: {version}\n")


BOTH = {"client:ask": "patched", "client:Client.chat": "patched"}


@pytest.mark.parametrize(
    ("version", "operation", "rest"),
    [
        ("1.4", "one", {"client:Client.gone": "missing", "old:Client.chat": "waiting", "client:Client.alone": "skipped"}),
        ("2.0rc1", "two", {"client:Client.gone": "skipped", "old:Client.chat": "skipped", "client:Client.alone": "patched"}),
    ],
)
def test_the_installed_version_chooses(
    shaped: Any, captured: Capture, diagnosed: Callable[[], list[dict[str, Any]]], version: str, operation: str, rest: Any
) -> None:
    install_version(shaped, version)
    autotrace.enable(shaped.name)
    shaped.client.Client().chat("m")
    assert captured.spans[0]["name"] == f"{operation} m"
    assert captured.spans[0]["scope"]["library_version"] == version
    assert states(shaped) == BOTH | rest
    assert shaped.status["library"]["version"] == version
    lines = [line["message"] for line in diagnosed() if line["event"] == "autotrace.target"]
    assert ["Client.gone" in line for line in lines] == [True] * (version == "1.4")


def test_status_says_which_version_a_skipped_target_is_for(shaped: Any) -> None:
    install_version(shaped, "1.4")
    autotrace.enable(shaped.name)
    assert shaped.client
    target = shaped.status["targets"][f"{shaped.name}.client:Client.alone"]
    assert f"{shaped.name}>=2,<3" in target["reason"]


@pytest.mark.parametrize("version", [None, "7.0"])
def test_a_version_that_is_not_known_has_all_shapes_tried_and_says_nothing_of_the_wrong_one(
    shaped: Any, captured: Capture, diagnosed: Callable[[], list[dict[str, Any]]], version: str | None
) -> None:
    if version is not None:
        install_version(shaped, version)
    autotrace.enable(shaped.name)
    shaped.client.Client().chat("m")
    assert captured.spans[0]["name"] == "two m"
    assert states(shaped) == BOTH | {
        "client:Client.gone": "missing",
        "old:Client.chat": "waiting",
        "client:Client.alone": "patched",
    }
    events = [line["event"] for line in diagnosed()]
    assert events == ([] if version is None else ["autotrace.version"])


def test_if_no_tried_shape_is_there_it_is_said(shaped: Any, diagnosed: Callable[[], list[dict[str, Any]]]) -> None:
    shaped.write(f"{shaped.name}/client.py", "def ask(model): ...\n")
    autotrace.enable(shaped.name)
    shaped.write(f"{shaped.name}/old.py", "")
    for module in ("client", "old"):
        importlib.import_module(f"{shaped.name}.{module}")
    assert {line["event"] for line in diagnosed()} == {"autotrace.target"}


CHAT = Operation("chat")


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({"acme => 2": {"acme:ask": CHAT}}, "expected a distribution and a version range"),
        ({"acne>=2": {"acme:ask": CHAT}}, "'acne' is not in requires; did you mean 'acme'"),
        ({"acme>=2": {}}, "at least one target"),
        ({"acme>=2": {"acme.ask": CHAT}}, "package.module:Class.method"),
        ({"acme>=2": {"acme:everywhere": CHAT}}, "also in targets, for all versions"),
    ],
)
def test_a_wrong_shape_is_one_clear_error(shapes: Any, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        Instrumentor(requires="acme>=1", targets={"acme:everywhere": CHAT}, shapes=shapes)


def test_an_instrumentor_of_shapes_alone_is_one(library: Any) -> None:
    instrumentor = Instrumentor(requires="acme>=1", shapes={"acme>=2": {"acme:ask": CHAT}})
    assert [choice.use for choice in instrumentor.choose(lambda name: "1.0")] == ["skipped"]
