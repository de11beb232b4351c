"""Faults, which the name of the model selects, so that unchanged SDK code meets them.

| model               | what happens                                                                              |
|---------------------|-------------------------------------------------------------------------------------------|
| `fault-429`         | 429 with `retry-after`, and the error body of the provider                                |
| `fault-429-once`    | the first request gets the 429, a repetition of it is answered                            |
| `fault-500`         | 500; `fault-400`, `-401`, `-403`, `-404`, `-503` and `-529` likewise                      |
| `fault-500-once`    | the same with 500; the other statuses likewise                                            |
| `fault-400-context` | 400: the context length is exceeded                                                       |
| `fault-400-echo`    | 400: the error's text quotes the request                                                  |
| `fault-cut`         | the connection drops in the middle of the stream (or of the body)                         |
| `fault-slow`        | 50 ms before every piece of a stream (or before the body)                                 |
| `fault-error-event` | an error inside the stream, after its first half; a call that does not stream gets a 500  |
| `fault-malformed`   | data that cannot be parsed, inside the stream (or as the body)                            |
| `fault-hang`        | no answer: the connection drops after `hang_seconds`, or when the server closes           |
| `fault-refusal`     | the model refuses                                                                         |
| `fault-filter`      | a content filter cuts the answer at half its length                                       |
| `fault-failed`      | OpenAI Responses: `status` is `failed`                                                    |

A repetition has the same `idempotency-key` if the client sends one, else the same path and body. Each server counts for
itself, so a test with a text of its own is independent of other tests. The last three faults do not concern the transport;
the wire formats implement them.
"""

from __future__ import annotations

__all__ = ["PREFIX"]

PREFIX = "fault-"
"""The prefix of a model's name that selects a fault."""
