"""Large values in S3."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final

from durable.aws.session import client, code_of
from durable.store.large_values import RunPlace, ValuesBusy

_MOST_AT_ONCE: Final = 1000
_BUSY: Final = frozenset({"RequestTimeout", "RequestTimeTooSkewed", "SlowDown", "Throttling", "TooManyRequests"})
_LINK_SECONDS: Final = 900
"""How long a link is good; the credentials that it is signed with may end before."""
_FAULT: Final = 500
"""From this HTTP status on, an error is the service's own."""


class S3Values:
    """Keeps values in a bucket, under the name of their run.

    Args:
        bucket: its name.
        s3: a boto3 client; without one, the process's own.
    """

    def __init__(self, bucket: str, *, s3: Any = None) -> None:
        self._bucket = bucket
        self._given = s3

    @property
    def _client(self) -> Any:
        return self._given or client("s3")

    def write(self, run: RunPlace, name: str, data: bytes) -> None:
        with self._translated():
            self._client.put_object(Bucket=self._bucket, Key=f"{run}/{name}", Body=data)

    def read(self, run: RunPlace, name: str) -> bytes | None:
        try:
            with self._translated():
                data: bytes = self._client.get_object(Bucket=self._bucket, Key=f"{run}/{name}")["Body"].read()
        except self._client.exceptions.NoSuchKey:
            return None
        return data

    def copy(self, run: RunPlace, name: str, to: RunPlace, new: str) -> bool:
        source = {"Bucket": self._bucket, "Key": f"{run}/{name}"}
        try:
            with self._translated():
                self._client.copy_object(Bucket=self._bucket, Key=f"{to}/{new}", CopySource=source)
        except self._client.exceptions.NoSuchKey:
            return False
        return True

    def link(self, run: RunPlace, name: str) -> str:
        wanted = {"Bucket": self._bucket, "Key": f"{run}/{name}"}
        url: str = self._client.generate_presigned_url("get_object", Params=wanted, ExpiresIn=_LINK_SECONDS)
        return url

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Tell faults of S3, and of the way to it, from errors that stay."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            if status >= _FAULT or code_of(error) in _BUSY:
                raise ValuesBusy(f"{self._bucket}: {code_of(error)}; try again") from error
            raise
        except BotoCoreError as error:
            raise ValuesBusy(f"{self._bucket}: {type(error).__name__}; try again") from error

    def delete(self, run: RunPlace) -> None:
        with self._translated():
            for page in self._pages(f"{run}/"):
                # A page has 1,000 keys, which is as many as DeleteObjects takes.
                objects = {"Objects": [{"Key": each["Key"]} for each in page], "Quiet": True}
                # It succeeds as a call where it leaves some.
                for left in self._client.delete_objects(Bucket=self._bucket, Delete=objects).get("Errors", ()):
                    raise ValuesBusy(f"{self._bucket}: {left['Code']}; try again")

    def runs(self) -> Iterator[RunPlace]:
        before: RunPlace | None = None
        for page in self._pages(""):
            for each in page:
                run = RunPlace.of(each["Key"])
                if run != before:  # keys are sorted, so those of a run stand together
                    yield run
                before = run

    def _pages(self, prefix: str) -> Iterator[list[dict[str, Any]]]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix, PaginationConfig={"PageSize": _MOST_AT_ONCE}
        )
        for page in pages:
            if found := page.get("Contents"):
                yield found
