"""What a run costs, drawn for a terminal or as data."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from durable.cost import MEMORY_GB, PRICES_OF, Cost

Costs = Mapping[str, Cost]


def as_data(costs: Costs) -> dict[str, Any]:
    """Return the costs as JSON."""
    ways = {name: {**counts(each), "dollarsForAMillionRuns": each.prices()} for name, each in costs.items()}
    return {"prices": PRICES_OF, **ways}


def counts(cost: Cost) -> dict[str, int]:
    """Return what one run takes, by how it is called."""
    return {
        "state transitions": cost.way.transitions,
        "Lambda invocations": cost.invocations,
        "table writes": cost.writes,
        "table reads": cost.reads,
    }


def text(workflow: str, costs: Costs, rounds: int) -> str:
    """Return a table of the costs, with what is assumed."""
    rows = [("one run", *(f"{name} way" for name in costs)), *_rows(costs), *_prices(costs)]
    lines = [f"{first:<34}" + "".join(f"{each:>16}" for each in rest) for first, *rest in rows]
    milliseconds = next(iter(costs.values())).milliseconds
    assumed = (
        f"Prices: {PRICES_OF}, without free tiers. Rounds of a loop and items of a map on the longest way: {rounds}."
        " No attempt fails: a retry is one transition, one invocation, two writes and two reads more."
        f" A Lambda takes {milliseconds} ms at {MEMORY_GB:g} GB on arm64. Rows are up to 1 KB."
        " The bindings' own traffic and logs are not counted."
    )
    if next(iter(costs.values())).kind == "express":
        assumed += " A run on Express is one execution here: each time that it is parked and woken is another."
    return "\n".join([workflow, "", *(each.rstrip() for each in lines), "", textwrap.fill(assumed, 100)])


def idle_text(parts: Mapping[str, float]) -> str:
    """Return a table of what idles costs."""
    rows = [*parts.items(), ("in all", sum(parts.values()))]
    lines = [f"{name:<44}{f'${dollars:,.2f}':>10}" for name, dollars in rows]
    assumed = (
        f"Prices: {PRICES_OF}, without free tiers. A key of the stage's own in AWS KMS is $1.00 more. A metric of a"
        " workflow is $0.30 in each month in which it has runs."
    )
    return "\n".join(["a month in which nothing runs", "", *lines, "", textwrap.fill(assumed, 100)])


def _rows(costs: Costs) -> list[tuple[str, ...]]:
    of_each = [counts(each) for each in costs.values()]
    return [(name, *(f"{each[name]:,}" for each in of_each)) for name in of_each[0]]


def _prices(costs: Costs) -> list[tuple[str, ...]]:
    of_each = [each.prices() for each in costs.values()]
    parts = [(name, *(f"${each[name]:,.2f}" for each in of_each)) for name in of_each[0]]
    total = ("in all", *(f"${sum(each.values()):,.2f}" for each in of_each))
    return [("",), ("a million runs", *("" for _ in costs)), *parts, total]
