"""Import hooks that check types at run time accept what the plugin puts in the place of the SDK's classes."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import ollama
import pytest

import autotrace_ollama

PROGRAM = """
import sys, warnings
warnings.simplefilter("ignore")  # of beartype
from beartype.claw import beartype_packages
beartype_packages(("ollama",))
import autotrace
autotrace.enable()
import ollama
client = ollama.Client(host=sys.argv[1])
hello = [{"role": "user", "content": "Hello"}]
assert type(client.chat("m", hello)) is ollama.ChatResponse
assert {type(chunk) for chunk in client.chat("m", hello, stream=True)} == {ollama.ChatResponse}
assert type(client.generate("m", "Hello")) is ollama.GenerateResponse
"""


def test_a_checked_sdk_works(wire: Any) -> None:
    pytest.importorskip("beartype")
    done = subprocess.run([sys.executable, "-c", PROGRAM, wire.url], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (done.stdout + done.stderr).count('"event":"span"') == 3


def test_the_stand_in_is_a_class_like_the_one_that_it_stands_for() -> None:
    stand_in = autotrace_ollama._recording(ollama.ChatResponse)
    made = stand_in(model="m", message={"role": "assistant"}, unknown=1)
    assert isinstance(stand_in, type)
    assert issubclass(ollama.ChatResponse, stand_in)
    assert type(made) is ollama.ChatResponse
    assert isinstance(made, stand_in)
    assert stand_in.__name__ == "ChatResponse"
    assert stand_in.model_fields == ollama.ChatResponse.model_fields
    assert autotrace_ollama._recording(ollama.ChatResponse) is stand_in
