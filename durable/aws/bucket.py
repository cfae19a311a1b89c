"""Bucket in S3."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from durable.aws.session import client
from durable.clients.bucket import BucketClient


class S3Bucket(BucketClient):
    """A bucket of S3, whose lists are in the order of the keys' bytes too.

    Args:
        bucket: its name.
        s3: a boto3 client; without one, the process's own.
    """

    def __init__(self, name: str, bucket: str, *, s3: Any = None) -> None:
        super().__init__(name)
        self._bucket = bucket
        self._given = s3

    @property
    def _client(self) -> Any:
        return self._given or client("s3")

    def _read(self, key: str) -> bytes | None:
        try:
            data: bytes = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except self._client.exceptions.NoSuchKey:
            return None
        return data

    def _write(self, key: str, data: bytes) -> None:
        self._client.put_object(Bucket=self._bucket, Key=key, Body=data)

    def _remove(self, key: str) -> None:
        self._client.delete_object(Bucket=self._bucket, Key=key)

    def _keys(self, prefix: str, limit: int, after: str | None) -> Sequence[str]:
        return list(islice(self._find(prefix, limit, after), limit))

    def _find(self, prefix: str, limit: int, after: str | None) -> Iterator[str]:
        request: dict[str, Any] = {"Bucket": self._bucket, "Prefix": prefix, "MaxKeys": limit}
        if after is not None:
            request["StartAfter"] = after
        while True:
            page = self._client.list_objects_v2(**request)
            yield from (each["Key"] for each in page.get("Contents", []))
            # S3 may return fewer than were asked for, and say that there are more.
            if not page["IsTruncated"]:
                return
            request["ContinuationToken"] = page["NextContinuationToken"]


def client_of(name: str, _: Any, bucket: str) -> S3Bucket:
    """Return the client of a bucket, by its name on S3."""
    return S3Bucket(name, bucket)
