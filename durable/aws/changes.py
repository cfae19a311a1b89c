"""What a deployment asks and does besides making resources, as custom resources of CloudFormation.

Custom::OpenRuns   what runs may need: each step's Lambda and what it uses. An update that takes away what an open
                   run may still call is refused, with the names of the runs.
Custom::Emptied    a bucket: emptied when its stack goes, for CloudFormation removes no bucket that holds something.
"""

from __future__ import annotations

import json
import logging
import os
import ssl
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, Final

from durable.aws.session import client
from durable.store.failure import frames_of
from durable.store.rows import Header
from durable.store.statuses import UNSETTLED
from durable.store.table import Table

OPEN_RUNS: Final = "Custom::OpenRuns"
EMPTIED: Final = "Custom::Emptied"
NESTED: Final = "its place in a nested stack (which nested=True keeps)"
_MAIN: Final = "its place in the main stack (which nested=False keeps)"

_log: Final = logging.getLogger(__name__)
_MOST_NAMED: Final = 10
_ANSWER_SECONDS: Final = 20

Needs = Mapping[str, list[str]]
"""What the runs of each workflow may need, a few words each."""


class Refused(Exception):
    """A change that cannot be made now; the message is for whoever deploys."""


class Changes:
    """Answers CloudFormation's events.

    Args:
        rolls_back: whether the stack of this id is going back to what it was, which is always allowed.
        empty: removes all objects of a bucket.
    """

    def __init__(self, table: Table, *, rolls_back: Callable[[str], bool], empty: Callable[[str], None]) -> None:
        self._table = table
        self._rolls_back = rolls_back
        self._empty = empty

    def answer(self, event: Mapping[str, Any]) -> dict[str, str]:
        """Do what an event asks, and return the answer."""
        return answered(event, self._act, event["ResourceProperties"].get("Bucket", event["LogicalResourceId"]))

    def _act(self, event: Mapping[str, Any]) -> None:
        properties = event["ResourceProperties"]
        match event["RequestType"], event["ResourceType"]:
            # Going back must never be refused: a stack whose rollback fails is stuck until somebody frees it by hand.
            case "Update", "Custom::OpenRuns" if not self._rolls_back(event["StackId"]):
                self._guard(event["OldResourceProperties"].get("Needs", {}), properties.get("Needs", {}))
            # CloudFormation deletes this resource before the bucket, on which it depends.
            case "Delete", "Custom::Emptied":
                self._empty(properties["Bucket"])

    def _guard(self, before: Needs, after: Needs) -> None:
        problems = [
            problem
            for workflow, needs in before.items()
            if (gone := _gone(needs, after.get(workflow, []))) and (problem := self._problem(workflow, gone))
        ]
        if problems:
            raise Refused(" ".join(problems))

    def _problem(self, workflow: str, gone: list[str]) -> str | None:
        runs = self._open(workflow)
        if not runs:
            return None
        named = ", ".join(runs[:_MOST_NAMED]) + (" and more" if len(runs) > _MOST_NAMED else "")
        return (
            f"Workflow {workflow} has open runs ({named}) that may still need: {'; '.join(gone)}."
            " Let them end, or terminate them, and deploy again; or keep these too until they have ended."
        )

    def _open(self, workflow: str) -> list[str]:
        """Return the ids of up to so many open runs, and one more."""
        found: list[str] = []
        for status in UNSETTLED:
            page = self._table.list(workflow, status=status, limit=_MOST_NAMED + 1)
            found += [Header.from_row(row).instance for row in page.rows]
        return found[: _MOST_NAMED + 1]


def answered(event: Mapping[str, Any], act: Callable[[Mapping[str, Any]], None], physical: str) -> dict[str, str]:
    """Do what an event asks, and return the answer, which is never an exception: CloudFormation waits for it."""
    try:
        act(event)
        outcome = {"Status": "SUCCESS"}
    except Refused as refused:
        outcome = {"Status": "FAILED", "Reason": str(refused)}
    except Exception as error:
        # What it says may be personal data of a run.
        _log.error("%s of %s failed: %s at %s", event["RequestType"], physical, type(error).__name__, frames_of(error))
        outcome = {"Status": "FAILED", "Reason": f"{type(error).__name__}; try again, or see this Lambda's log"}
    same = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    return outcome | same | {"PhysicalResourceId": physical}


def _gone(before: list[str], after: list[str]) -> list[str]:
    """Return what an update takes away; a workflow that moves to a nested stack is given other state machines."""
    gone = [each for each in before if each not in after]
    return [*gone, _MAIN] if NESTED in after and NESTED not in before else gone


def rolls_back(stack: str) -> bool:
    """Tell whether CloudFormation is taking a stack back to what it was."""
    (found,) = client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return "ROLLBACK" in found["StackStatus"]


def empty(bucket: str) -> None:
    """Remove all objects of a bucket without versions; one that is gone is no error."""
    s3 = client("s3")
    try:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for each in page.get("Contents", []):
                s3.delete_object(Bucket=bucket, Key=each["Key"])
    except s3.exceptions.NoSuchBucket:
        return


def send(url: str, answer: Mapping[str, str]) -> None:
    """Put an answer where CloudFormation waits for it: the URL is signed, and wants no content type."""
    request = urllib.request.Request(url, json.dumps(answer).encode(), {"Content-Type": ""}, method="PUT")
    context = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE"))
    with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS, context=context):
        return
