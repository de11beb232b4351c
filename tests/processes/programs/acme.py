"""A library with what the SDKs lack: a plain function that a plugin replaces, and a client that can be pickled."""

from __future__ import annotations

import asking


def ask(model: str, text: str) -> str:
    return asking.ask(f"{model} {text}")


class Client:
    def ask(self, model: str, text: str) -> str:
        return asking.ask(f"{model} {text}")
