"""KVNamespace in a DynamoDB table of its own.

All keys of a namespace stand in one partition, in the order of their bytes, so that a list by prefix is a Query and
reads are consistent. A value has a version, which each write makes anew: by it a write is conditional, and is known
again where its answer was lost and boto3 sent it twice. `until` is when a value's time is over, in milliseconds: reads
compare it, since DynamoDB removes rows only days after `expires`, which is the same time in seconds.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, TypeVar

from durable.aws.session import client, code_of
from durable.clients.kv import MOST_TRIES, KVClient, KVContended, Stored, in_seconds
from durable.clock import Clock, SystemClock, pause

V = TypeVar("V")

_PARTITION: Final = {"S": "kv"}
_ALIVE: Final = "attribute_not_exists(#until) OR #until > :now"
_ABSENT: Final = "attribute_not_exists(pk) OR #until <= :now"
_SAME: Final = f"#version = :version AND ({_ALIVE})"
_SAME_UNNAMED: Final = f"attribute_exists(pk) AND attribute_not_exists(#version) AND ({_ALIVE})"
_UNTIL: Final = {"#until": "until"}
_REFUSED: Final = "ConditionalCheckFailed"
_CONFLICTS: Final = frozenset({"TransactionConflict", "TransactionConflictException"})
"""Another transaction was writing the same value: neither of the two was refused for good."""
_FIRST_PAUSE_MS: Final = 5
_LONGEST_PAUSE_MS: Final = 500


class DynamoDBKVNamespace(KVClient[V]):
    """A namespace in DynamoDB.

    Args:
        value_type: the type of the values, as in `KVNamespace[Order]`.
        table: the table's name: partition key `pk`, sort key `sk`, time to live `expires`.
        dynamodb: a boto3 client; without one, the process's own.
        pause: waits for so many milliseconds before a write that met another one is tried again.
    """

    def __init__(
        self,
        name: str,
        value_type: Any,
        table: str,
        clock: Clock,
        *,
        dynamodb: Any = None,
        pause: Callable[[int], None] = pause,
    ) -> None:
        super().__init__(name, value_type, clock)
        self._table = table
        self._given = dynamodb
        self._pause = pause

    @property
    def _client(self) -> Any:
        return self._given or client("dynamodb")

    def _read(self, key: str, now: int) -> Stored | None:
        found = self._client.get_item(TableName=self._table, Key=_key(key), ConsistentRead=True).get("Item")
        if found is None:
            return None
        stored = _stored(found)
        return None if stored.expires is not None and stored.expires <= now else stored

    def _write(self, key: str, new: Stored) -> None:
        # Unconditional, so a repetition by boto3 writes the same; another write in between is overwritten, as if it had
        # come first.
        self._beside_others(lambda: self._client.put_item(TableName=self._table, Item=_item(key, new)))

    def _write_absent(self, key: str, new: Stored, now: int) -> bool:
        def write() -> None:
            self._client.put_item(
                TableName=self._table,
                Item=_item(key, new),
                ConditionExpression=_ABSENT,
                ExpressionAttributeNames=_UNTIL,
                ExpressionAttributeValues={":now": {"N": str(now)}},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )

        try:
            self._beside_others(write)
        except self._client.exceptions.ConditionalCheckFailedException as error:
            # Where it has the version that this call drew, the value is its own, and the answer to the write was lost.
            there = error.response.get("Item")
            return there is not None and _stored(there).version == new.version
        return True

    def _replace(self, key: str, new: Stored, version: str, now: int) -> bool:
        """Write in a transaction: DynamoDB carries it out once under the token with which boto3 repeats it."""
        values = {":now": {"N": str(now)}} | ({":version": {"S": version}} if version else {})
        put = {
            "TableName": self._table,
            "Item": _item(key, new),
            "ConditionExpression": _SAME if version else _SAME_UNNAMED,
            "ExpressionAttributeNames": {**_UNTIL, "#version": "version"},
            "ExpressionAttributeValues": values,
        }
        try:
            self._beside_others(lambda: self._client.transact_write_items(TransactItems=[{"Put": put}]))
        except self._client.exceptions.TransactionCanceledException as error:
            if _REFUSED in _codes(error):
                return False
            raise
        return True

    def _remove(self, key: str) -> None:
        self._beside_others(lambda: self._client.delete_item(TableName=self._table, Key=_key(key)))

    def _beside_others(self, write: Callable[[], object]) -> None:
        """Write, again where a transaction was writing the same value."""
        for tries in range(MOST_TRIES):
            try:
                write()
                return
            except self._client.exceptions.ClientError as error:
                if not _codes(error) & _CONFLICTS:
                    raise
                self._give_way(tries)
        raise KVContended(self.name)

    def _give_way(self, tries: int) -> None:
        self._pause(random.randint(1, min(_LONGEST_PAUSE_MS, _FIRST_PAUSE_MS << min(tries, 10))))

    def _keys(self, prefix: str, limit: int, after: str | None, now: int) -> Sequence[str]:
        return list(islice(self._find(prefix, limit, after, now), limit))

    def _find(self, prefix: str, limit: int, after: str | None, now: int) -> Iterator[str]:
        request: dict[str, Any] = {
            "TableName": self._table,
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :prefix)" if prefix else "pk = :pk",
            "FilterExpression": _ALIVE,
            "ProjectionExpression": "sk",
            "ExpressionAttributeNames": _UNTIL,
            "ExpressionAttributeValues": {":pk": _PARTITION, ":now": {"N": str(now)}}
            | ({":prefix": {"S": prefix}} if prefix else {}),
            # Before the filter: so a page may hold fewer, and is followed by another.
            "Limit": limit,
        } | ({} if after is None else {"ExclusiveStartKey": _key(after)})
        while True:
            page = self._client.query(**request)
            yield from (item["sk"]["S"] for item in page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _key(key: str) -> dict[str, Any]:
    return {"pk": _PARTITION, "sk": {"S": key}}


def _item(key: str, new: Stored) -> dict[str, Any]:
    item = _key(key) | {"value": {"S": new.text}, "version": {"S": new.version}}
    if new.expires is not None:
        item |= {"until": {"N": str(new.expires)}, "expires": {"N": str(in_seconds(new.expires))}}
    return item


def _stored(item: dict[str, Any]) -> Stored:
    expires = int(item["until"]["N"]) if "until" in item else None
    return Stored(item["value"]["S"], expires, item["version"]["S"] if "version" in item else "")


def _codes(error: Any) -> set[str]:
    """Return why DynamoDB refused a request, or each change of a transaction."""
    reasons = error.response.get("CancellationReasons", ())
    return {code_of(error), *(each.get("Code", "") for each in reasons)}


def client_of(name: str, value_type: Any, table: str) -> DynamoDBKVNamespace[Any]:
    """Return the client of the namespace that is kept in a table."""
    return DynamoDBKVNamespace(name, value_type, table, SystemClock())
