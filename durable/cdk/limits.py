"""AWS's limits that a stack would exceed, told when synthesising instead of while deploying."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import jsii
from aws_cdk import CfnResource, Stack
from aws_cdk import aws_events as events
from constructs import IConstruct, IValidation

RESOURCES: Final = 500
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
        resources = [each for each in self._stack.node.find_all() if isinstance(each, CfnResource)]
        rules = [each for each in resources if isinstance(each, events.CfnRule)]
        problems = [sentence for each in rules for sentence in _pattern(self._stack, each)]
        if len(resources) > RESOURCES:
            problems.append(
                f"the stack has {len(resources)} resources, AWS allows {RESOURCES}: a workflow is about 7, on"
                " Express 20, and each of its steps 5; move some workflows to a project of their own"
            )
        return problems


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
            f" most of it is {most}; bind less to it, or move some workflows to a project of their own"
        ]


def _pattern(stack: Stack, rule: events.CfnRule) -> Iterator[str]:
    size = len(json.dumps(_estimated(stack, stack.resolve(rule.event_pattern)), separators=(",", ":")))
    if size > PATTERN_CHARACTERS:
        yield (
            f"the event pattern of {rule.node.path} is about {size:,} characters, AWS allows {PATTERN_CHARACTERS:,}:"
            " it names every workflow; move some workflows to a project of their own"
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
