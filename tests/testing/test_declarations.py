"""`check` says of each planted fault in a declaration what is wrong, and of a good plugin nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from autotrace.plugin import Instrumentor, Operation, StreamSeam
from autotrace.testing import Report, check
from autotrace.testing._probing import faults_of_reduce

LIBRARY = """
import functools
__version__ = "2.1"
size = len
class Client:
    limit = property(lambda self: 1)
    later = functools.partial(max, 1)
    def chat(self, model, messages): ...
"""
MESSAGES = {"input_messages": "messages"}
GOOD: dict[str, Any] = {
    "request": {"model": "model", **MESSAGES},
    "response": {"id": "id", "model": "model", "finish_reasons": "stop", "output_messages": "text"},
    "usage": {"input_tokens": "usage.in", "output_tokens": "usage.out"},
}
CHAT = Operation("chat", **GOOD)


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The library `acmelib` 2.1 is installed, and a plugin whose entry point gives `instrumentor` of the module `plugged`."""
    (tmp_path / "acmelib.py").write_text(LIBRARY)
    (tmp_path / "autotrace_acmelib.py").write_text("from autotrace.plugin import Instrumentor, Operation\n")
    for name, version in (("acmelib", "2.1"), ("autotrace_acmelib", "0.1")):
        info = tmp_path / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text("[autotrace.instrumentors]\nacmelib = autotrace_acmelib:instrumentor\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    import autotrace_acmelib  # type: ignore[import-not-found]

    yield autotrace_acmelib
    for name in ("acmelib", "autotrace_acmelib"):
        sys.modules.pop(name, None)


def checked(acme: Any, **declared: Any) -> Report:
    declared = {"requires": "acmelib>=2,<3", "targets": {"acmelib:Client.chat": CHAT}, **declared}
    acme.instrumentor = Instrumentor(provider="acme", **declared)
    return check(acme.instrumentor)


def test_nothing_is_said_of_a_good_plugin(acme: Any) -> None:
    report = checked(acme)
    assert report.findings == []
    assert report
    assert repr(report) == "autotrace-acmelib 0.1: 0 problems, 0 notes"


def other(name: str, **changed: Any) -> dict[str, Any]:
    return {"targets": {"acmelib:Client.chat": Operation(name, **{**GOOD, **changed})}}


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "no requirement": ({"requires": ()}, "requires: is empty"),
    "another library's name": ({"requires": "acme-of-old>=1"}, "none of acme-of-old>=1 is installed"),
    "another version": ({"requires": "acmelib>=3"}, "acmelib>=3 does not allow the installed version"),
    "a target that is gone": ({"targets": {"acmelib:Client.ask": CHAT}}, "Client.ask: Client has no ask"),
    "a property": ({"targets": {"acmelib:Client.limit": CHAT}}, "is a property; a target must be a function"),
    "an object": ({"targets": {"acmelib:Client.later": CHAT}}, "is a partial; a target must be a function"),
    "everybody's function": (
        {"targets": {"acmelib:size": CHAT}},
        "is defined in builtins; other uses of it would be traced",
    ),
    "an argument of another name": (
        other("chat", request={"model": "modle", **MESSAGES}),
        "gen_ai.request.model reads the argument 'modle', which the function does not have; did you mean 'model'",
    ),
    "no model": (other("chat", request=MESSAGES), "no field is declared for gen_ai.request.model"),
    "no usage": (other("chat", usage={}), "no field is declared for gen_ai.usage.output_tokens"),
    "no answer": (other("chat", response={"id": "id"}), "no field is declared for gen_ai.output.messages"),
    "a stream that adds up to nothing": (other("chat", stream=StreamSeam("_events")), "has stream= but no reduce="),
    "a reduce that wants all": (
        other("chat", reduce=lambda chunks: {"text": "".join(chunk["delta"] for chunk in chunks)}),
        "reduce raises KeyError: 'delta' on [{}]",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_a_declaration_is_found(fault: str, acme: Any) -> None:
    declared, said = FAULTS[fault]
    report = checked(acme, **declared)
    assert said in repr(report)
    assert not report


def test_a_plugin_that_imports_its_library_is_found(acme: Any) -> None:
    path = Path(acme.__file__)
    path.write_text("import acmelib\n" + path.read_text())
    assert "must not import it" in repr(checked(acme))


def test_a_plugin_that_is_not_installed_is_found() -> None:
    report = check(Instrumentor(requires="pytest>=1", targets={"pytest:main": lambda call: None}))
    assert [finding.where for finding in report.problems] == ["entry point"]


def test_a_target_of_another_version_is_declared_for_it(acme: Any) -> None:
    old = {"acmelib.old:Client.chat": CHAT}
    assert "No module named 'acmelib.old'" in repr(checked(acme, targets=old))
    assert checked(acme, requires="acmelib>=1,<3", shapes={"acmelib<2": old})
    assert not checked(acme, requires="acmelib>=1,<3", shapes={"acmelib>=2": old})


def test_what_a_library_may_not_have_is_a_note(acme: Any) -> None:
    report = checked(acme, **other("chat", response={"output_messages": "text"}))
    assert report
    assert "no field is declared for gen_ai.response.id" in repr(report)
    assert not checked(acme, **other("chat", usage={}))
    assert check(acme.instrumentor, lacks=["gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"])


def add(chunks: list[Any]) -> dict[str, Any]:
    chunks[0]["seen"] = True
    return {}


def count(chunks: list[Any], calls: list[int] = []) -> dict[str, Any]:  # noqa: B006 - the fault
    calls.append(1)
    return {"n": len(calls)}


def total(chunks: list[Any]) -> dict[str, Any]:
    return {"n": sum(chunk.get("count", 0) for chunk in chunks)}


def test_a_reduce_that_fails_on_another_type_is_noted() -> None:
    (found,) = faults_of_reduce(lambda chunks: {"text": "".join(chunk.get("text") or "" for chunk in chunks)})
    assert found.what.startswith("reduce raises TypeError: sequence item 0: expected str instance")
    assert not found.likely


@pytest.mark.parametrize(
    ("reduce", "said"),
    [
        (add, "reduce changes the chunks"),
        (count, "reduce returns {'n': 1} and then {'n': 2}"),
        (total, "reduce raises TypeError: unsupported operand type(s) for +: 'int' and 'NoneType' on [{'count': None}]"),
    ],
)
def test_a_reduce_that_is_not_pure_is_found(reduce: Any, said: str) -> None:
    (found,) = faults_of_reduce(reduce)
    assert found.what.startswith(said)
    assert found.likely
