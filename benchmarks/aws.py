"""The cost of botocore calls: of other services, which are not recorded, and of a Converse: `python -m benchmarks.aws`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import botocore
import botocore.client
import botocore.endpoint
import botocore.retries.standard
import botocore.retryhandler
from botocore.awsrequest import AWSResponse
from botocore.config import Config

import autotrace
from benchmarks import paired
from benchmarks.paired import Arm

IDENTITY = b"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::1:user/a</Arn><UserId>A</UserId><Account>1</Account></GetCallerIdentityResult>
<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>"""
ANSWER = {
    "output": {"message": {"role": "assistant", "content": [{"text": "The capital of France is Paris."}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 14, "outputTokens": 8, "totalTokens": 22},
    "metrics": {"latencyMs": 1},
}
OWNERS = (
    (botocore.client.BaseClient, "_make_api_call"),
    (botocore.endpoint.Endpoint, "_get_response"),
    (botocore.retryhandler.RetryHandler, "__call__"),
    (botocore.retries.standard.RetryHandler, "needs_retry"),
)


class _Raw:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Iterator[bytes]:
        yield self._body


def _client(service: str, body: bytes, signed: bool) -> Any:
    """A client that answers every request with `body`, without a socket."""
    config = Config() if signed else Config(signature_version=botocore.UNSIGNED)
    keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none", "region_name": "us-east-1"}
    client = boto3.session.Session(**keys).client(service, config=config)

    def answer(request: Any, **_: Any) -> AWSResponse:
        return AWSResponse(request.url, 200, {"content-type": "application/json"}, _Raw(body))

    client.meta.events.register(f"before-send.{client.meta.service_model.service_id.hyphenize()}", answer)
    return client


def _calls() -> dict[str, Callable[[], object]]:
    identity = _client("sts", IDENTITY, True)
    bare = _client("sts", IDENTITY, False)
    tables = _client("dynamodb", b'{"TableNames":[]}', True)
    bedrock = _client("bedrock-runtime", json.dumps(ANSWER).encode(), True)
    messages = [{"role": "user", "content": [{"text": "What is the capital of France?"}]}]
    return {
        "sts.get_caller_identity": identity.get_caller_identity,
        "sts.get_caller_identity, unsigned": bare.get_caller_identity,
        "dynamodb.list_tables": tables.list_tables,
        "bedrock-runtime.converse": lambda: bedrock.converse(modelId="model-1", messages=messages),
    }


def main(pairs: int = 200) -> None:
    """Print the figures."""
    paired.begin("AWS: µs of the caller's CPU per call, against the unpatched SDK", "boto3", "botocore")
    originals = [vars(owner)[name] for owner, name in OWNERS]
    autotrace.enable("bedrock")
    replaced = [vars(owner)[name] for owner, name in OWNERS]

    def put(functions: list[Any]) -> Callable[[], None]:
        def switch() -> None:
            for (owner, name), function in zip(OWNERS, functions, strict=True):
                setattr(owner, name, function)

        return switch

    off, on = put(originals), put(replaced)
    for name, call in _calls().items():
        untraced = Arm(call, off)
        null = paired.compare(untraced, untraced, pairs)
        print(f"  {name}: {null.first / 1000:.1f} µs unpatched")
        paired.show("  null control", null)
        patched = paired.compare(untraced, Arm(call, on), pairs)
        paired.show("  patched", patched, elsewhere=name.startswith("bedrock"))
        print(f"    ratio {patched.ratio.text(1, 4).strip()}, of the null control {null.ratio.text(1, 4).strip()}", flush=True)
    on()
    autotrace.disable()


if __name__ == "__main__":
    main()
