"""AWS's limits that a stack would exceed, told when synthesising instead of while deploying."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import jsii
from aws_cdk import CfnOutput, CfnResource, Stack
from aws_cdk import aws_events as events
from constructs import IConstruct, IValidation

RESOURCES: Final = 500
OUTPUTS: Final = 200
MACHINE_NAME: Final = 80
TEMPLATE_BYTES: Final = 1_000_000
ENVIRONMENT_BYTES: Final = 4_096
PATTERN_CHARACTERS: Final = 2_048

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


@jsii.implements(IValidation)
class StackLimits:
    """Finds what is too large in a stack; CDK asks it before it writes the template."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def validate(self) -> list[str]:
        elements = list(_elements(self._stack))
        resources = [each for each in elements if isinstance(each, CfnResource)]
        outputs = sum(isinstance(each, CfnOutput) for each in elements)
        rules = [each for each in resources if isinstance(each, events.CfnRule)]
        problems = [sentence for each in rules for sentence in _pattern(self._stack, each)]
        if len(resources) > RESOURCES:
            problems.append(
                f"{self._stack.node.path} has {len(resources)} resources, AWS allows {RESOURCES}: a workflow is about"
                " 25, on Standard 8, and each of its steps 5; give some workflows nested=True, or split this one"
            )
        if outputs > OUTPUTS:
            problems.append(
                f"{self._stack.node.path} has {outputs} outputs, AWS allows {OUTPUTS}; other stacks name too many parts"
            )
        return problems


def _elements(construct: IConstruct) -> Iterator[IConstruct]:
    """Yield what a stack holds besides other stacks."""
    for each in construct.node.children:
        if not isinstance(each, Stack):
            yield each
            yield from _elements(each)


@jsii.implements(IValidation)
class EnvironmentLimit:
    """Finds an environment of a Lambda that is too large. Names known only when deployed are estimated."""

    def __init__(self, scope: IConstruct, variables: Mapping[str, str]) -> None:
        self._scope = scope
        self._variables = variables

    def validate(self) -> list[str]:
        stack = Stack.of(self._scope)
        variables = _estimated(stack, stack.resolve(dict(self._variables)))
        size = sum(len(name) + len(value.encode()) for name, value in variables.items())
        if size <= ENVIRONMENT_BYTES:
            return []
        most = max(variables, key=lambda name: len(variables[name]))
        return [
            f"the environment of {self._scope.node.path} is about {size:,} bytes, AWS allows {ENVIRONMENT_BYTES:,}:"
            f" most of it is {most}; bind less to it"
        ]


def _pattern(stack: Stack, rule: events.CfnRule) -> Iterator[str]:
    size = len(json.dumps(_estimated(stack, stack.resolve(rule.event_pattern)), separators=(",", ":")))
    if size > PATTERN_CHARACTERS:
        yield (
            f"the event pattern of {rule.node.path} is about {size:,} characters, AWS allows {PATTERN_CHARACTERS:,}:"
            " name fewer resources in it, or split the rule"
        )


def long_name(machine: str) -> Iterator[str]:
    """Yield a sentence if the name of a state machine is too long; CDK refuses it without saying what to change."""
    if len(machine) > MACHINE_NAME:
        yield (
            f"the state machine {machine!r} has a name of {len(machine)} characters, AWS allows {MACHINE_NAME}; shorten"
            " the name of the workflow, of the stage or of the project in cdk.json"
        )


def oversized(folder: Path) -> Iterator[str]:
    """Yield a sentence for each template of a cloud assembly that CloudFormation would not take."""
    for each in sorted(folder.glob("*.template.json")):
        size = each.stat().st_size
        if size > TEMPLATE_BYTES:
            yield (
                f"the template {each.name} has {size:,} bytes, AWS allows {TEMPLATE_BYTES:,}; give some workflows"
                " nested=True, or split the one that is in it"
            )


def _estimated(stack: Stack, value: Any) -> Any:
    """Return a part of a template with texts about as long as those that only a deployment knows."""
    match value:
        case {"Ref": str(name)}:
            return _PSEUDO.get(name) or _name(stack, name)
        case {"Fn::GetAtt": [str(name), _]}:
            return _ARN + _name(stack, name)
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(str(_estimated(stack, each)) for each in parts)
        case Mapping():
            return {name: _estimated(stack, each) for name, each in value.items()}
        case list():
            return [_estimated(stack, each) for each in value]
    return value


def _name(stack: Stack, logical: str) -> str:
    return f"{stack.stack_name}-{logical}"[:_NAME] + _SUFFIX
