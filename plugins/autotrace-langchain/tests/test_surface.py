"""`autotrace coverage langchain`: the callbacks that the installed version declares, and what has no callbacks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from langchain_core.callbacks import BaseCallbackHandler

from autotrace import surface
from autotrace._cli import coverage
from autotrace_langchain import instrumentor

PROGRAM = """
import sys
from autotrace._cli import coverage
code = coverage.main(["langchain", "--json", "--all"])
sys.exit(code or ("langchain_core" in sys.modules))
"""
GAPS = {
    *("on_agent_action", "on_agent_finish", "on_custom_event", "on_text"),
    *("aembed_documents", "aembed_query", "embed_documents", "embed_query", "score"),
}


def test_each_callback_is_listed_and_nothing_is_imported() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = {way["function"].rpartition(".")[2]: way for way in json.loads(done.stdout)["ways"]}
    declared = {name for name in dir(BaseCallbackHandler) if name.startswith("on_")}
    assert {name for name in found if name.startswith("on_")} == declared
    assert {name for name, way in found.items() if way["verdict"] == "not covered"} == GAPS
    assert found["on_llm_end"]["operation"] == "reported to Handler.on_llm_end"


BASE = """
class LLMManagerMixin:
    def on_llm_end(self, response): ...
    def on_thought(self, thought): ...


class BaseCallbackHandler(LLMManagerMixin): ...


class BaseCallbackManager(LLMManagerMixin):
    def on_llm_start(self, serialized, prompts): ...
"""
FILES = {
    "__init__": "",
    "callbacks/__init__": "",
    "callbacks/base": BASE,
    "tracers/__init__": "",
    "tracers/context": "def register_configure_hook(variable, inheritable): ...\n",
}


def verdicts() -> dict[str, str]:
    surface.functions.cache_clear()
    found = coverage.findings("langchain_core", instrumentor)
    surface.functions.cache_clear()
    return {one.function.rpartition(".")[2]: one.verdict for one in found}


def test_a_new_callback_and_a_hook_that_is_gone_are_gaps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, source in FILES.items():
        path = tmp_path / "langchain_core" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert verdicts() == {"on_llm_end": "covered", "on_thought": "not covered"}
    path.write_text("def register_tracer(variable): ...\n")
    assert verdicts() == {"on_llm_end": "not covered", "on_thought": "not covered"}
