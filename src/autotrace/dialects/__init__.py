"""Wire formats that several plugins share, as pure functions: OpenAI's, Anthropic's messages, and the parts of both.

In: requests, answers and streamed chunks as plain JSON values.
Out: a `Dialect` for `Operation(…, dialect=…)`: the conventions' fields, usage, and a function that reduces chunks to a message.
"""

__all__ = []
