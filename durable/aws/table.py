"""The record's rows in a DynamoDB table.

The table has the partition key `pk`, the sort key `sk` (strings) and the time to live `expires`; its indexes are
described in `durable.aws.indexes`. Reads that are not of an index are consistent.

A row whose time is over reads as absent, although DynamoDB removes it only days later: each write holds for rows
whose time is not over, and one that meets such a row puts a new one in its place.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, TypeGuard

from durable.aws.expression import (
    PARTITION,
    SORT,
    Action,
    Change,
    Expression,
    action,
)
from durable.aws.expression import key_of as _key
from durable.aws.indexes import BUSY, Indexes, row_of
from durable.store.conditions import RUN, check, expired, holds
from durable.store.table import ConditionFailed, Delete, Key, Row, TableBusy, Write

_REFUSED: Final = "ConditionalCheckFailed"
_TRIES: Final = 3
_FAR_SECONDS: Final = 400 * 24 * 3600
"""How much longer than its run a row stays at the most that was to be kept, should the process end in between."""


class DynamoDBTable(Indexes):
    """The `Table` of a deployment. Transactions are repeated by boto3 under one token, so that they count once."""

    def get(self, key: Key) -> Row | None:
        with self._translated():
            return self._alive(self._read(key))

    def query(self, partition: str, prefix: str = "", *, since: str = "", limit: int | None = None) -> tuple[Row, ...]:
        wanted = Expression()
        condition = f"{wanted.name(PARTITION)} = {wanted.value(partition)}"
        if prefix:
            condition += f" AND begins_with({wanted.name(SORT)}, {wanted.value(prefix)})"
        elif since:
            condition += f" AND {wanted.name(SORT)} >= {wanted.value(since)}"
        # Of the rows read and not of those returned: rows whose time is over are left out below, so there may be
        # another page.
        page = {} if limit is None else {"Limit": limit}
        found = self._pages(KeyConditionExpression=condition, ConsistentRead=True, **page, **wanted.parameters())
        rows = ((item[SORT]["S"], self._alive(row_of(item))) for item in found)
        alive = ({**row, "sort": sort} for sort, row in rows if row is not None)
        return tuple(itertools.islice(alive, limit))

    def write(self, *changes: Write | Delete) -> tuple[Row | None, ...]:
        """Apply all changes or none; the rows returned for several changes are read after them, so may be newer."""
        check(changes)
        over: tuple[Row | None, ...] = (None,) * len(changes)
        ends = [change for change in changes if _changes_expiry(change)]
        # Before the `run` row: if this is interrupted, the run has not ended yet, and whoever ends it does it again.
        # After it, nobody would: rows would stay for ever, or vanish although their run goes on.
        spread = [change for change in ends if self._spread_before(change)]
        for end in ends:
            changes = tuple(_sharing(each, end) for each in changes)
        # DynamoDB keeps rows for days after their time: the first try holds for rows that are alive, the next ones put
        # new rows in the place of those that turned out not to be.
        for _ in range(_TRIES):
            try:
                written = self._write(changes, over)
            except ConditionFailed as failed:
                over = tuple(row if row is not None and self._alive(row) is None else None for row in failed.rows)
                if not any(over) or not _hold_without(changes, over):
                    rows = [self._alive(row) for row in failed.rows]
                    for change, row in zip(changes, rows, strict=True):
                        # The rows were given a time that the `run` row did not get: they are given back the one that it
                        # has.
                        if row is not None and change.key in {each.key for each in spread}:
                            self._spread(change.key.partition, row.get("expires"))
                    raise ConditionFailed(rows) from None
            else:
                for end in ends:
                    if end not in spread or "expires" in end.remove:
                        with suppress(TableBusy):  # then the rows have a time that is far away
                            self._spread(end.key.partition, end.set.get("expires"))
                return written
        raise TableBusy(f"{self._table}: rows whose time is over are being replaced by others; try again")

    def _spread_before(self, change: Write) -> bool:
        """Give the rows of a partition the time that their `run` row is about to get; False where that will not get it:
        a run that executes on is not to lose its rows because the process ends that finds so.
        """
        partition = change.key.partition
        rows = self.query(partition)
        run = next((row for row in rows if row["sort"] == RUN), None)
        if not all(holds(each, run) for each in change.when):
            return False
        expires = change.set.get("expires")
        if expires is None and run is not None and "expires" in run:
            # One that is to go on, and does not after all, is not to leave rows for ever.
            expires = run["expires"] + _FAR_SECONDS
        self._spread(partition, expires, rows)
        return True

    def _read(self, key: Key) -> Row | None:
        """Return a row, even if its time is over."""
        found = self._client.get_item(TableName=self._table, Key=_key(key), ConsistentRead=True)
        return row_of(found["Item"]) if "Item" in found else None

    def _alive(self, row: Row | None) -> Row | None:
        return None if row is None or expired(row, self._clock.now()) else row

    def _write(self, changes: Sequence[Change], over: Sequence[Row | None]) -> tuple[Row | None, ...]:
        now = self._clock.now() // 1000
        actions = [action(self._table, change, row, now) for change, row in zip(changes, over, strict=True)]
        if len(actions) == 1 and actions[0].kind != "ConditionCheck":
            return (self._write_one(actions[0]),)
        self._transact(changes, actions)
        return tuple(
            # A transaction returns no rows, so they are read: see the docstring of `write`.
            self._read(change.key) if each.writes else None
            for change, each in zip(changes, actions, strict=True)
        )

    def _spread(self, partition: str, expires: int | None, rows: Iterable[Row] | None = None) -> None:
        """Give the other rows of a partition the time of its `run` row, which is when they are all removed."""
        # One write each: a transaction takes 100 rows, and costs twice as much.
        for row in self.query(partition) if rows is None else rows:
            if row["sort"] != RUN and row.get("expires") != expires:
                fields = {} if expires is None else {"expires": expires}
                removed = ("expires",) if expires is None else ()
                change = action(self._table, Write(Key(partition, row["sort"]), fields, remove=removed), None, 0)
                # A row that was deleted since it was read, with its run, would come back empty, and stay for ever.
                change.parameters["ConditionExpression"] += f" AND attribute_exists({PARTITION})"
                with suppress(ConditionFailed):
                    self._write_one(change)

    def _write_one(self, action: Action) -> Row | None:
        calls = {"Update": "update_item", "Put": "put_item", "Delete": "delete_item"}
        extra = {"ReturnValues": "ALL_NEW"} if action.kind == "Update" else {}
        try:
            with self._translated():
                answer = getattr(self._client, calls[action.kind])(**action.parameters, **extra)
        except self._client.exceptions.ConditionalCheckFailedException as error:
            # With the refusal comes the row as it was checked: to read it now might show a later one.
            item = error.response.get("Item")
            raise ConditionFailed([row_of(item) if item else None]) from None
        item = action.parameters["Item"] if action.kind == "Put" else answer.get("Attributes")
        return row_of(item) if item is not None and action.writes else None

    def _transact(self, changes: Sequence[Change], actions: Sequence[Action]) -> None:
        try:
            with self._translated():
                self._client.transact_write_items(TransactItems=[{each.kind: each.parameters} for each in actions])
        except self._client.exceptions.TransactionCanceledException as error:
            reasons = error.response["CancellationReasons"]
            codes = {reason.get("Code") or "None" for reason in reasons}
            if _REFUSED in codes:
                raise ConditionFailed(self._standing(changes, reasons)) from None
            # None stands for the changes that were not at fault.
            if codes <= BUSY | {"None"}:
                raise TableBusy(f"{self._table}: {', '.join(sorted(codes - {'None'}))}; try again") from None
            raise

    def _standing(self, changes: Sequence[Change], reasons: Sequence[Mapping[str, Any]]) -> Sequence[Row | None]:
        """Return the rows as they stand: DynamoDB tells those whose conditions failed."""

        def standing(change: Change, reason: Mapping[str, Any]) -> Row | None:
            if reason.get("Code") != _REFUSED:
                # Its own condition held, so DynamoDB says nothing of it.
                return self._read(change.key)
            return row_of(reason["Item"]) if reason.get("Item") else None

        return [standing(change, reason) for change, reason in zip(changes, reasons, strict=True)]


def _hold_without(changes: Sequence[Change], over: Sequence[Row | None]) -> bool:
    """Tell whether the conditions on the rows whose time is over hold, now that these read as absent."""
    return all(
        holds(condition, None)
        for change, row in zip(changes, over, strict=True)
        if row is not None
        for condition in change.when
    )


def _sharing(change: Change, run: Write) -> Change:
    """Return a change that is made together with one of its `run` row's time: its row has the same time."""
    is_beside = isinstance(change, Write) and change.key.partition == run.key.partition and change.key != run.key
    if not isinstance(change, Write) or not is_beside or change.check_only or "expires" in change.set:
        return change
    if "expires" in run.set:
        return change._replace(set={**change.set, "expires": run.set["expires"]})
    return change._replace(remove=tuple({*change.remove, "expires"}))


def _changes_expiry(change: Change) -> TypeGuard[Write]:
    """Return whether a change is one of a `run` row's time, which all rows of its partition share."""
    if not isinstance(change, Write) or change.key.sort != RUN:
        return False
    return "expires" in change.set or "expires" in change.remove
