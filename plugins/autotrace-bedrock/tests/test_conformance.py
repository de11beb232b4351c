"""The plugin for Amazon Bedrock, held to the conformance kit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import autotrace_bedrock
from autotrace.testing import Ask, Case, Library, carries_scorecard, check, conformance
from autotrace.testing.provider import serve

boto3 = pytest.importorskip("boto3")
botocore = pytest.importorskip("botocore")
config = pytest.importorskip("botocore.config")


SESSION = boto3.session.Session(aws_access_key_id="none", aws_secret_access_key="none", region_name="us-east-1")
"""One for all clients, as it keeps the descriptions of the services."""
OPTIONS = config.Config(retries={"total_max_attempts": 1}, read_timeout=600, signature_version=botocore.UNSIGNED)
"""Not signed, as the time of a signature is in the request: two that are compared may be made in two seconds."""


class Clients:
    """One for the models, one for agents and knowledge bases."""

    def __init__(self, url: str) -> None:
        self.runtime = SESSION.client("bedrock-runtime", endpoint_url=url, config=OPTIONS)
        self.agents = SESSION.client("bedrock-agent-runtime", endpoint_url=url, config=OPTIONS)

    def close(self) -> None:
        self.runtime.close()
        self.agents.close()


def said(ask: Ask) -> dict[str, Any]:
    return {"modelId": ask.model, "messages": [{"role": "user", "content": [{"text": ask.text}]}]}


def claude(ask: Ask) -> dict[str, Any]:
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 99, "messages": [{"role": "user", "content": ask.text}]}
    return {"modelId": ask.model, "body": json.dumps(body)}


def llama(ask: Ask) -> dict[str, Any]:
    return {"modelId": ask.model, "body": json.dumps({"prompt": ask.text})}


def embed(client: Any, model: str, text: str) -> Any:
    return client.runtime.invoke_model(modelId=model, body=json.dumps({"inputText": text}))["body"].read()


SILENT = ["gen_ai.response.model", "gen_ai.response.id"]
"""What Bedrock does not tell."""

library = Library(
    "botocore",
    client=Clients,
    provider=serve,
    cases=[
        Case(
            "converse",
            operation="chat",
            model="anthropic.claude-haiku",
            call=lambda client, ask: client.runtime.converse(**said(ask)),
            stream=lambda client, ask: client.runtime.converse_stream(**said(ask))["stream"],
            typed=lambda client, ask: client.runtime.converse(modelId=ask.model, messages=ask.text),
            lacks=SILENT,
            expects={"gen_ai.provider.name": "aws.bedrock", "cloud.region": "us-east-1"},
        ),
        Case(
            "invoke Claude",
            operation="chat",
            model="anthropic.claude-haiku",
            call=lambda client, ask: json.load(client.runtime.invoke_model(**claude(ask))["body"]),
            stream=lambda client, ask: client.runtime.invoke_model_with_response_stream(**claude(ask))["body"],
        ),
        Case(
            "invoke Llama",
            operation="text_completion",
            model="meta.llama3-8b",
            call=lambda client, ask: client.runtime.invoke_model(**llama(ask))["body"].read(),
            stream=lambda client, ask: client.runtime.invoke_model_with_response_stream(**llama(ask))["body"],
            lacks=SILENT,
        ),
        Case(
            "embeddings",
            model="amazon.titan-embed-text-v2:0",
            call=lambda client, ask: embed(client, ask.model, ask.text),
            fails=lambda client, ask: embed(client, "amazon.titan-embed.fault-400", ask.text),
            faults=(),
        ),
        Case(
            "apply_guardrail",
            call=lambda client, ask: client.runtime.apply_guardrail(
                guardrailIdentifier="g1", guardrailVersion="1", source="INPUT", content=[{"text": {"text": ask.text}}]
            ),
            expects={"aws.bedrock.guardrail.id": "g1"},
        ),
        Case(
            "invoke_agent",
            stream=lambda client, ask: client.agents.invoke_agent(
                agentId="AGENT1", agentAliasId="ALIAS1", sessionId="s1", inputText=ask.text
            )["completion"],
            expects={"gen_ai.agent.id": "AGENT1", "gen_ai.conversation.id": "s1"},
        ),
        Case(
            "retrieval",
            call=lambda client, ask: client.agents.retrieve(knowledgeBaseId="KB12345678", retrievalQuery={"text": ask.text}),
            expects={"gen_ai.data_source.id": "KB12345678"},
        ),
    ],
)
test_conformance = conformance(library)
test_readme = carries_scorecard(library, Path(__file__).parents[1] / "README.md")


def test_the_plugin_is_declared_well() -> None:
    assert check(autotrace_bedrock.instrumentor)
