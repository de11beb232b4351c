"""Multipart forms, as far as SDKs send them: the text fields, and size and name of the files."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["fields"]


def fields(body: bytes, content_type: str) -> dict[str, Any]:
    """The form's fields; a file is `{"filename": …, "size": …}`, a field that comes twice a list."""
    boundary = re.search(r'boundary="?([^";]+)', content_type)
    found: dict[str, Any] = {}
    if boundary is None:
        return found
    for part in body.split(b"--" + boundary[1].encode())[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        name, value = _field(head.decode("utf-8", "replace"), content[:-2])
        if name in found:
            value = [*(found[name] if isinstance(found[name], list) else [found[name]]), value]
        found[name] = value
    return found


def _field(head: str, content: bytes) -> tuple[str, Any]:
    name = re.search(r'\bname="([^"]*)"', head)
    file = re.search(r'\bfilename="([^"]*)"', head)
    value: Any = {"filename": file[1], "size": len(content)} if file else content.decode("utf-8", "replace")
    return (name[1] if name else ""), value
