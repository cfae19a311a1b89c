"""What a Lambda knows of the workflows of its deployment.

A machine's definition names its Lambdas, so these cannot name the machine in their environment, and an environment of
4 KB holds few workflows: each workflow has a parameter of Systems Manager. Lambdas of one workflow read it when they
start something. Those of all workflows, where these are many, read all when they begin, and each again when it is used
a minute later.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

from durable.aws.session import client
from durable.bindings.limits import Limits
from durable.bindings.retention import Retention
from durable.clock import Clock
from durable.store.machines import Kind, segment_of, workflow_of
from durable.store.rollback import rollback_of, rolled_back

V = TypeVar("V")

_KEPT_MS: Final = 60_000
"""How long a parameter is believed: for as long, after a deployment, new runs may begin on the code before it."""


class Lookup(Mapping[str, V]):
    """A mapping whose values are looked up when they are asked for."""

    def __init__(self, names: Collection[str], look: Callable[[str], V]) -> None:
        self._names = names
        self._look = look

    def __getitem__(self, name: str) -> V:
        if name not in self._names:
            raise KeyError(name)
        return self._look(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Registry(Mapping[str, Mapping[str, Any]]):
    """The workflows of a deployment by name, each with

    {"class": "module:class", "events": {type: how its payload is written there}, "retention": seconds,
    "retention_failed": seconds, where that is another, "machine": ARN, "definition": hash, "rollback": ARN, where a
    step can be undone, "limits": of its runs, where it has some}

    and one that executes in segments with {"kind": "express", "express": ARN, "versions": {type of machine: ARN}}
    besides. `machine` is the one of type Standard.

    Args:
        workflows: what the environment says of each; where that has `parameter`, the rest stands there.
    """

    def __init__(self, workflows: Mapping[str, Mapping[str, Any]], clock: Clock) -> None:
        self._workflows = dict(workflows)
        self._clock = clock
        self._read: dict[str, tuple[int, Mapping[str, Any]]] = {}

    @classmethod
    def below(cls, path: str, clock: Clock) -> Registry:
        """Return all workflows that have a parameter directly below a path."""
        workflows: dict[str, Mapping[str, Any]] = {}
        for page in client("ssm").get_paginator("get_parameters_by_path").paginate(Path=path):
            for each in page["Parameters"]:
                name = each["Name"].rpartition("/")[2]
                workflows[name] = {**json.loads(each["Value"]), "parameter": each["Name"]}
        registry = cls(workflows, clock)
        # All were read just now: none is asked for once more in the first minute.
        until = clock.now() + _KEPT_MS
        registry._read = {each["parameter"]: (until, each) for each in workflows.values()}
        return registry

    def __getitem__(self, workflow: str) -> Mapping[str, Any]:
        described = self._workflows[workflow]
        # What the parameter says counts: the environment is as old as the Lambda's last update.
        return {**described, **self._parameter(described["parameter"])} if "parameter" in described else described

    def __iter__(self) -> Iterator[str]:
        return iter(self._workflows)

    def __len__(self) -> int:
        return len(self._workflows)

    def _parameter(self, name: str) -> Mapping[str, Any]:
        until, value = self._read.get(name, (0, {}))
        if self._clock.now() >= until:
            value = json.loads(client("ssm").get_parameter(Name=name)["Parameter"]["Value"])
            self._read[name] = (self._clock.now() + _KEPT_MS, value)
        return value

    @property
    def described(self) -> Mapping[str, Mapping[str, Any]]:
        """What is known of each workflow without asking AWS; where it has `parameter`, the rest is read when wanted."""
        return self._workflows

    @property
    def segmented(self) -> frozenset[str]:
        """The workflows whose runs execute in segments."""
        return frozenset(name for name, each in self._workflows.items() if each.get("kind") == "express")

    @property
    def definitions(self) -> Mapping[str, str]:
        return Lookup(self._workflows.keys(), lambda name: self[name]["definition"])

    @property
    def retentions(self) -> Mapping[str, Retention]:
        return {name: Retention.from_registered(each) for name, each in self._workflows.items() if "retention" in each}

    @property
    def limits(self) -> Mapping[str, Limits]:
        """What limits the runs of the workflows that have limits."""
        return {name: Limits.from_json(each["limits"]) for name, each in self._workflows.items() if "limits" in each}

    @property
    def search(self) -> Mapping[str, Sequence[str]]:
        """The fields of payloads by which runs are found, as JSON names them, of the workflows that declare some."""
        return {name: list(each["search"].values()) for name, each in self._workflows.items() if "search" in each}

    @property
    def code(self) -> Mapping[str, Mapping[Kind, str]]:
        """The versions of the machines of segments; empty where AWS keeps none, as in a rehearsal."""
        return Lookup(self.segmented, lambda name: _numbers(self[name].get("versions", {})))

    @property
    def machines(self) -> Mapping[str, str]:
        """The ARN of each machine by its name."""
        names = {*self._workflows, *(rollback_of(each) for each in self._workflows)}
        names |= {segment_of(each, kind) for each in self.segmented for kind in ("express", "standard")}
        return Lookup(names, self._arn)

    def _arn(self, machine: str) -> str:
        if rolled_back(machine):
            return str(self[workflow_of(machine)]["rollback"])
        workflow = workflow_of(machine)
        return str(self[workflow]["express" if machine == segment_of(workflow, "express") else "machine"])

    def reported(self) -> dict[str, str]:
        """Return the names of the machines whose ends EventBridge reports, by ARN: it tells of no Express execution.

        The Standard machine of segments also ends runs that began before they were executed in segments.
        """
        names = {
            each["machine"]: segment_of(name, "standard") if name in self.segmented else name
            for name, each in self.items()
        }
        return names | {each["rollback"]: rollback_of(name) for name, each in self.items() if "rollback" in each}


def _numbers(versions: Mapping[Kind, str]) -> Mapping[Kind, str]:
    """Return the numbers of versions, given their ARNs: a run keeps those, and is read and written often."""
    return {kind: arn.rpartition(":")[2] for kind, arn in versions.items()}
