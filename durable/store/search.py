"""Search attributes: fields of the payload by which runs are found. Each is a row in the run's own partition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from durable.store.conditions import SEARCH
from durable.store.table import Key, Write
from durable.store.values import hash_of


def found_under(workflow: str, name: str, text: str) -> str:
    """Return what the index finds the runs under whose attribute has a value; the value itself is not in it."""
    # A hash, as values may be personal data or long; the price is that only whole values can be searched for.
    return f"{workflow}#?{name}={hash_of(text)}"


def text_of_attribute(value: Any) -> str | None:
    """Return the value of an attribute as it is searched for; None for what is no text, number or boolean."""
    # Before int, of which bool is a subclass: True is searched for as `true`, and not as `True` or `1`.
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


def search_rows(
    workflow: str, partition: str, instance: str, created: int, names: Sequence[str], payload: Any
) -> Iterator[Write]:
    """Yield the writes by which a run is found by its attributes: they vanish with it, as all rows of its partition."""
    for name in names:
        text = text_of_attribute(payload.get(name))
        if text is not None:
            row = {"found": found_under(workflow, name, text), "updated": created, "instance": instance}
            yield Write(Key(partition, f"{SEARCH}{name}"), row)
