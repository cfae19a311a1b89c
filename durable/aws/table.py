"""The record's rows in a DynamoDB table.

The table has the partition key `pk`, the sort key `sk` (strings) and the time to live `expires`. `list` reads the
index `by-status` (all attributes): its partition key is `listed`, "<workflow>#<status>" and for statuses of many runs
"#<shard>", which a `run` row gets with its status; its sort key is `updated`, a number. A list merges one Query for
each partition: so none takes the writes of a whole workflow, and a few failed runs are found among millions that did
not. The index follows the table within a moment; all other reads are consistent.

`due` reads the index `by-due` (keys only), of the `run` and `pool` rows that have the field `due`: 16 partitions by a
hash of the row's partition, in the order of `due`.

A row whose time is over reads as absent, although DynamoDB removes it only days later: each write holds for rows
whose time is not over, and one that meets such a row puts a new one in its place.
"""

from __future__ import annotations

import base64
import contextlib
import heapq
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeGuard, get_args

from durable.aws.attributes import Item, decode, encode
from durable.aws.expression import (
    DUE_PARTITION,
    DUE_SHARDS,
    INDEX_PARTITION,
    PARTITION,
    SORT,
    Action,
    Change,
    Expression,
    action,
    due_shard,
    index_partitions,
)
from durable.aws.expression import key_of as _key
from durable.aws.session import client, code_of
from durable.bindings.workflow import Status
from durable.clock import Clock
from durable.store.conditions import RUN, check, check_limit, expired, holds, is_place
from durable.store.table import ConditionFailed, Delete, Key, Page, Row, TableBusy, Write

INDEX: Final = "by-status"
DUE_INDEX: Final = "by-due"
DUE_SORT: Final = "due"
INDEX_SORT: Final = "updated"
_LATEST: Final = 2**53 - 1

_STATUSES: Final[tuple[str, ...]] = get_args(Status)
_BUSY: Final = frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingError",
        "ThrottlingException",
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
_REFUSED: Final = "ConditionalCheckFailed"
_TRIES: Final = 3
_KEYS: Final = frozenset({PARTITION, SORT, INDEX_PARTITION, DUE_PARTITION})


