"""Multipart forms, as SDKs send them: the text fields, and the size and name of each file."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["fields"]


def fields(body: bytes, content_type: str) -> dict[str, Any]:
    """The form's fields. A file is `{"filename": …, "size": …}`; a repeated field is a list."""
    boundary = re.search(r'boundary="?([^";]+)', content_type)
    values: dict[str, Any] = {}
    if boundary is None:
        return values
    for part in body.split(b"--" + boundary[1].encode())[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        name, value = _field(head.decode("utf-8", "replace"), content[:-2])
        if name in values:
            value = [*(values[name] if isinstance(values[name], list) else [values[name]]), value]
        values[name] = value
    return values


def _field(head: str, content: bytes) -> tuple[str, Any]:
    name = re.search(r'\bname="([^"]*)"', head)
    file = re.search(r'\bfilename="([^"]*)"', head)
    value: Any = {"filename": file[1], "size": len(content)} if file else content.decode("utf-8", "replace")
    return (name[1] if name else ""), value
