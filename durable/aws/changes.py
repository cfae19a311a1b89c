"""What a deployment asks and does besides making resources, as custom resources of CloudFormation.

Custom::OpenRuns   what runs may need, asked before anything of a workflow is changed. An update that takes away what
                   an open run may still need is refused, with the names of the runs. Lambdas go when all else is
                   updated: for these, runs that end within minutes hold nothing up.
Custom::Drained    asked when all else is updated, and runs begin on the new code: waits for the runs that still need
                   such a Lambda to end.
Custom::Emptied    a bucket: emptied when its stack goes, for CloudFormation removes no bucket that holds something.
"""

from __future__ import annotations

import json
import logging
import os
import ssl
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from durable.aws.open_runs import NO_DEPLOYMENT, Deployed, goes_last, open_runs, taken
from durable.aws.session import client
from durable.clock import Clock
from durable.store.failure import frames_of
from durable.store.rows import Header
from durable.store.table import Table

OPEN_RUNS: Final = "Custom::OpenRuns"
DRAINED: Final = "Custom::Drained"
EMPTIED: Final = "Custom::Emptied"

PATIENCE_MS: Final = 600_000
"""For how long a deployment waits for runs to end; its Lambda has 15 minutes."""
SETTLE_MS: Final = 75_000
"""How long runs may begin on the code before, after all else is updated: Lambdas believe the registry for a minute."""
LOOK_MS: Final = 5_000
_log: Final = logging.getLogger(__name__)
_MOST_NAMED: Final = 10
_MOST_TOLD: Final = 3_500
"""Characters of what one custom resource tells the other: CloudFormation takes 4,096 bytes of an answer."""
_ANSWER_SECONDS: Final = 20

Gone = Mapping[str, Mapping[str, Any]]
"""What goes last, by workflow: {"needs": [...], "before": hash, "after": hash, "past": [states from which none of it
can be reached]}."""


class Refused(Exception):
    """A change that cannot be made now; the message is for whoever deploys."""


