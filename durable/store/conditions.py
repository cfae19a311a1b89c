"""What both tables check before they try a change, and what a condition means for a row."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, Final, assert_never

from durable.store.table import Absent, Below, Condition, Delete, Either, Equals, Key, Row, Write

MOST_CHANGES: Final = 100
"""How many rows DynamoDB takes in a transaction. It takes 4 MB in all besides, which nothing checks here: see
`durable.operations.lifecycle`."""
MOST_LISTED: Final = 100
_LONGEST_KEY_BYTES: Final = 1024
"""Of the sort key in DynamoDB; a partition key has 2,048."""
RUN: Final = "run"
"""The sort key of the rows that `list` finds."""
SEARCH: Final = "search#"
"""How the sort keys begin of the rows that `search` finds: those with the fields `found`, `updated` and `instance`."""
HEAD: Final = "pool"
"""The sort key of the head of a pool of runs: see `durable.store.pools`."""
DUE: Final = frozenset({RUN, HEAD})
"""The sort keys of the rows that `due` finds."""
_LISTED: Final = frozenset({"workflow", "status", "updated"})
RESERVED: Final = frozenset({"partition", "sort", "pk", "sk", "listed", "due_shard", "nothing"})
"""Names that no field of a row may have: the tables use them."""


def check(changes: Sequence[Write | Delete]) -> None:
    """Raise ValueError for changes that no table takes: a mistake of the caller, not a matter of the data."""
    if not 0 < len(changes) <= MOST_CHANGES:
        raise ValueError(f"{len(changes)} changes in one write; it takes 1 to {MOST_CHANGES}")
    # DynamoDB refuses two actions on one item in a transaction. SQLite would take them: so it is checked for both.
    if len(changes) > 1 and len({change.key for change in changes}) < len(changes):
        raise ValueError("two changes of one row in one write; make them one")
    for change in changes:
        if isinstance(change, Write):
            check_write(change)


def check_write(write: Write) -> None:
    """Raise ValueError for a write that no table takes: as `check`, of one."""
    _check_fields(tuple(write.set), tuple(write.add), write.remove, write.key.sort == RUN)
    # DynamoDB's TTL ignores an attribute that is no number, without a word: the row would stay for ever.
    if type(write.set.get("expires", 0)) is not int:
        raise ValueError("a field named expires is when the row vanishes: whole seconds since 1970")
    if write.check_only and (write.set or write.add or write.remove or not write.when):
        raise ValueError("a write that only checks has conditions and changes nothing")


# The few shapes that writes have come again and again.
@functools.lru_cache(maxsize=1024)
def _check_fields(set_: tuple[str, ...], added: tuple[str, ...], removed: tuple[str, ...], is_run: bool) -> None:
    names = [*set_, *added, *removed]
    if len(set(names)) < len(names):
        raise ValueError(f"a field stands twice among {names}; set, add to or remove it")
    if not RESERVED.isdisjoint(names):
        raise ValueError(f"fields cannot be named {sorted(RESERVED.intersection(names))}; rename them")
    # In DynamoDB a row is in the index by `listed` and `updated`, of which the first is made of the other two fields: a
    # status alone would leave the row listed under its former one.
    if is_run and _LISTED.intersection(set_) not in (set(), {"updated"}, _LISTED):
        raise ValueError(f"a `run` row's {sorted(_LISTED)} are set together, or `updated` alone: they are its index")
    if is_run and not _LISTED.isdisjoint(removed):
        raise ValueError(f"a `run` row keeps its {sorted(_LISTED)}: they are its index")


def check_limit(limit: int) -> None:
    """Raise ValueError for a page size that `list` does not take."""
    if not 0 < limit <= MOST_LISTED:
        raise ValueError(f"limit is {limit}; list takes 1 to {MOST_LISTED}")


def is_place(workflow: str, partition: Any, updated: Any) -> bool:
    """Return whether a place in a list of a workflow's runs can be one; a cursor may be forged."""
    of_workflow = isinstance(partition, str) and partition.startswith(f"{workflow}#")
    return of_workflow and is_key(Key(partition, RUN)) and type(updated) is int and 0 <= updated < 2**63


def is_key(key: Key) -> bool:
    """Return whether a row can have a key; what comes from outside may be too long, or hold lone surrogates."""
    try:
        return all(len(part.encode()) <= _LONGEST_KEY_BYTES for part in key)
    except UnicodeEncodeError:
        return False


def expired(row: Row, now: int) -> bool:
    """Tell whether the row's time is over, at a time in milliseconds: it then reads as absent."""
    expires = row.get("expires")
    return expires is not None and bool(expires * 1000 <= now)


def holds(condition: Condition, row: Row | None) -> bool:
    """Tell whether the condition holds for a row, as DynamoDB would: values of other types are never equal."""
    if isinstance(condition, Absent):
        return row is None or condition.field not in row
    if isinstance(condition, Equals):
        field, wanted = condition
        value = None if row is None else row.get(field)
        # In Python True equals 1.
        return type(value) is type(wanted) and bool(value == wanted)
    if isinstance(condition, Either):
        return any(holds(each, row) for each in condition.conditions)
    if isinstance(condition, Below):
        value = None if row is None else row.get(condition.field)
        # True is an int in Python; to DynamoDB it is no number.
        return type(value) is int and value < condition.value
    assert_never(condition)


def changed(write: Write, row: Row | None) -> Row:
    """Return the row after the write."""
    after = dict(write.set) if row is None else {**row, **write.set}
    for name, number in write.add.items():
        # DynamoDB adds to what was there before the update, never to a field that the same update sets; `check` has
        # seen to it that there is none.
        before = after.get(name, 0)
        if type(before) is not int:
            raise TypeError(f"field {name} is no whole number and cannot be added to")
        after[name] = before + number
    for name in write.remove:
        after.pop(name, None)
    return after
