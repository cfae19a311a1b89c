"""What DynamoDB would bill: moto's own figures are constants.

A write counts one unit for each begun KB of the row, the larger of before and after; a change of an index's key two in
the index, any other one; a write whose condition does not hold as much as one that is made. A consistent read counts
one unit for each begun 4 KB, of a row that is not there too.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final

from durable.runs.watches import is_watch

WRITES: Final = ("PutItem", "UpdateItem", "DeleteItem")
_INDEX: Final = ("listed", "updated")
_KB: Final = 1024

Item = Mapping[str, Mapping[str, Any]]


@dataclass(slots=True)
class Usage:
    """What was asked of one table, or of several."""

    requests: Counter[str] = field(default_factory=Counter)
    write_units: int = 0
    index_units: int = 0
    read_units: float = 0

    @property
    def writes(self) -> int:
        return sum(self.requests[each] for each in WRITES)

    @property
    def reads(self) -> int:
        return self.requests.total() - self.writes


class Meter:
    """Listens to a boto3 client of DynamoDB.

    Attributes:
        usage: by the name of the table.
        watches: how often a watch was written, which is not in the usage: a process does so once in two minutes, for
            however many runs.
    """

    def __init__(self, dynamodb: Any) -> None:
        self.usage: dict[str, Usage] = {}
        self.watches = 0
        self._events = dynamodb.meta.events
        self._rows: dict[tuple[str, str, str], Item] = {}

    def __enter__(self) -> Meter:
        self._events.register("before-parameter-build.dynamodb", self._asked)
        self._events.register("after-call.dynamodb", self._answered)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._events.unregister("before-parameter-build.dynamodb", self._asked)
        self._events.unregister("after-call.dynamodb", self._answered)

    def _asked(self, params: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["metered"] = params

    def _answered(self, parsed: Mapping[str, Any], model: Any, context: Mapping[str, Any], **_: Any) -> None:
        asked = context["metered"]
        if model.name == "TransactWriteItems":
            self._transacted(asked["TransactItems"])
            return
        if model.name in WRITES and "Key" in asked and is_watch(asked["Key"]["pk"].get("S", "")):
            self.watches += 1
            return
        usage = self.usage.setdefault(asked["TableName"], Usage())
        usage.requests[model.name] += 1
        if model.name in WRITES:
            self._written(usage, asked, parsed)
        else:
            found = parsed.get("Items") or [parsed.get("Item") or {}]
            units = max(1, math.ceil(sum(map(size, found)) / (4 * _KB)))
            usage.read_units += units if asked.get("ConsistentRead") else units / 2

    def _transacted(self, changes: Sequence[Mapping[str, Any]]) -> None:
        """Count what is written in a transaction twice: of a row that was there, what is changed in it."""
        for change in changes:
            ((kind, asked),) = change.items()
            usage = self.usage.setdefault(asked["TableName"], Usage())
            usage.requests[kind] += 1
            written = asked.get("Item") or asked.get("ExpressionAttributeValues", {})
            units = max(1, math.ceil(size(written) / _KB))
            usage.write_units += 2 * units
            if "listed" in asked.get("ExpressionAttributeNames", {}).values():
                usage.index_units += units

    def _written(self, usage: Usage, asked: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        key = asked.get("Key") or asked["Item"]
        where = (asked["TableName"], key["pk"]["S"], key["sk"]["S"])
        before = self._rows.get(where, {})
        after: Item = before
        if "Error" not in answer:
            after = asked.get("Item") or answer.get("Attributes") or {}
            self._rows[where] = after
        units = max(1, math.ceil(max(size(before), size(after)) / _KB))
        usage.write_units += units
        if "listed" in after and after != before:
            moved = bool(before) and any(before[each] != after[each] for each in _INDEX)
            usage.index_units += units * (2 if moved else 1)


def size(item: Item) -> int:
    """Return a row's size in bytes, as DynamoDB counts it."""
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _size(attribute: Mapping[str, Any]) -> int:
    ((kind, value),) = attribute.items()
    match kind:
        case "S":
            return len(value.encode())
        case "N":
            return (len(value) + 1) // 2 + 1
        case "M":
            return 3 + sum(len(name.encode()) + _size(each) + 1 for name, each in value.items())
    return 1
