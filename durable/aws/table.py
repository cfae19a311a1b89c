"""The record's rows in a DynamoDB table.

The table has the partition key `pk`, the sort key `sk` (strings) and the time to live `expires`; its indexes are
described in `durable.aws.indexes`. Reads that are not of an index are consistent.

A row whose time is over reads as absent, although DynamoDB removes it only days later: each write holds for rows
whose time is not over, and one that meets such a row puts a new one in its place.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from durable.aws.expiry import SharedExpiry
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
from durable.store.conditions import expired, holds
from durable.store.table import ConditionFailed, Key, Row, TableBusy, Write

_REFUSED: Final = "ConditionalCheckFailed"
_TRIES: Final = 3


class DynamoDBTable(Indexes, SharedExpiry):
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

    def _apply(self, changes: Sequence[Change]) -> tuple[Row | None, ...]:
        over: tuple[Row | None, ...] = (None,) * len(changes)
        # DynamoDB keeps rows for days after their time: the first try holds for rows that are alive, the next ones put
        # new rows in the place of those that turned out not to be.
        for _ in range(_TRIES):
            try:
                return self._write(changes, over)
            except ConditionFailed as failed:
                over = tuple(row if row is not None and self._alive(row) is None else None for row in failed.rows)
                if not any(over) or not _hold_without(changes, over):
                    raise ConditionFailed([self._alive(row) for row in failed.rows]) from None
        raise TableBusy(f"{self._table}: rows whose time is over are being replaced by others; try again")

    def _expire(self, key: Key, expires: int | None) -> None:
        fields = {} if expires is None else {"expires": expires}
        removed = ("expires",) if expires is None else ()
        change = action(self._table, Write(key, fields, remove=removed), None, 0)
        # A row that was deleted since it was read, with its run, would come back empty, and stay for ever.
        change.parameters["ConditionExpression"] += f" AND attribute_exists({PARTITION})"
        with suppress(ConditionFailed):
            self._write_one(change)

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
