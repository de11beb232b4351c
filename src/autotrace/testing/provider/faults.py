"""Faults that a program asks for by the name of its model, so that unchanged SDK code meets them.

| model               | what happens                                                                              |
|---------------------|-------------------------------------------------------------------------------------------|
| `fault-429`         | 429 with `retry-after`, in the provider's own error body                                  |
| `fault-429-once`    | the first request gets the 429, the same request again is answered                        |
| `fault-500`         | 500; likewise `fault-400`, `-401`, `-403`, `-404`, `-503`, `-529`                         |
| `fault-500-once`    | likewise with `-once`                                                                     |
| `fault-400-context` | 400: the context length is exceeded                                                       |
| `fault-cut`         | the connection drops in the middle of the stream (or of the body)                         |
| `fault-slow`        | 50 ms before every piece of a stream (or before the body)                                 |
| `fault-error-event` | an error inside the stream, after its first half; a call that does not stream gets a 500  |
| `fault-malformed`   | something that cannot be read inside the stream (or as the body)                          |
| `fault-hang`        | no answer: the connection drops after `hang_seconds`, or when the server closes           |
| `fault-refusal`     | the model refuses                                                                         |
| `fault-filter`      | the answer stops at half its length: a content filter                                     |
| `fault-failed`      | OpenAI Responses: `status` is `failed`                                                    |

"The same request again" is counted per server by `idempotency-key` where the client sends one, else by path and body: a
test that uses a text of its own is alone.
The last three are not of the transport: the wire formats know them.
"""

from __future__ import annotations

__all__ = ["PREFIX"]

PREFIX = "fault-"
"""How the name of a model begins that is a fault's."""