class Changes:
    """Answers CloudFormation's events.

    Args:
        rolls_back: whether the stack of this id is going back to what it was, which is always allowed.
        empty: removes all objects of a bucket.
        pause: waits for so many milliseconds.
    """

    def __init__(
        self,
        table: Table,
        clock: Clock,
        *,
        rolls_back: Callable[[str], bool],
        empty: Callable[[str], None],
        pause: Callable[[int], None],
    ) -> None:
        self._table = table
        self._clock = clock
        self._rolls_back = rolls_back
        self._empty = empty
        self._pause = pause

    def answer(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Do what an event asks, and return the answer."""
        return answered(event, self._act, event["ResourceProperties"].get("Bucket", event["LogicalResourceId"]))

    def _act(self, event: Mapping[str, Any]) -> Mapping[str, str]:
        properties = event["ResourceProperties"]
        match event["RequestType"], event["ResourceType"]:
            # Going back must never be refused: a stack whose rollback fails is stuck until somebody frees it by hand.
            case "Update", "Custom::OpenRuns" if not self._rolls_back(event["StackId"]):
                gone = self._guard(Deployed.of(event["OldResourceProperties"]), Deployed.of(properties))
                return {"Gone": _told(gone)}
            case _, "Custom::OpenRuns":
                return {"Gone": "{}"}
            # It is created by the first deployment that has it, which may take steps away like any other.
            case "Create" | "Update", "Custom::Drained" if not self._rolls_back(event["StackId"]):
                self._drain(json.loads(properties["Gone"]))
            # CloudFormation deletes this resource before the bucket, on which it depends.
            case "Delete", "Custom::Emptied":
                self._empty(properties["Bucket"])
        return {}

    def _guard(self, before: Mapping[str, Deployed], after: Mapping[str, Deployed]) -> Gone:
        """Return what goes last.

        Raises:
            Refused: open runs may need what goes.
        """
        until = self._clock.now() + PATIENCE_MS
        later: dict[str, Mapping[str, Any]] = {}
        problems = []
        for workflow, old in before.items():
            new = after.get(workflow, NO_DEPLOYMENT)
            gone = taken(old, new)
            last = goes_last(gone)
            needing = {
                header.instance: needed
                for header in (open_runs(self._table, workflow) if gone else ())
                if (needed := (old.needed_by(header) | {*gone} - {*old.needs}) & {*gone})
                and not (needed <= {*last} and _ends_soon(header, until))
            }
            if needing:
                needed = frozenset[str]().union(*needing.values())
                problems.append(_problem(workflow, [*needing], [each for each in gone if each in needed]))
            if last:
                past = [state for state in old.at if state and old.needed_at(state).isdisjoint(last)]
                later[workflow] = {"needs": last, "before": old.definition, "after": new.definition, "past": past}
        if problems:
            raise Refused(" ".join(problems))
        return later

    def _drain(self, gone: Gone) -> None:
        """Wait until no run needs what goes last.

        Raises:
            Refused: a run that needs it does not end soon.
        """
        if not gone:
            return
        begun = self._clock.now()
        clean = 0
        while clean < 2 or self._clock.now() < begun + SETTLE_MS:  # a look may miss a run that changes meanwhile
            needing = [(workflow, header) for workflow in gone for header in self._needing(workflow, gone[workflow])]
            clean = 0 if needing else clean + 1
            is_over = self._clock.now() >= begun + PATIENCE_MS
            # A called run may end within seconds: to refuse now would take all of a deployment back for that.
            late = [
                (workflow, header)
                for workflow, header in needing
                if is_over or not (header.parked == "call" or _ends_soon(header, begun + PATIENCE_MS))
            ]
            if late:
                by_workflow = {workflow: [run.instance for one, run in late if one == workflow] for workflow, _ in late}
                raise Refused(" ".join(_problem(name, runs, gone[name]["needs"]) for name, runs in by_workflow.items()))
            self._pause(LOOK_MS)

    def _needing(self, workflow: str, gone: Mapping[str, Any]) -> Iterator[Header]:
        """Yield the open runs that may need what goes last: those on former code, unless they are past it."""
        for header in open_runs(self._table, workflow):
            if header.definition is not None and header.definition == gone["after"]:
                continue
            state = None if header.at is None else header.at["state"]
            if header.kind is None or header.definition != gone["before"] or state not in gone["past"]:
                yield header


def _ends_soon(header: Header, until: int) -> bool:
    """Whether a run in segments goes on by itself until then: it waits for nobody, and in no queue."""
    if header.kind is None or header.place is not None:  # one execution runs it whole, and does not say that it sleeps
        return False
    if header.status != "waiting":
        return True
    return header.parked not in (None, "event", "call") and header.due is not None and header.due <= until


def _problem(workflow: str, runs: Sequence[str], gone: Sequence[str]) -> str:
    named = ", ".join(runs[:_MOST_NAMED]) + (" and more" if len(runs) > _MOST_NAMED else "")
    return (
        f"Workflow {workflow} has open runs ({named}) that may still need: {'; '.join(gone)}."
        " Let them end, or terminate them, and deploy again; or keep these too until they have ended."
    )


def _told(gone: Gone) -> str:
    """Return what goes last as the other custom resource is told it; without the states where these are too many.

    Raises:
        Refused: it is too much even so.
    """
    for told in (gone, {name: {**each, "past": []} for name, each in gone.items()}):
        text = json.dumps(told, separators=(",", ":"), sort_keys=True)
        if len(json.dumps(text)) <= _MOST_TOLD:
            return text
    raise Refused(f"Steps of {len(gone)} workflows go at once; take them away by more than one deployment.")


def answered(
    event: Mapping[str, Any], act: Callable[[Mapping[str, Any]], Mapping[str, str] | None], physical: str
) -> dict[str, Any]:
    """Do what an event asks, and return the answer, which is never an exception: CloudFormation waits for it.

    Args:
        act: does it, and returns attributes of the resource, if it has some.
    """
    try:
        outcome: dict[str, Any] = {"Status": "SUCCESS", "Data": dict(act(event) or {})}
    except Refused as refused:
        outcome = {"Status": "FAILED", "Reason": str(refused)}
    except Exception as error:
        # What it says may be personal data of a run.
        _log.error("%s of %s failed: %s at %s", event["RequestType"], physical, type(error).__name__, frames_of(error))
        outcome = {"Status": "FAILED", "Reason": f"{type(error).__name__}; try again, or see this Lambda's log"}
    same = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    return outcome | same | {"PhysicalResourceId": physical}


def rolls_back(stack: str) -> bool:
    """Tell whether CloudFormation is taking a stack back to what it was."""
    (found,) = client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return "ROLLBACK" in found["StackStatus"]


def empty(bucket: str) -> None:
    """Remove all objects of a bucket, with the versions that it has from when its stage was protected; one that is gone
    is no error.
    """
    s3 = client("s3")
    try:
        # By the page, which is 1,000: one by one, a full bucket would take longer than CloudFormation's Lambda has.
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
            if objects:
                told = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
                if errors := told.get("Errors"):
                    raise RuntimeError(f"objects stay: {len(errors)}, the first for {errors[0]['Code']}")
    except s3.exceptions.NoSuchBucket:
        return


def send(url: str, answer: Mapping[str, Any]) -> None:
    """Put an answer where CloudFormation waits for it: the URL is signed, and wants no content type."""
    request = urllib.request.Request(url, json.dumps(answer).encode(), {"Content-Type": ""}, method="PUT")
    context = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE"))
    with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS, context=context):
        return
