"""What is read from the indexes of the record's table: the runs by their status and time, and those that are due.

`list` reads the index `by-status` (all attributes): its partition key is `listed`, "<workflow>#<status>" and for
statuses of many runs "#<shard>", which a `run` row gets with its status; its sort key is `updated`, a number. A list
merges one Query for each partition: so none takes the writes of a whole workflow, and a few failed runs are found
among millions that did not. The index follows the table within a moment.

`due` reads the index `by-due` (keys only), of the `run` and `pool` rows that have the field `due`: 16 partitions by a
hash of the row's partition, in the order of `due`.
"""

from __future__ import annotations

import base64
import contextlib
import heapq
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

from durable.aws.attributes import Item, decode, encode
from durable.aws.expression import (
    DUE_PARTITION,
    DUE_SHARDS,
    INDEX_PARTITION,
    PARTITION,
    SORT,
    Expression,
    due_shard,
    index_partitions,
)
from durable.aws.session import client, code_of, unreachable
from durable.bindings.workflow import Status
from durable.clock import Clock
from durable.store.conditions import RUN, SEARCH, check_limit, is_key, is_place
from durable.store.table import Key, Page, Row, TableBusy

INDEX: Final = "by-status"
DUE_INDEX: Final = "by-due"
DUE_SORT: Final = "due"
INDEX_SORT: Final = "updated"
_LATEST: Final = 2**53 - 1

_STATUSES: Final[tuple[str, ...]] = get_args(Status)
BUSY: Final = frozenset(
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
_KEYS: Final = frozenset({PARTITION, SORT, INDEX_PARTITION, DUE_PARTITION})


class Indexes:
    """Reads of a table's indexes.

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
        # Lazily: each partition is read as far as its rows stand on this page.
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
            partition, sort, updated = _place_of(cursor, found)
            high = min(high, updated)
            after = _after(found, partition, sort, updated)
        if low > high:
            return Page((), None)
        pages = self._newest(found, low, high, after, limit + 1)
        items = list(itertools.islice(pages, limit + 1))
        last = items[limit - 1] if len(items) > limit else None
        place = None if last is None else [last[PARTITION]["S"], last[SORT]["S"], int(last[INDEX_SORT]["N"])]
        return Page(tuple(row_of(each) for each in items[:limit]), None if place is None else _as_cursor(place))

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
                    # Counts only what this page has room for; expired rows are read and not counted.
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
                after = _after(listed, partition, RUN, high)
        if low > high:  # DynamoDB refuses an empty range, and to start outside of one: `between` may have moved
            return
        found = self._newest(listed, low, high, after, limit)
        for item in itertools.islice(found, limit):
            yield listed, item[PARTITION]["S"], row_of(item)

    def _newest(self, listed: str, low: int, high: int, after: Mapping[str, Any], limit: int) -> Iterator[Item]:
        """Yield the items of a partition of the index between two times, the newest first, read so many at once."""
        wanted = Expression()
        condition = f"{wanted.name(INDEX_PARTITION)} = {wanted.value(listed)}"
        condition += f" AND {wanted.name(INDEX_SORT)} BETWEEN {wanted.value(low)} AND {wanted.value(high)}"
        return self._pages(
            IndexName=INDEX,
            KeyConditionExpression=condition,
            FilterExpression=wanted.alive(self._clock.now() // 1000),
            ScanIndexForward=False,
            Limit=limit,
            **after,
            **wanted.parameters(),
        )

    def _pages(self, **parameters: Any) -> Iterator[Item]:
        while True:
            with self._translated():
                page = self._client.query(TableName=self._table, **parameters)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            # A page may be empty and still not be the last: it ends at 1 MB, or at the limit, before rows are filtered.
            parameters["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except self._client.exceptions.ClientError as error:
            code = code_of(error)
            if code in BUSY:
                raise TableBusy(f"{self._table}: {code}; try again") from None
            if code == "ValidationException" and "operand type" in str(error):
                raise TypeError("a field that is no whole number cannot be added to") from None
            raise
        except unreachable() as error:
            raise TableBusy(f"{self._table}: {type(error).__name__}; try again") from None


def row_of(item: Item) -> Row:
    return {name: decode(value) for name, value in item.items() if name not in _KEYS}


def _as_cursor(place: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _place_of(cursor: str, found: str) -> tuple[str, str, int]:
    """Return after which row a search goes on, of the runs that are found under something."""
    with contextlib.suppress(ValueError, TypeError, RecursionError):
        partition, sort, updated = json.loads(base64.urlsafe_b64decode(cursor))
        is_search = isinstance(sort, str) and sort.startswith(SEARCH) and is_key(Key("", sort))
        if is_search and is_place(found.partition("#")[0], partition, updated):
            return partition, sort, updated
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
        return _as_cursor([self.listed, self.partition, self.updated])

    def goes_on(self, number: int) -> tuple[int, str | None]:
        """Return up to which time one of the partitions goes on, and after which row of this time.

        The pages before had all rows of the last row's time of the partitions before its own, and none of those after.
        """
        if number < self.number:
            return self.updated - 1, None
        return self.updated, self.partition if number == self.number else None


def _after(listed: str, partition: str, sort: str, updated: int) -> dict[str, Any]:
    """Return what has a query of the index go on after a row."""
    key = {PARTITION: partition, SORT: sort, INDEX_PARTITION: listed, INDEX_SORT: updated}
    return {"ExclusiveStartKey": {name: encode(value) for name, value in key.items()}}
