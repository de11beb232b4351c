"""Adds the cost to a record, on the writer's thread. If that fails, only the cost is missing."""

from __future__ import annotations

import math
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext
from typing import Any

from autotrace import _diagnostics as diagnostics
from autotrace._declaration import conventions
from autotrace._declaration.conventions import ALWAYS
from autotrace._record.pricing import billable, sources
from autotrace._record.pricing.billable import Cost, UnpricedError

_COUNTS = tuple(conventions.USAGE[name].attribute for name in ("input_tokens", "output_tokens"))
_OPERATION = ALWAYS["operation"].attribute
_TOTAL = ALWAYS["cost"].attribute
_UNKNOWN = ALWAYS["cost_unknown"].attribute

_PLACES = 12


def prepare() -> None:
    """Do the imports that the first record with usage needs, before that record arrives."""
    try:
        sources.installed.get()
    except Exception as exc:  # a finder or a module of the program
        diagnostics.failed("load prices", exc, aside=True)


def add(attributes: dict[str, Any], start_ns: int) -> None:
    """Add the cost of the call to `attributes`, or why it is unknown; nothing if there is no usage or no price source.

    `start_ns` is the start of the call, Unix time in nanoseconds. An existing cost is kept.
    """
    if _COUNTS[0] not in attributes and _COUNTS[1] not in attributes:
        return
    if _TOTAL in attributes or attributes.get(_OPERATION) in conventions.INTERNAL_OPERATIONS:
        return  # the model calls of an agent or a workflow have their own costs
    try:
        # Our own decimal context: `flush` computes on a thread of the program, which may have set any precision and traps.
        with localcontext(Context(prec=50, traps=[InvalidOperation, DivisionByZero, Overflow])):
            attributes.update(_cost(attributes, start_ns))
    except Exception as exc:  # a record's attributes may hold anything
        diagnostics.failed("compute the cost", exc, aside=True)
        attributes[_UNKNOWN] = "the computation failed"


def _cost(attributes: dict[str, Any], start_ns: int) -> dict[str, Any]:
    available = sources.sources()
    if not available:
        return {}
    usage = billable.of(attributes, start_ns)
    for source in available:
        try:
            cost = source.price(usage)
            if cost is not None:
                return {**_numbers(cost), ALWAYS["cost_source"].attribute: source.name}
        except UnpricedError as exc:
            return {_UNKNOWN: str(exc)}
        except Exception as exc:  # a source that is not ours
            diagnostics.failed(f"cost by {source.name}", exc, aside=True)
            return {_UNKNOWN: f"the prices of {source.name} failed"}
    return {_UNKNOWN: f"no price for {usage.label}"}


def _numbers(cost: Cost) -> dict[str, Any]:
    numbers = {
        _TOTAL: _number(cost.total),
        ALWAYS["cost_input"].attribute: _number(cost.input),
        ALWAYS["cost_output"].attribute: _number(cost.output),
    }
    if not all(math.isfinite(number) for number in numbers.values()):
        raise UnpricedError("the token counts are out of range")
    return numbers


def _number(dollars: Decimal) -> float:
    return round(float(dollars), _PLACES)
