"""`autotrace coverage` of botocore and aiobotocore: the operations that the descriptions of the services have."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from autotrace import surface
from autotrace._cli import coverage
from autotrace_bedrock import ROUTES

COVERED = {
    *("bedrock-runtime:Converse", "bedrock-runtime:ConverseStream", "bedrock-runtime:InvokeModel"),
    *("bedrock-runtime:InvokeModelWithResponseStream", "bedrock-runtime:ApplyGuardrail", "bedrock-runtime:CountTokens"),
    *("bedrock-runtime:StartAsyncInvoke", "bedrock-agent-runtime:InvokeAgent", "bedrock-agent-runtime:Retrieve"),
    "bedrock-agent-runtime:Rerank",
}
PROGRAM = """
import sys
from autotrace._cli import coverage
code = coverage.main([{package!r}, "--json", "--all"])
sys.exit(code or ("botocore" in sys.modules))
"""


@pytest.mark.parametrize("package", ["botocore", "aiobotocore"])
def test_each_operation_of_the_services_is_listed_and_nothing_is_imported(package: str) -> None:
    if not surface.directories(package):
        pytest.skip(f"{package} is not installed")
    done = subprocess.run([sys.executable, "-c", PROGRAM.format(package=package)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ways = json.loads(done.stdout)["ways"]
    session = importlib.import_module("botocore.session").get_session()
    offered = {f"{service}:{name}" for service in ROUTES for name in session.get_service_model(service).operation_names}
    assert {way["function"] for way in ways} == offered
    assert {way["function"] for way in ways if way["verdict"] == "covered"} == COVERED
    assert {way["verdict"] for way in ways} == {"covered", "not covered"}


def test_a_new_operation_and_a_choke_point_that_is_gone_are_gaps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for date, names in (("2023-09-30", ["Converse"]), ("2027-01-01", ["Converse", "ConverseTwice"])):
        place = tmp_path / "botocore" / "data" / "bedrock-runtime" / date
        place.mkdir(parents=True)
        (place / "service-2.json").write_text(json.dumps({"operations": dict.fromkeys(names)}))
    client = tmp_path / "botocore" / "client.py"
    client.write_text("class BaseClient:\n    def _make_api_call(self, operation_name, api_params): ...\n")
    (tmp_path / "botocore" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert verdicts() == {"Converse": "covered", "ConverseTwice": "not covered"}
    client.write_text("class BaseClient:\n    def _call(self, operation_name, api_params): ...\n")
    assert verdicts() == {"Converse": "not covered", "ConverseTwice": "not covered"}


def verdicts() -> dict[str, str]:
    from autotrace_bedrock import instrumentor

    surface.functions.cache_clear()
    found = coverage.findings("botocore", instrumentor)
    surface.functions.cache_clear()
    return {one.function.partition(":")[2]: one.verdict for one in found}
