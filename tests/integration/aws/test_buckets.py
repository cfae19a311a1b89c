"""A bucket is emptied when its stack goes, for CloudFormation deletes none that holds an object or a version of one."""

from __future__ import annotations

import pytest

from durable.aws.changes import empty
from tests.integration.aws.resources import Clients


@pytest.mark.parametrize("was", ["never versioned", "versioned", "versioned for a while"])
def test_nothing_is_left_that_keeps_a_bucket_from_being_deleted(aws: Clients, was: str) -> None:
    s3, name = aws.s3, f"emptied-{was.replace(' ', '-')}"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="before", Body=b"")
    if was != "never versioned":
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for _ in range(2):
        s3.put_object(Bucket=name, Key="a/é b", Body=b"")
    if was == "versioned":  # moto cannot remove the mark of a deletion from a bucket whose versioning is suspended
        s3.delete_object(Bucket=name, Key="a/é b")
    if was == "versioned for a while":  # what CloudFormation does where a template names versioning no longer
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    s3.put_object(Bucket=name, Key="after", Body=b"")

    empty(name)

    left = s3.list_object_versions(Bucket=name)
    assert (left.get("Versions"), left.get("DeleteMarkers")) == (None, None)
    s3.delete_bucket(Bucket=name)
    empty(name)  # asked again, when it is gone
