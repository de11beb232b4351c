"""How a keyword of a declaration goes: with a warning at the plugin's own line, which no program sees."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import Any

import pytest

import autotrace
from autotrace import _diagnostics as diagnostics
from autotrace._declaration import checking
from autotrace._declaration.checking import Renamed
from autotrace.errors import DeclarationError
from autotrace.families import stainless
from autotrace.plugin import Instrumentor, Operation, constant


@pytest.fixture(autouse=True)
def _a_renamed_keyword(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(checking.renamed, ("Operation", "prompt"), Renamed("request", "0.3", "0.5"))


def declare(**given: Any) -> Operation:
    return Operation("chat", **given)


def test_a_renamed_keyword_does_what_the_new_one_does_and_warns_at_the_line_that_has_it() -> None:
    with pytest.warns(
        DeprecationWarning, match="since autotrace 0.3 and will be removed in 0.5; use Operation.request="
    ) as caught:
        operation = declare(prompt={"model": constant("m")})
    assert operation.request[0].getter({}) == "m"
    assert (caught[0].filename, caught[0].lineno) == (__file__, declare.__code__.co_firstlineno + 1)


def test_the_line_is_the_plugins_where_code_of_ours_stands_between() -> None:
    def route(call: Any) -> Operation:
        return Operation("chat", prompt={"model": "model"})  # type: ignore[call-arg]

    targets = stainless.targets("acme", route)
    call = targets["acme._base_client:SyncAPIClient.request"]
    with pytest.warns(DeprecationWarning, match="prompt") as caught:
        call(Invocation())  # type: ignore[operator]
    assert (caught[0].filename, caught[0].lineno) == (__file__, route.__code__.co_firstlineno + 1)


class Invocation:
    """As much of one as the family asks for."""

    instance = None

    def argument(self, name: str) -> Any:
        return type("Options", (), {"method": "post", "url": "/x", "json_data": {}, "extra_json": None})()


def test_old_and_new_together_are_an_error() -> None:
    with pytest.warns(DeprecationWarning, match="prompt"), pytest.raises(DeclarationError, match="request= is given twice"):
        declare(prompt={"model": "model"}, request={"model": "model"})


def test_the_keyword_is_of_one_declaration_alone() -> None:
    with pytest.raises(DeclarationError, match="prompt= is not a known keyword"):
        Instrumentor(prompt={})  # type: ignore[call-arg]


@pytest.mark.parametrize("strict", [False, True])
def test_a_program_that_uses_the_plugin_sees_no_warning(
    library: Any, monkeypatch: pytest.MonkeyPatch, diagnosed: Callable[[], list[dict[str, Any]]], strict: bool
) -> None:
    monkeypatch.setattr(diagnostics, "strict", strict)
    source = (library.site / f"{library.plugin}.py").read_text()
    library.write(f"{library.plugin}.py", source.replace("request={", "prompt={"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        autotrace.enable(library.name)
        assert library.client
    assert library.status["state"] == "patched"
    assert [warning.category for warning in caught] == [DeprecationWarning] * strict
    assert diagnosed() == []
    assert library.plugin in sys.modules


def test_a_renamed_name_is_the_new_one_and_warns_at_the_line_that_imports_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(checking.renamed, ("autotrace.plugin", "Op"), Renamed("Operation", "0.3", "0.5"))
    with pytest.warns(DeprecationWarning, match="autotrace.plugin.Op is deprecated.*use autotrace.plugin.Operation") as caught:
        from autotrace.plugin import Op  # type: ignore[attr-defined]
    assert Op is Operation
    assert caught[0].filename == __file__
    with pytest.raises(ImportError, match="Opp"):
        from autotrace.plugin import Opp  # type: ignore[attr-defined]  # noqa: F401
