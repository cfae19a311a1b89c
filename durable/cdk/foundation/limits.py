"""AWS's limits that a deployment would exceed, found in the synthesised templates and reported before it begins.

Templates are read as JSON: to walk CDK's constructs from Python takes a round trip to Node for each of them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from durable.aws.changes import OPEN_RUNS

RESOURCES: Final = 500
OUTPUTS: Final = 200
PARAMETERS: Final = 200
MACHINE_NAME: Final = 80
TEMPLATE_BYTES: Final = 1_000_000
ENVIRONMENT_BYTES: Final = 4_096
PATTERN_CHARACTERS: Final = 2_048
PARAMETER_CHARACTERS: Final = 4_096
"""Of a parameter of Systems Manager that names no tier, which then is the one that costs nothing."""
POLICY_CHARACTERS: Final = 10_240
"""Of all inline policies of a role, without white space."""
NEEDS_BYTES: Final = 120_000
"""Of the properties of a custom resource: the event of an update has the old and the new ones, 256 KB at the most."""

_PSEUDO: Final = {
    "AWS::Partition": "aws",
    "AWS::Region": "ap-southeast-2",
    "AWS::AccountId": "123456789012",
    "AWS::URLSuffix": "amazonaws.com",
}
_ARN: Final = "arn:aws:states:ap-southeast-2:123456789012:stateMachine:"
_SUFFIX: Final = "-ABCDEFGHIJKL"
"""What CloudFormation adds to the name of a resource, in length."""
_NAME: Final = 64
"""Characters of a name, at the most, before that."""

Resource = Mapping[str, Any]


def long_name(machine: str) -> Iterator[str]:
    """Yield a sentence if the name of a state machine is too long; CDK refuses it without saying what to change."""
    if len(machine) > MACHINE_NAME:
        yield (
            f"the state machine {machine!r} has a name of {len(machine)} characters, AWS allows {MACHINE_NAME}; shorten"
            " the name of the workflow, of the stage or of the project in cdk.json"
        )


def exceeded(folder: Path) -> Iterator[str]:
    """Yield a sentence for each limit that a template of a cloud assembly exceeds."""
    for path in sorted(folder.glob("*.template.json")):
        yield from _Template(path.name, path.stat().st_size, json.loads(path.read_text(encoding="utf-8"))).exceeded()


@dataclass(frozen=True, slots=True)
class _Template:
    """A template, of which names and ARNs that only a deployment knows are taken to be as long as they can be."""

    name: str
    size: int
    body: Mapping[str, Any]

    def exceeded(self) -> Iterator[str]:
        yield from self._counts()
        for name, each in self._resources("AWS::Lambda::Function"):
            yield from self._environment(name, each["Properties"])
        for name, each in self._resources("AWS::Events::Rule"):
            yield from self._pattern(name, each["Properties"])
        for name, each in self._resources("AWS::SSM::Parameter"):
            yield from self._parameter(name, each["Properties"])
        for name, _ in self._resources("AWS::IAM::Role"):
            yield from self._policies(name)
        for _, each in self._resources(OPEN_RUNS):
            yield from _needs(each["Properties"])

    def _resources(self, kind: str) -> list[tuple[str, Resource]]:
        return [(name, each) for name, each in self.body.get("Resources", {}).items() if each["Type"] == kind]

    def _counts(self) -> Iterator[str]:
        resources, outputs = len(self.body.get("Resources", {})), len(self.body.get("Outputs", {}))
        parameters = len(self.body.get("Parameters", {}))
        if resources > RESOURCES:
            kinds = Counter(each["Type"] for each in self.body["Resources"].values()).most_common(2)
            most = " and ".join(f"{number} {kind}" for kind, number in kinds)
            yield (
                f"{self.name} has {resources} resources, AWS allows {RESOURCES}, and most are {most}: a workflow is"
                " about 25, on Standard 8, each of its steps 5, and a queue 12; give some workflows nested=True, or"
                " declare a part in a project of its own"
            )
        if outputs > OUTPUTS:
            yield f"{self.name} has {outputs} outputs, AWS allows {OUTPUTS}; other stacks name too many parts"
        if parameters > PARAMETERS:
            yield (
                f"{self.name} has {parameters} parameters, AWS allows {PARAMETERS}: the workflow in it is bound to too"
                " much of the main stack; bind less to it, or give it nested=False"
            )
        if self.size > TEMPLATE_BYTES:
            yield (
                f"{self.name} has {self.size:,} bytes, AWS allows {TEMPLATE_BYTES:,}; give some workflows nested=True,"
                " or split the one that is in it"
            )

    def _environment(self, name: str, properties: Resource) -> Iterator[str]:
        variables = properties.get("Environment", {}).get("Variables", {})
        # Lambda counts the bytes of all names and values together.
        sizes = {each: len(each) + len(str(self._deployed(value)).encode()) for each, value in variables.items()}
        if sum(sizes.values()) > ENVIRONMENT_BYTES:
            yield (
                f"the environment of {self._shown(name, properties)} is about {sum(sizes.values()):,} bytes, AWS allows"
                f" {ENVIRONMENT_BYTES:,}: most of it is {max(sizes, key=lambda each: sizes[each])}; bind less to it"
            )

    def _pattern(self, name: str, properties: Resource) -> Iterator[str]:
        size = self._length(properties.get("EventPattern", {}))
        if size > PATTERN_CHARACTERS:
            yield (
                f"the event pattern of {self._shown(name, properties)} is about {size:,} characters, AWS allows"
                f" {PATTERN_CHARACTERS:,}: name fewer resources in it, or split the rule"
            )

    def _parameter(self, name: str, properties: Resource) -> Iterator[str]:
        size = len(str(self._deployed(properties["Value"])))
        if size > PARAMETER_CHARACTERS and "Tier" not in properties:
            yield (
                f"the parameter with {self._shown(name, properties)} is about {size:,} characters, AWS allows"
                f" {PARAMETER_CHARACTERS:,}: a workflow's has the names of its events and search attributes; give it"
                " fewer, or shorter ones"
            )

    def _policies(self, role: str) -> Iterator[str]:
        policies = [each["Properties"] for _, each in self._resources("AWS::IAM::Policy")]
        of_role = [each["PolicyDocument"] for each in policies if {"Ref": role} in each.get("Roles", ())]
        size = sum(map(self._length, of_role))
        if size > POLICY_CHARACTERS:
            yield (
                f"the policies of the role {role} are about {size:,} characters, AWS allows {POLICY_CHARACTERS:,}: what"
                " has this role is bound to too much; bind less to it"
            )

    def _length(self, value: Any) -> int:
        return len(json.dumps(self._deployed(value), separators=(",", ":")))

    def _deployed(self, value: Any) -> Any:
        """Return a part of the template with texts about as long as those that only a deployment knows."""
        match value:
            case {"Ref": str(name)}:
                return _PSEUDO.get(name) or self._physical(name)
            # Most attributes that stand in environments and patterns are ARNs, of which those of machines are the
            # longest.
            case {"Fn::GetAtt": [str(name), _]}:
                return _ARN + self._physical(name)
            case {"Fn::Join": [separator, parts]}:
                return str(separator).join(str(self._deployed(each)) for each in parts)
            case Mapping():
                return {name: self._deployed(each) for name, each in value.items()}
            case list():
                return [self._deployed(each) for each in value]
        return value

    def _physical(self, logical: str) -> str:
        return f"{self.name.partition('.')[0]}-{logical}"[:_NAME] + _SUFFIX

    def _shown(self, logical: str, properties: Resource) -> str:
        """Return what a resource is, and where."""
        description = properties.get("Description")
        return f"{description!r} ({logical} in {self.name})" if description else f"{logical} in {self.name}"


def _needs(properties: Resource) -> Iterator[str]:
    size = len(json.dumps(properties, separators=(",", ":")))
    if size > NEEDS_BYTES:
        yield (
            f"what open runs need of {len(properties.get('Needs', ()))} workflows is {size:,} bytes, and an update can"
            f" compare {NEEDS_BYTES:,}; declare some of the workflows in a project of their own"
        )
