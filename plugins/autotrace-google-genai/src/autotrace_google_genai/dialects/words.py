"""The words of Google's APIs that are not content, by the name of their field: the values of the API's enumerations."""

from __future__ import annotations

__all__ = ["NOT_CONTENT"]

_HARMS = "HARASSMENT HATE_SPEECH SEXUALLY_EXPLICIT DANGEROUS_CONTENT CIVIC_INTEGRITY JAILBREAK UNSPECIFIED"
_BLOCKS = "BLOCK_NONE BLOCK_ONLY_HIGH BLOCK_MEDIUM_AND_ABOVE BLOCK_LOW_AND_ABOVE OFF HARM_BLOCK_THRESHOLD_UNSPECIFIED"
_BLOCKED = "SAFETY OTHER BLOCKLIST PROHIBITED_CONTENT IMAGE_SAFETY MODEL_ARMOR JAILBREAK BLOCKED_REASON_UNSPECIFIED"
_TASKS = (
    "RETRIEVAL_QUERY RETRIEVAL_DOCUMENT SEMANTIC_SIMILARITY CLASSIFICATION CLUSTERING QUESTION_ANSWERING FACT_VERIFICATION "
    "CODE_RETRIEVAL_QUERY TASK_TYPE_UNSPECIFIED"
)
_LEVELS = "NEGLIGIBLE LOW MEDIUM HIGH UNSPECIFIED"

NOT_CONTENT = {
    "category": [f"HARM_CATEGORY_{word}" for word in _HARMS.split()],
    "threshold": _BLOCKS.split(),
    "method": ["SEVERITY", "PROBABILITY", "HARM_BLOCK_METHOD_UNSPECIFIED"],
    "probability": [*_LEVELS.split(), "HARM_PROBABILITY_UNSPECIFIED"],
    "severity": [f"HARM_SEVERITY_{word}" for word in _LEVELS.split()],
    "blockReason": _BLOCKED.split(),
    "trafficType": ["ON_DEMAND", "ON_DEMAND_FLEX", "ON_DEMAND_PRIORITY", "PROVISIONED_THROUGHPUT"],
    "mediaResolution": [f"MEDIA_RESOLUTION_{word}" for word in ("LOW", "MEDIUM", "HIGH", "ULTRA_HIGH", "UNSPECIFIED")],
    "taskType": _TASKS.split(),
    "autotrace.response.service_tier": ["provisioned_throughput"],
}
"""For ``Dialect(not_content=…)``."""
