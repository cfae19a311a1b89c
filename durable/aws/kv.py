"""KVNamespace in a DynamoDB table of its own.

All keys stand in one partition, in the order of their bytes, so that a list by prefix is a Query and reads are
consistent. `until` is when a value's time is over, in milliseconds: reads compare it, since DynamoDB removes rows
only days after `expires`, which is the same time in seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final, TypeVar

from durable.aws.session import client
from durable.clients.kv import KVClient, in_seconds
from durable.clock import Clock, SystemClock

V = TypeVar("V")

_PARTITION: Final = {"S": "kv"}
_ALIVE: Final = "attribute_not_exists(#until) OR #until > :now"
_ABSENT: Final = "attribute_not_exists(pk) OR #until <= :now"
_UNTIL: Final = {"#until": "until"}


class DynamoDBKVNamespace(KVClient[V]):
    """A namespace in DynamoDB.

    Args:
        value_type: the type of the values, as in `KVNamespace[Order]`.
        table: the table's name: partition key `pk`, sort key `sk`, time to live `expires`.
        dynamodb: a boto3 client; without one, the process's own.
    """

    def __init__(self, name: str, value_type: Any, table: str, clock: Clock, *, dynamodb: Any = None) -> None:
        super().__init__(name, value_type, clock)
        self._table = table
        self._given = dynamodb

    @property
    def _client(self) -> Any:
        return self._given or client("dynamodb")

    def _read(self, key: str, now: int) -> str | None:
        found = self._client.get_item(TableName=self._table, Key=_key(key), ConsistentRead=True).get("Item")
        if found is None or ("until" in found and int(found["until"]["N"]) <= now):
            return None
        return str(found["value"]["S"])

    def _write(self, key: str, text: str, expires: int | None) -> None:
        self._client.put_item(TableName=self._table, Item=_item(key, text, expires))

    def _write_absent(self, key: str, text: str, expires: int | None, now: int) -> bool:
        try:
            self._client.put_item(
                TableName=self._table,
                Item=_item(key, text, expires),
                ConditionExpression=_ABSENT,
                ExpressionAttributeNames=_UNTIL,
                ExpressionAttributeValues={":now": {"N": str(now)}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _remove(self, key: str) -> None:
        self._client.delete_item(TableName=self._table, Key=_key(key))

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


def _item(key: str, text: str, expires: int | None) -> dict[str, Any]:
    item = _key(key) | {"value": {"S": text}}
    if expires is not None:
        item |= {"until": {"N": str(expires)}, "expires": {"N": str(in_seconds(expires))}}
    return item


def client_of(name: str, value_type: Any, table: str) -> DynamoDBKVNamespace[Any]:
    """Return the client of the namespace that is kept in a table."""
    return DynamoDBKVNamespace(name, value_type, table, SystemClock())
