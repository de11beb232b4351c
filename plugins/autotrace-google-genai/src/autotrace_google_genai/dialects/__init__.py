"""Gemini's wire formats as pure functions: contents, embeddings and interactions.

In: requests, answers and streamed chunks, as plain JSON values.
Out: a `Dialect` for each operation: the conventions' fields, usage, and the answer that a stream's chunks are combined into.
"""
