"""The operations of the plugin's services, for ``autotrace coverage botocore`` and ``aiobotocore``.

Both make the methods of a client of the service's description (*API model*, ``service-2.json``) when the client is made. The
descriptions are files of botocore's, of which aiobotocore has none.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from autotrace.plugin import Invocation

_CALLS = {
    "botocore": "botocore.client:BaseClient._make_api_call",
    "aiobotocore": "aiobotocore.client:AioBaseClient._make_api_call",
}

_MANAGING = ("Create", "Delete", "End", "Get", "List", "Put", "Stop", "Tag", "Untag", "Update")
_LATER = (
    *("AgenticRetrieveStream", "GenerateQuery", "InvokeFlow", "InvokeGuardrailChecks", "InvokeInlineAgent", "OptimizePrompt"),
    *("Rerank", "RetrieveAndGenerate", "RetrieveAndGenerateStream", "StartFlowExecution"),
)
UNCOVERED = {
    **{f"bedrock-*:{verb}*": "keeps and reads what is stored" for verb in _MANAGING},
    "*:CheckIngestedDocumentAcl": "keeps and reads what is stored",
    "*:InvokeModelWithBidirectionalStream": "boto3 does not have it",
    **{f"*:{name}": "not written yet" for name in _LATER},
}
"""For ``Instrumentor(uncovered=…)``."""


def of(services: Iterable[str]) -> Callable[[str], Iterator[Any]]:
    """For ``Instrumentor(surface=…)``: each operation of `services`, as their newest description names it (``Converse``)."""

    def ways(package: str) -> Iterator[Any]:
        from autotrace.surface import Described, Record, Way  # which a traced program never loads

        for service in services:
            meta = Record(service_model=Record(service_name=service), endpoint_url="", region_name="")
            for name in _operations(service):
                call = Invocation((), True, (Record(meta=meta),), {"operation_name": name, "api_params": {}})
                yield Way(Described(service, name), _CALLS[package], call)

    return ways


def _operations(service: str) -> list[str]:
    from autotrace.surface import directories

    found = [one for place in directories("botocore") for one in Path(place, "data", service).glob("*/service-2.json*")]
    if not found:
        return []
    newest = max(found, key=lambda one: one.parent.name)  # a date; compressed since botocore 1.32
    text = gzip.decompress(newest.read_bytes()) if newest.suffix == ".gz" else newest.read_bytes()
    return sorted(json.loads(text)["operations"])
