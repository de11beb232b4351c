"""What the installed SDK has that the plugin does not cover: read off its source, so that a new version shows here."""

from __future__ import annotations

import autotrace_google_genai
from autotrace._cli import coverage


def test_all_that_asks_a_model_is_traced() -> None:
    found = coverage.findings("google.genai", autotrace_google_genai.instrumentor)
    gaps = {one.function for one in found if one.verdict == coverage.NOT}
    assert "google.genai.live:AsyncLive.connect" in gaps
    assert {gap for gap in gaps if not gap.endswith(".connect")} == set()  # web sockets
    assert {one.verdict for one in found} == {coverage.NOT, coverage.PART, coverage.COVERED}
    covered = {one.operation for one in found if one.verdict == coverage.COVERED}
    assert covered >= {"generate_content", "embeddings", "count_tokens"}
