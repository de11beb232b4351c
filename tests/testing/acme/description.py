"""Its description, as an author would write it."""

import acme

from autotrace.testing import Case, Library

FAULTS = ("400", "cut", "slow", "hang")
library = Library(
    "acme",
    client=lambda url: acme.Client(),
    async_client=lambda url: acme.AsyncClient(),
    provider=lambda: acme.SERVER,
    cases=[
        Case(
            "chat",
            model="acme-1",
            call=lambda client, ask: client.chat(ask.model, ask.text),
            stream=lambda client, ask: client.chat(ask.model, ask.text, stream=True),
            raw=lambda client, ask: client.raw_chat(ask.model, ask.text),
            faults=FAULTS,
        ),
        Case(
            "complete",
            operation="text_completion",
            model="acme-1",
            stream=lambda client, ask: client.complete(ask.model, ask.text),
            faults=FAULTS,
        ),
    ],
)
