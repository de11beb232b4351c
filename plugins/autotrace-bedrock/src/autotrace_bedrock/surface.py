"""The operations of the plugin's services, for ``autotrace coverage botocore`` and ``aiobotocore``.

Both libraries create the methods of a client from the service's description (*API model*, ``service-2.json``) when the program
creates the client. The descriptions are files of botocore; aiobotocore has none of its own.
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

_STORAGE_VERBS = ("Create", "Delete", "End", "Get", "List", "Put", "Stop", "Tag", "Untag", "Update")
_NOT_IMPLEMENTED = (
    *("AgenticRetrieveStream", "GenerateQuery", "InvokeFlow", "InvokeGuardrailChecks", "InvokeInlineAgent", "OptimizePrompt"),
    *("RetrieveAndGenerate", "RetrieveAndGenerateStream", "StartFlowExecution"),
)
UNCOVERED = {
    **{f"bedrock-*:{verb}*": "stores and reads data" for verb in _STORAGE_VERBS},
    "*:CheckIngestedDocumentAcl": "stores and reads data",
    "*:InvokeModelWithBidirectionalStream": "boto3 does not support it",
    **{f"*:{name}": "not implemented yet" for name in _NOT_IMPLEMENTED},
}
"""The intended gaps, for ``Instrumentor(uncovered=…)``."""


def of(services: Iterable[str]) -> Callable[[str], Iterator[Any]]:
    """A function for ``Instrumentor(surface=…)``: it lists each operation in the newest description of each of `services`."""

    def ways(package: str) -> Iterator[Any]:
        from autotrace.surface import Described, Record, Way  # not at import: a traced program never needs it

        for service in services:
            meta = Record(service_model=Record(service_name=service), endpoint_url="", region_name="")
            for name in _operations(service):
                call = Invocation((), True, (Record(meta=meta),), {"operation_name": name, "api_params": {}})
                yield Way(Described(service, name), _CALLS[package], call)

    return ways


def _operations(service: str) -> list[str]:
    from autotrace.surface import directories

    files = [file for path in directories("botocore") for file in Path(path, "data", service).glob("*/service-2.json*")]
    if not files:
        return []
    newest = max(files, key=lambda file: file.parent.name)  # the directory's name is a date
    # Compressed since botocore 1.32.
    text = gzip.decompress(newest.read_bytes()) if newest.suffix == ".gz" else newest.read_bytes()
    return sorted(json.loads(text)["operations"])
