"""The SDKs' own tests, which are in their source distributions: each ends with autotrace as it does without.

Run by `nox -s suites`, which unpacks the distributions into `SUITES_SOURCES`. Only tests that need neither a network nor the
vendor's mock server: `api_resources`, which is generated and all about that server, stays out; so does what makes no calls of
the kind that is recorded (web sockets, certificates, the vendor's release tools), for time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest

HERE = Path(__file__).parent
SOURCES = os.environ.get("SUITES_SOURCES", "")

pytestmark = pytest.mark.skipif(not SOURCES, reason="SUITES_SOURCES names no folder of source distributions: nox -s suites")


class Suite(NamedTuple):
    """Which tests of a distribution run, at least how many there are, and how many processes share them."""

    paths: str
    at_least: int
    processes: int = 2


_STAINLESS = "test_client.py test_streaming.py test_response.py"
SUITES = {
    "openai": Suite(
        f"{_STAINLESS} test_legacy_response.py test_stream_mode.py test_sse_framing.py lib/chat "
        "lib/responses/test_responses.py lib/test_runner_typed_tools.py lib/test_streaming_deltas.py",
        500,
    ),
    "anthropic": Suite(f"{_STAINLESS} decoders lib/streaming lib/_parse lib/tools/test_runners.py", 400),
    "ollama": Suite("test_client.py test_utils.py test_type_serialization.py test_systemone.py", 100, 0),
}
"""Clients, raw and streamed responses, helpers, tool runners: what the calls that are recorded go through."""

_ALL = {
    "openai": "test_module_client.py test_debug_logging.py test_request_body_routing_order.py test_retry_after_overflow.py "
    "test_status_error_messages.py test_large_payload_contract.py test_httpx2.py test_httpx2_base.py test_httpx2_respx.py "
    "test_httpx_compat.py test_lazy_imports.py lib/test_azure.py lib/test_audio.py lib/test_embeddings.py "
    "lib/test_assistants.py lib/test_embedding_request_context.py test_models.py test_files.py test_transform.py "
    "test_safety_cases.py lib/streaming lib/responses/test_null_output.py lib/responses/test_commentary_parsing.py "
    "lib/test_azure_deployment_path.py lib/test_azure_auth.py lib/test_bedrock.py lib/test_bedrock_runtime.py "
    "lib/test_decisions_tool_runner.py",
    "anthropic": "test_middleware.py test_prepare.py test_exceptions.py lib/test_bedrock.py lib/test_azure.py "
    "lib/test_refusal_fallback.py lib/test_refusal_fallback_streaming.py test_models.py test_files.py test_tracing.py "
    "test_open_telemetry.py lib/test_vertex.py lib/test_client_copy.py lib/test_stainless_helpers.py "
    "lib/tools/test_runner_eager_tools.py lib/tools/test_functions.py lib/threads/test_beta_threads.py "
    "lib/threads/test_async_beta_threads.py",
    "ollama": "",
}
"""What `SUITES_ALL=1` runs as well: farther from the calls that are recorded, and several times as long."""


class Run(NamedTuple):
    """What one run gave: the outcome of each test by its id, records by end reason, failures of ours by place."""

    outcomes: dict[str, str]
    active: bool
    records: Counter[str]
    failures: dict[str, int]


def run(name: str, folder: Path, active: bool, only: list[str] | None = None) -> Run:
    """Run the tests of `name`, or `only` those, with autotrace or without, as its own project would."""
    folder.mkdir()
    (source,) = Path(SOURCES).glob(f"{name}-*/")
    suite = SUITES[name]
    more = _ALL[name] if os.environ.get("SUITES_ALL") == "1" else ""
    paths = [f"tests/{path}" for path in f"{suite.paths} {more}".split()]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("AUTOTRACE", "PYTEST"))}
    environment.update(SUITES_OUTCOMES=str(folder), PYTHONPATH=str(HERE))
    if active:
        environment["AUTOTRACE"] = "1"
    options = ["-q", "--no-header", "--tb=no", "-p", "no:cacheprovider", "-p", "outcomes", "-o", "addopts="]
    options += ["--continue-on-collection-errors", "-p", "tests._alias_httpx"][: 3 if name == "anthropic" else 1]
    if suite.processes and not only:
        options += ["-n", str(suite.processes), "--dist", "worksteal"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *(only or paths)],
        cwd=source,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout[-4000:] + done.stderr[-4000:]
    found: list[dict[str, Any]] = [json.loads(path.read_text()) for path in folder.iterdir()]
    merged = Run({}, any(one["active"] for one in found), Counter(), {})
    for one in found:
        merged.outcomes.update(one["outcomes"])
        merged.records.update(one["records"])
        merged.failures.update(one["failures"])
    return merged


def differing(without: Run, active: Run) -> list[str]:
    """The tests that ended otherwise, or only once at all."""
    ids = without.outcomes.keys() | active.outcomes.keys()
    return sorted(test for test in ids if without.outcomes.get(test) != active.outcomes.get(test))


@pytest.mark.parametrize("name", SUITES)
def test_the_tests_of_an_sdk_end_with_autotrace_as_they_do_without(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip(name)
    without, active = run(name, tmp_path / "without", False), run(name, tmp_path / "active", True)
    assert (without.active, active.active) == (False, True)
    again = differing(without, active)
    if again:  # a test that is as likely to fail without: it has to differ a second time
        first, second = run(name, tmp_path / "without-2", False, again), run(name, tmp_path / "active-2", True, again)
        assert differing(first, second) == []
    counts = Counter(without.outcomes.values())
    with capsys.disabled():
        said = ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common())
        records = ", ".join(f"{count} {reason}" for reason, count in active.records.most_common())
        print(
            f"\n{name}: {len(without.outcomes)} tests ({said}) end alike; {len(again)} had to be run again; records: {records}"
        )
    assert active.failures == {}
    assert counts["passed"] >= SUITES[name].at_least
    assert sum(active.records.values()) > counts["passed"] // 50
