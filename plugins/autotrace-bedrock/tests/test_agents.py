"""Agents and knowledge bases of Amazon Bedrock, held to the conformance kit."""

from __future__ import annotations

import pytest

from autotrace.testing import Case, Library, conformance
from autotrace.testing.provider import serve

boto3 = pytest.importorskip("boto3")
botocore = pytest.importorskip("botocore")
config = pytest.importorskip("botocore.config")

SESSION = boto3.session.Session(aws_access_key_id="none", aws_secret_access_key="none", region_name="us-east-1")
OPTIONS = config.Config(signature_version=botocore.UNSIGNED)
library = Library(
    "botocore",
    client=lambda url: SESSION.client("bedrock-agent-runtime", endpoint_url=url, config=OPTIONS),
    provider=serve,
    cases=[
        Case(
            "invoke_agent",
            stream=lambda client, ask: client.invoke_agent(
                agentId="AGENT1", agentAliasId="ALIAS1", sessionId="s1", inputText=ask.text
            )["completion"],
            expects={"gen_ai.agent.id": "AGENT1", "gen_ai.conversation.id": "s1"},
        ),
        Case(
            "retrieval",
            call=lambda client, ask: client.retrieve(knowledgeBaseId="KB12345678", retrievalQuery={"text": ask.text}),
            expects={"gen_ai.data_source.id": "KB12345678"},
        ),
    ],
)
test_conformance = conformance(library)
