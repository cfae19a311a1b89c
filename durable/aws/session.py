"""The boto3 clients of a process, made on first use: importing boto3 costs a cold start 200 ms."""

from __future__ import annotations

import functools
import os
from typing import Any, Final

_STANDS_IN: Final = {"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"}
"""Name something that stands in for AWS, which has no host name for each bucket."""


@functools.cache
def client(service: str) -> Any:
    """Return the process's client of a service. It tries a throttled or failed call four times in all."""
    import boto3
    from botocore.config import Config

    # Seconds. boto3's own 60 are more than a step's Lambda has left for its outcome: see LAMBDA_MARGIN_SECONDS.
    patience = Config(retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=2, read_timeout=10)
    if service == "s3" and not _STANDS_IN & os.environ.keys():
        # For links: without these, they are signed by a method that encrypted objects refuse, and for a host that sends
        # readers of most regions on to another one, where the signature is wrong.
        patience = patience.merge(Config(signature_version="s3v4", s3={"addressing_style": "virtual"}))
    return boto3.client(service, config=patience)  # type: ignore[call-overload]  # the name is not a literal


def region() -> str | None:
    """Return the region of AWS_REGION: of the two variables that name one, boto3 reads the older one only."""
    return os.environ.get("AWS_REGION")


def unreachable() -> tuple[type[Exception], ...]:
    """Return what botocore raises where a service cannot be reached or does not answer.

    The call may have been carried out: it is to be made again as one whose answer was lost.
    """
    from botocore.exceptions import ConnectionError, HTTPClientError

    return ConnectionError, HTTPClientError


def code_of(error: Any) -> str:
    """Return the code of a botocore ClientError, as "ThrottlingException"."""
    return str(error.response.get("Error", {}).get("Code", ""))
