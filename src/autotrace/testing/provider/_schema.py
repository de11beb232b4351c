"""Fill a JSON Schema with a small, plausible and deterministic value."""

from __future__ import annotations

from typing import Any

__all__ = ["DEPTH", "FORMATS", "fill"]

FORMATS = {
    "date-time": "2026-01-01T12:00:00Z",
    "date": "2026-01-01",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "ada@example.com",
    "uri": "https://example.com/",
    "hostname": "example.com",
    "ipv4": "127.0.0.1",
    "uuid": "00000000-0000-4000-8000-000000000001",
}
DEPTH = 6
"""The depth at which a recursive schema stops."""


def fill(schema: Any, name: str = "value", variant: int = 0, root: Any = None, depth: int = 0) -> Any:
    """A value that `schema` accepts. Text is made from the property's name; another `variant` gives another value."""
    if not isinstance(schema, dict):
        return f"some {name}"
    root = schema if root is None else root
    schema = _resolved(schema, root)
    for word in ("const", "default"):
        if word in schema and (word == "const" or variant == 0) and schema[word] is not None:
            return schema[word]
    for word in ("enum", "examples"):
        if schema.get(word):
            return schema[word][variant % len(schema[word])]
    kind = _kind(schema)
    if kind == "object":
        return _object(schema, variant, root, depth)
    if kind == "array":
        return _array(schema, name, variant, root, depth)
    return _scalar(kind, schema, name, variant)


def _resolved(schema: dict[str, Any], root: Any) -> dict[str, Any]:
    """Follow `$ref`, merge `allOf`, and choose one option of `anyOf` and `oneOf`."""
    for _ in range(16):
        if isinstance(schema.get("$ref"), str):
            target = root
            for step in schema["$ref"].lstrip("#/").split("/"):
                target = target.get(step, {}) if isinstance(target, dict) else {}
        elif schema.get("allOf"):
            target = {key: value for part in schema["allOf"] for key, value in _resolved(part, root).items()}
        elif schema.get("anyOf") or schema.get("oneOf"):
            options = schema.get("anyOf") or schema["oneOf"]
            target = next((option for option in options if option.get("type") != "null"), options[0])
        else:
            break
        schema = target if isinstance(target, dict) else {}
    return schema


def _kind(schema: dict[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if isinstance(kind, str):
        return kind
    return "object" if "properties" in schema else "array" if "items" in schema else "string"


def _object(schema: dict[str, Any], variant: int, root: Any, depth: int) -> dict[str, Any]:
    properties = schema.get("properties") or {}
    required = schema.get("required", ())
    wanted = properties if depth < DEPTH else {key: value for key, value in properties.items() if key in required}
    if depth > 3 * DEPTH:
        return {}
    return {key: fill(value, key, variant, root, depth + 1) for key, value in wanted.items()}


def _array(schema: dict[str, Any], name: str, variant: int, root: Any, depth: int) -> list[Any]:
    if depth >= DEPTH and not schema.get("minItems"):
        return []
    fixed = schema.get("prefixItems")
    if fixed:
        return [fill(item, name, variant, root, depth + 1) for item in fixed]
    count = max(1, int(schema.get("minItems", 1)))
    return [fill(schema.get("items", {}), name, variant + i, root, depth + 1) for i in range(count)]


def _scalar(kind: str, schema: dict[str, Any], name: str, variant: int) -> Any:
    if kind == "boolean":
        return variant % 2 == 0
    if kind == "null":
        return None
    if kind in ("integer", "number"):
        return _number(kind, schema, variant)
    text = str(FORMATS.get(str(schema.get("format")), f"{name} {variant + 1}" if variant else name))
    shortest, longest = schema.get("minLength", 0), schema.get("maxLength", 1 << 30)
    return text.ljust(shortest, "x")[:longest]


def _number(kind: str, schema: dict[str, Any], variant: int) -> int | float:
    low = schema.get("minimum", schema.get("exclusiveMinimum", 0) + ("exclusiveMinimum" in schema))
    high = schema.get("maximum", schema.get("exclusiveMaximum", 1 << 30) - ("exclusiveMaximum" in schema))
    value = min(max(low, 1 + variant), high)
    return int(value) if kind == "integer" else float(value)
