"""The versions of a stage's state machines and Lambdas that nothing can need any more: they are deleted.

A deployment publishes versions and keeps the former ones, for runs that began on them. A version that another took the
place of is deleted a day later at the earliest, so that a deployment that is under way can go back to it, and

- of a machine of segments: when no open run names it in its header;
- of a Lambda that a machine invokes: when no version of the machine that is left names it, and every run that one
  execution runs whole began a day after another version took its place.

The Lambdas that undo steps keep theirs: a run that has ended may be undone as long as it is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from durable.aws.open_runs import open_runs
from durable.aws.session import client
from durable.clock import Clock, moment
from durable.store.table import Table

_LATEST: Final = "$LATEST"
_INVOKED: Final = re.compile(r'"FunctionName"\s*:\s*"(arn:[^:"]+:lambda:[^:"]+:\d+:function:[^:"]+):(\d+)"')
_KEPT: Final = timedelta(days=1)
"""For how long a version is kept after another took its place."""


@dataclass(slots=True)
class _InUse:
    """What the open runs of a workflow may execute on.

    Attributes:
        numbers: of the versions of its machines that runs in segments name.
        since: when the first of the runs began that one execution runs whole.
    """

    numbers: set[str] = field(default_factory=set)
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Version:
    number: str
    replaced: datetime | None
    """When another version took its place; None for the newest."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """How many versions were deleted."""

    machines: int = 0
    functions: int = 0

    def __add__(self, other: Deleted) -> Deleted:
        return Deleted(self.machines + other.machines, self.functions + other.functions)


class Versions:
    """Deletes versions.

    Args:
        registry: the workflows of a stage, as `durable.aws.registry.Registry` tells of them.
    """

    def __init__(self, registry: Mapping[str, Mapping[str, Any]], table: Table, clock: Clock) -> None:
        self._registry = registry
        self._table = table
        self._clock = clock

    def sweep(self, workflow: str) -> Deleted:
        """Delete the versions of one workflow that nothing can need any more."""
        entry = self._registry[workflow]
        machines = [entry[kind] for kind in ("machine", "express") if kind in entry]
        # Before the runs are read: one that begins meanwhile begins on versions that no other took the place of.
        versions = {arn: list(_machine_versions(arn)) for arn in machines}
        in_use = self._in_use(workflow)
        deleted, left = 0, list(machines)
        for arn, its in versions.items():
            for version in its:
                if version.number in in_use.numbers or not self._is_old(version):
                    left.append(f"{arn}:{version.number}")
                else:
                    client("stepfunctions").delete_state_machine_version(
                        stateMachineVersionArn=f"{arn}:{version.number}"
                    )
                    deleted += 1
        return Deleted(deleted, self._sweep_functions(left, in_use.since))

    def _in_use(self, workflow: str) -> _InUse:
        found = _InUse()
        for header in open_runs(self._table, workflow):
            # Runs of former releases name no versions: for these everything is kept that was current when the first of
            # them began.
            if header.code is not None:
                found.numbers.update(header.code.values())
            else:
                began = moment(header.created)
                found.since = began if found.since is None else min(found.since, began)
        return found

    def _sweep_functions(self, machines: list[str], since: datetime | None) -> int:
        """Delete versions of the Lambdas that these machines, and versions of machines, invoke."""
        named: dict[str, set[str]] = {}
        for arn in machines:
            definition = client("stepfunctions").describe_state_machine(stateMachineArn=arn)["definition"]
            for function, number in _INVOKED.findall(definition):
                named.setdefault(function, set()).add(number)
        deleted = 0
        for function, numbers in named.items():
            for version in _function_versions(function):
                if version.number in numbers or not self._is_old(version) or not _is_before(version, since):
                    continue
                client("lambda").delete_function(FunctionName=function, Qualifier=version.number)
                deleted += 1
        return deleted

    def _is_old(self, version: _Version) -> bool:
        return version.replaced is not None and version.replaced + _KEPT < moment(self._clock.now())


def _is_before(version: _Version, since: datetime | None) -> bool:
    """Whether a version was replaced a day before the first run that is executed whole began."""
    return since is None or (version.replaced is not None and version.replaced + _KEPT < since)


def _machine_versions(arn: str) -> Iterator[_Version]:
    """Yield the versions of a machine, the newest first."""
    asked: dict[str, Any] = {"stateMachineArn": arn}
    replaced: datetime | None = None
    while True:
        page = client("stepfunctions").list_state_machine_versions(**asked)
        for each in page["stateMachineVersions"]:
            yield _Version(each["stateMachineVersionArn"].rpartition(":")[2], replaced)
            replaced = each["creationDate"]
        if "nextToken" not in page:
            return
        asked["nextToken"] = page["nextToken"]


def _function_versions(function: str) -> list[_Version]:
    pages = client("lambda").get_paginator("list_versions_by_function").paginate(FunctionName=function)
    published = {each["Version"]: each["LastModified"] for page in pages for each in page["Versions"]}
    published.pop(_LATEST, None)
    numbers = sorted(published, key=int)
    after = [datetime.fromisoformat(published[each]).astimezone(UTC) for each in numbers[1:]]
    return [_Version(number, when) for number, when in zip(numbers, [*after, None], strict=True)]
