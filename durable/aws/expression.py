"""Conditions and changes of a row in DynamoDB's expressions."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, assert_never

from durable.aws.attributes import Attribute, Item, encode
from durable.store.conditions import DUE, RUN, SEARCH, changed
from durable.store.table import Absent, Below, Condition, Delete, Either, Equals, Key, Row, Write

Change = Write | Delete
Kind = Literal["Update", "Put", "Delete", "ConditionCheck"]

PARTITION: Final = "pk"
SORT: Final = "sk"
INDEX_PARTITION: Final = "listed"
DUE_PARTITION: Final = "due_shard"
DUE_SHARDS: Final = 16
STATUS_SHARDS: Final = 8
_BUSY: Final = frozenset({"queued", "running", "waiting", "complete"})
_NOTHING: Final = "nothing"
"""A field that no row has: an update must say something."""


class Expression:
    """Names and values of one request; every name is a placeholder, since DynamoDB reserves some 600 words."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._values: dict[str, Attribute] = {}

    def name(self, field: str) -> str:
        return self._names.setdefault(field, f"#{len(self._names)}")

    def value(self, value: Any) -> str:
        placeholder = f":{len(self._values)}"
        self._values[placeholder] = encode(value)
        return placeholder

    def condition(self, condition: Condition) -> str:
        """Return a condition; like DynamoDB's own, one on a value of another type does not hold."""
        match condition:
            case Absent(field):
                return f"attribute_not_exists({self.name(field)})"
            case Equals(field, value):
                return f"{self.name(field)} = {self.value(value)}"
            case Below(field, value):
                return f"{self.name(field)} < {self.value(value)}"
            case Either():
                choices = [self.condition(each) for each in _flat(condition)]
                return choices[0] if len(choices) == 1 else f"({' OR '.join(choices)})"
            case _:
                assert_never(condition)

    def alive(self, now_seconds: int) -> str:
        """Return the condition that the row's time is not over, or that there is no row."""
        expires = self.name("expires")
        return f"(attribute_not_exists({expires}) OR {expires} > {self.value(now_seconds)})"

    def update(self, write: Write) -> str:
        """Return the update expression of a write."""
        fields = {**write.set, **_index(write.key, write.set)}
        # Without its partition key a row leaves the index: so only rows that have `due` stand in it.
        removed = [*write.remove, DUE_PARTITION] if _is_due(write.key, write.remove) else write.remove
        sets = [f"{self.name(field)} = {self.value(value)}" for field, value in fields.items()]
        for field, number in write.add.items():
            name = self.name(field)
            sets.append(f"{name} = if_not_exists({name}, {self.value(0)}) + {self.value(number)}")
        set_clause = f"SET {', '.join(sets)}" if sets else ""
        remove_clause = f"REMOVE {', '.join(map(self.name, removed))}" if removed else ""
        # A write of nothing still makes the row: see the contract of `Write`.
        return f"{set_clause} {remove_clause}".strip() or f"REMOVE {self.name(_NOTHING)}"

    def parameters(self) -> dict[str, Any]:
        """Return the request's parameters that give the placeholders their meaning."""
        names = {placeholder: field for field, placeholder in self._names.items()}
        return ({"ExpressionAttributeNames": names} if names else {}) | (
            {"ExpressionAttributeValues": self._values} if self._values else {}
        )


def _flat(condition: Either) -> Iterator[Condition]:
    """Yield the choices with those of choices among them: DynamoDB refuses parentheses that are not needed."""
    for each in condition.conditions:
        if isinstance(each, Either):
            yield from _flat(each)
        else:
            yield each


@dataclass(frozen=True, slots=True)
class Action:
    """One change as DynamoDB takes it, alone or in a transaction; `writes`: whether there is a row after it."""

    kind: Kind
    parameters: dict[str, Any]

    @property
    def writes(self) -> bool:
        return self.kind in ("Update", "Put")


def action(table: str, change: Change, over: Row | None, now_seconds: int) -> Action:
    """Return a change as an action.

    Args:
        over: the row that stands there although its time is over, where it is known: the change then replaces it.
    """
    if over is not None:
        return _replacement(table, change, over["expires"])
    expression = Expression()
    update = {} if isinstance(change, Delete) or change.check_only else {"UpdateExpression": expression.update(change)}
    guard = _guarded(expression, [expression.alive(now_seconds), *map(expression.condition, change.when)])
    kind: Kind = "Delete" if isinstance(change, Delete) else "Update" if update else "ConditionCheck"
    return Action(kind, {"TableName": table, "Key": key_of(change.key)} | update | guard)


def _replacement(table: str, change: Change, expires: int) -> Action:
    expression = Expression()
    # By its time: if another process has replaced the row meanwhile, this fails, and `DynamoDBTable.write` looks again.
    guard = _guarded(expression, [f"{expression.name('expires')} = {expression.value(expires)}"])
    if isinstance(change, Delete) or change.check_only:
        kind: Kind = "Delete" if isinstance(change, Delete) else "ConditionCheck"
        return Action(kind, {"TableName": table, "Key": key_of(change.key)} | guard)
    row = changed(change, None)
    item = {name: encode(value) for name, value in {**row, **_index(change.key, row)}.items()}
    return Action("Put", {"TableName": table, "Item": key_of(change.key) | item} | guard)


def _guarded(expression: Expression, conditions: Sequence[str]) -> dict[str, Any]:
    return {
        "ConditionExpression": " AND ".join(conditions),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    } | expression.parameters()


def key_of(key: Key) -> Item:
    return {PARTITION: encode(key.partition), SORT: encode(key.sort)}


def _index(key: Key, fields: Mapping[str, Any]) -> dict[str, str]:
    """Return the partitions of the indexes that a row is to stand in."""
    index: dict[str, str] = {}
    if key.sort == RUN and "status" in fields:
        index[INDEX_PARTITION] = listed_as(fields["workflow"], fields["status"], key.partition)
    if key.sort.startswith(SEARCH) and "found" in fields:
        index[INDEX_PARTITION] = fields["found"]
    if _is_due(key, fields):
        index[DUE_PARTITION] = due_shard(_hash(key.partition) % DUE_SHARDS)
    return index


def _is_due(key: Key, fields: Collection[str]) -> bool:
    return key.sort in DUE and "due" in fields


def due_shard(number: int) -> str:
    """Return one of the partitions of the index of what is due: several, since each takes 1,000 writes a second."""
    return f"due#{number}"


def listed_as(workflow: str, status: str, partition: str) -> str:
    """Return the index's partition of a run that is in a status, given the table's partition of the run."""
    partitions = index_partitions(workflow, status)
    return partitions[_hash(partition) % len(partitions)]


def index_partitions(workflow: str, status: str) -> Sequence[str]:
    """Return the index's partitions of the runs of a workflow that are in a status.

    A partition takes 1,000 writes a second, so statuses that most runs come to have several. The first has the name
    that the only one had in former versions: their rows are found there.
    """
    first = f"{workflow}#{status}"
    return [first, *(f"{first}#{number}" for number in range(1, STATUS_SHARDS))] if status in _BUSY else [first]


def _hash(partition: str) -> int:
    return zlib.crc32(partition.encode())
