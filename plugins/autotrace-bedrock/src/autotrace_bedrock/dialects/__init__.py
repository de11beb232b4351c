"""Bedrock's wire formats as pure functions: Converse, agents, guardrails, and the bodies of InvokeModel.

In: requests, answers and streamed events, as plain JSON values.
Out: a `Dialect` for each operation: the conventions' fields, usage, and the answer that a stream's events are combined into.
"""