class DynamoDBTable:
    """The `Table` of a deployment. Transactions are repeated by boto3 under one token, so that they count once.

    Args:
        table: the table's name.
        dynamodb: a boto3 client; without one, the process's own.
    """

    def __init__(self, table: str, clock: Clock, *, dynamodb: Any = None) -> None:
        self._table = table
        self._clock = clock
        self._given = dynamodb

    @property
    def _client(self) -> Any:
        return self._given or client("dynamodb")

    def get(self, key: Key) -> Row | None:
        with self._translated():
            return self._alive(self._read(key))

    def query(self, partition: str, prefix: str = "", *, limit: int | None = None) -> tuple[Row, ...]:
        wanted = Expression()
        condition = f"{wanted.name(PARTITION)} = {wanted.value(partition)}"
        if prefix:
            condition += f" AND begins_with({wanted.name(SORT)}, {wanted.value(prefix)})"
        page = {} if limit is None else {"Limit": limit}
        found = self._pages(KeyConditionExpression=condition, ConsistentRead=True, **page, **wanted.parameters())
        rows = ((item[SORT]["S"], self._alive(_row(item))) for item in found)
        alive = ({**row, "sort": sort} for sort, row in rows if row is not None)
        return tuple(itertools.islice(alive, limit))

    def write(self, *changes: Write | Delete) -> tuple[Row | None, ...]:
        """Apply all changes or none; the rows returned for several changes are read after them, so may be newer."""
        check(changes)
        over: tuple[Row | None, ...] = (None,) * len(changes)
        # Before the `run` row: if this is interrupted, the run has not ended yet, and whoever ends it does it again.
        # After it, nobody would: rows would stay for ever, or vanish although their run goes on.
        for change in changes:
            if _changes_expiry(change):
                self._spread(change.key.partition, change.set.get("expires"))
        for _ in range(_TRIES):
            try:
                return self._write(changes, over)
            except ConditionFailed as failed:
                over = tuple(row if row is not None and self._alive(row) is None else None for row in failed.rows)
                if not any(over) or not _hold_without(changes, over):
                    rows = [self._alive(row) for row in failed.rows]
                    for change, row in zip(changes, rows, strict=True):
                        if row is not None and _changes_expiry(change):
                            self._spread(change.key.partition, row.get("expires"))
                    raise ConditionFailed(rows) from None
        raise TableBusy(f"{self._table}: rows whose time is over are being replaced by others; try again")

    def list(
        self,
        workflow: str,
        *,
        status: str | None = None,
        since: int | None = None,
        until: int | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page:
        check_limit(limit)
        between = (since or 0, _LATEST if until is None else until - 1)
        if between[0] > between[1]:
            return Page((), None)
        partitions = [
            each for one in (_STATUSES if status is None else (status,)) for each in index_partitions(workflow, one)
        ]
        last = None if cursor is None else _Last.read(cursor, workflow, partitions)
        streams = [
            self._listed(each, between, None if last is None else last.goes_on(number), limit + 1)
            for number, each in enumerate(partitions)
        ]
        merged = heapq.merge(*streams, key=lambda entry: -int(entry[2]["updated"]))
        found = list(itertools.islice(merged, limit + 1))
        rows = tuple(row for _, _, row in found[:limit])
        if len(found) <= limit:
            return Page(rows, None)
        listed, partition, row = found[limit - 1]
        return Page(rows, _Last(partitions.index(listed), listed, partition, row["updated"]).cursor())

    def search(
        self,
        found: str,
        *,
        since: int | None = None,
        until: int | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page:
        check_limit(limit)
        low, high = since or 0, _LATEST if until is None else until - 1
        after: dict[str, Any] = {}
        if cursor is not None:
            partition, sort, updated = _place_of(cursor)
            high = min(high, updated)
            start = {PARTITION: partition, SORT: sort, INDEX_PARTITION: found, INDEX_SORT: updated}
            after = {"ExclusiveStartKey": {name: encode(value) for name, value in start.items()}}
        if low > high:
            return Page((), None)
        wanted = Expression()
        condition = f"{wanted.name(INDEX_PARTITION)} = {wanted.value(found)}"
        condition += f" AND {wanted.name(INDEX_SORT)} BETWEEN {wanted.value(low)} AND {wanted.value(high)}"
        pages = self._pages(
            IndexName=INDEX,
            KeyConditionExpression=condition,
            FilterExpression=wanted.alive(self._clock.now() // 1000),
            ScanIndexForward=False,
            Limit=limit + 1,
            **after,
            **wanted.parameters(),
        )
        items = list(itertools.islice(pages, limit + 1))
        last = items[limit - 1] if len(items) > limit else None
        place = None if last is None else [last[PARTITION]["S"], last[SORT]["S"], int(last[INDEX_SORT]["N"])]
        return Page(tuple(_row(each) for each in items[:limit]), None if place is None else _as_cursor(place))

    def due(self, until: int, *, limit: int = 100) -> Sequence[str]:
        found = [each for number in range(DUE_SHARDS) for each in self._due(due_shard(number), until, limit)]
        return [partition for _, partition in sorted(found)[:limit]]

    def _due(self, shard: str, until: int, limit: int) -> Iterator[tuple[int, str]]:
        wanted = Expression()
        condition = f"{wanted.name(DUE_PARTITION)} = {wanted.value(shard)}"
        condition += f" AND {wanted.name(DUE_SORT)} <= {wanted.value(until)}"
        found = self._pages(IndexName=DUE_INDEX, KeyConditionExpression=condition, Limit=limit, **wanted.parameters())
        for item in itertools.islice(found, limit):
            yield int(item[DUE_SORT]["N"]), item[PARTITION]["S"]

    def counts(self, workflow: str, *, most: int) -> Mapping[str, int]:
        counted = {status: self._count(workflow, status, most) for status in _STATUSES}
        return {status: number for status, number in counted.items() if number}

    def _count(self, workflow: str, status: str, most: int) -> int:
        """Return how many rows have a status, as far as `most`."""
        counted = 0
        for each in index_partitions(workflow, status):
            counted += self._count_partition(each, most - counted)
        return counted

    def _count_partition(self, listed: str, most: int) -> int:
        """Return how many rows a partition of the index has: read page by page, as far as `most`."""
        wanted, counted, after = Expression(), 0, dict[str, Any]()
        condition = f"{wanted.name(INDEX_PARTITION)} = {wanted.value(listed)}"
        while counted < most:
            with self._translated():
                page = self._client.query(
                    TableName=self._table,
                    IndexName=INDEX,
                    KeyConditionExpression=condition,
                    FilterExpression=wanted.alive(self._clock.now() // 1000),
                    Select="COUNT",
                    Limit=most - counted,
                    **after,
                    **wanted.parameters(),
                )
            counted += page["Count"]
            if "LastEvaluatedKey" not in page:
                break
            after = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        return counted

    def _listed(
        self, listed: str, between: tuple[int, int], start: tuple[int, str | None] | None, limit: int
    ) -> Iterator[tuple[str, str, Row]]:
        """Yield up to so many rows of a partition of the index, the newest first, each with both partitions.

        Args:
            start: the time from which the partition goes on, and the row of this time after which it does.
        """
        low, high = between
        after: dict[str, Any] = {}
        if start is not None and start[0] <= high:
            high, partition = start
            if partition is not None:
                after = {"ExclusiveStartKey": _index_key(listed, partition, high)}
        if low > high:  # DynamoDB refuses an empty range, and to start outside of one: `between` may have moved
            return
        wanted = Expression()
        condition = f"{wanted.name(INDEX_PARTITION)} = {wanted.value(listed)}"
        condition += f" AND {wanted.name(INDEX_SORT)} BETWEEN {wanted.value(low)} AND {wanted.value(high)}"
        found = self._pages(
            IndexName=INDEX,
            KeyConditionExpression=condition,
            FilterExpression=wanted.alive(self._clock.now() // 1000),
            ScanIndexForward=False,
            Limit=limit,
            **after,
            **wanted.parameters(),
        )
        for item in itertools.islice(found, limit):
            yield listed, item[PARTITION]["S"], _row(item)

    def _pages(self, **parameters: Any) -> Iterator[Item]:
        while True:
            with self._translated():
                page = self._client.query(TableName=self._table, **parameters)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            parameters["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _read(self, key: Key) -> Row | None:
        """Return a row, even if its time is over."""
        found = self._client.get_item(TableName=self._table, Key=_key(key), ConsistentRead=True)
        return _row(found["Item"]) if "Item" in found else None

    def _alive(self, row: Row | None) -> Row | None:
        return None if row is None or expired(row, self._clock.now()) else row

    def _write(self, changes: Sequence[Change], over: Sequence[Row | None]) -> tuple[Row | None, ...]:
        now = self._clock.now() // 1000
        actions = [action(self._table, change, row, now) for change, row in zip(changes, over, strict=True)]
        if len(actions) == 1 and actions[0].kind != "ConditionCheck":
            return (self._write_one(actions[0]),)
        self._transact(changes, actions)
        return tuple(
            self._read(change.key) if each.writes else None for change, each in zip(changes, actions, strict=True)
        )

    def _spread(self, partition: str, expires: int | None) -> None:
        """Give the other rows of a partition the time of its `run` row, which is when they are all removed."""
        for row in self.query(partition):
            if row["sort"] != RUN and row.get("expires") != expires:
                fields = {} if expires is None else {"expires": expires}
                removed = ("expires",) if expires is None else ()
                self._write([Write(Key(partition, row["sort"]), fields, remove=removed)], [None])

    def _write_one(self, action: Action) -> Row | None:
        calls = {"Update": "update_item", "Put": "put_item", "Delete": "delete_item"}
        extra = {"ReturnValues": "ALL_NEW"} if action.kind == "Update" else {}
        try:
            with self._translated():
                answer = getattr(self._client, calls[action.kind])(**action.parameters, **extra)
        except self._client.exceptions.ConditionalCheckFailedException as error:
            item = error.response.get("Item")
            raise ConditionFailed([_row(item) if item else None]) from None
        item = action.parameters["Item"] if action.kind == "Put" else answer.get("Attributes")
        return _row(item) if item is not None and action.writes else None

    def _transact(self, changes: Sequence[Change], actions: Sequence[Action]) -> None:
        try:
            with self._translated():
                self._client.transact_write_items(TransactItems=[{each.kind: each.parameters} for each in actions])
        except self._client.exceptions.TransactionCanceledException as error:
            reasons = error.response["CancellationReasons"]
            codes = {reason.get("Code") or "None" for reason in reasons}
            if _REFUSED in codes:
                raise ConditionFailed(self._standing(changes, reasons)) from None
            if codes <= _BUSY | {"None"}:
                raise TableBusy(f"{self._table}: {', '.join(sorted(codes - {'None'}))}; try again") from None
            raise

    def _standing(self, changes: Sequence[Change], reasons: Sequence[Mapping[str, Any]]) -> Sequence[Row | None]:
        """Return the rows as they stand: DynamoDB tells those whose conditions failed."""

        def standing(change: Change, reason: Mapping[str, Any]) -> Row | None:
            if reason.get("Code") != _REFUSED:
                return self._read(change.key)
            return _row(reason["Item"]) if reason.get("Item") else None

        return [standing(change, reason) for change, reason in zip(changes, reasons, strict=True)]

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except self._client.exceptions.ClientError as error:
            code = code_of(error)
            if code in _BUSY:
                raise TableBusy(f"{self._table}: {code}; try again") from None
            if code == "ValidationException" and "operand type" in str(error):
                raise TypeError("a field that is no whole number cannot be added to") from None
            raise


def _hold_without(changes: Sequence[Change], over: Sequence[Row | None]) -> bool:
    """Tell whether the conditions on the rows whose time is over hold, now that these read as absent."""
    return all(
        holds(condition, None)
        for change, row in zip(changes, over, strict=True)
        if row is not None
        for condition in change.when
    )


def _changes_expiry(change: Change) -> TypeGuard[Write]:
    """Return whether a change is one of a `run` row's time, which all rows of its partition share."""
    if not isinstance(change, Write) or change.key.sort != RUN:
        return False
    return "expires" in change.set or "expires" in change.remove


def _row(item: Item) -> Row:
    return {name: decode(value) for name, value in item.items() if name not in _KEYS}


def _as_cursor(place: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _place_of(cursor: str) -> tuple[str, str, int]:
    try:
        partition, sort, updated = json.loads(base64.urlsafe_b64decode(cursor))
        if isinstance(partition, str) and isinstance(sort, str) and type(updated) is int and 0 <= updated <= _LATEST:
            return partition, sort, updated
    except (ValueError, TypeError, RecursionError):
        pass
    raise ValueError("the cursor is none that search returned")


@dataclass(frozen=True, slots=True)
class _Last:
    """The last row of a page: rows are ordered by time, and those of one time by the index's partition.

    Attributes:
        number: which of the list's partitions of the index has the row.
    """

    number: int
    listed: str
    partition: str
    updated: int

    @classmethod
    def read(cls, cursor: str, workflow: str, partitions: Sequence[str]) -> _Last:
        with contextlib.suppress(ValueError, TypeError, RecursionError):
            listed, partition, updated = json.loads(base64.urlsafe_b64decode(cursor))
            if is_place(workflow, partition, updated):
                return cls(partitions.index(listed), listed, partition, updated)
        raise ValueError("the cursor is none that list returned")

    def cursor(self) -> str:
        return base64.urlsafe_b64encode(json.dumps([self.listed, self.partition, self.updated]).encode()).decode()

    def goes_on(self, number: int) -> tuple[int, str | None]:
        """Return up to which time one of the partitions goes on, and after which row of this time.

        The pages before had all rows of the last row's time of the partitions before its own, and none of those after.
        """
        if number < self.number:
            return self.updated - 1, None
        return self.updated, self.partition if number == self.number else None


def _index_key(listed: str, partition: str, updated: int) -> Item:
    return {
        PARTITION: encode(partition),
        SORT: encode(RUN),
        INDEX_PARTITION: encode(listed),
        INDEX_SORT: encode(updated),
    }
