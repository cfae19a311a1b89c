"""Findings of cdk-nag that are as they should be, each with its reason."""

from __future__ import annotations

from typing import Any

from aws_cdk import Acknowledgment, CfnElement, Stack, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, rule: str, reason: str) -> None:
    """Accept a finding on a construct and all in it; `rule` may name one finding, as `IAM5[Resource::*]`."""
    Validations.of(construct).acknowledge(Acknowledgment(id=f"AwsSolutions-{rule}", reason=reason))


def logical_id(construct: IConstruct) -> str:
    """Return the name of a construct's resource in its template, by which cdk-nag calls it."""
    element = construct.node.default_child
    assert isinstance(element, CfnElement)
    name: str = Stack.of(construct).resolve(element.logical_id)
    return name


def written(scope: IConstruct, value: str) -> str:
    """Return a text of a template as cdk-nag writes it in a finding, with `<Logical.Attribute>` for a resource."""
    return _text(Stack.of(scope).resolve(value))


def _text(value: Any) -> str:
    match value:
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(_text(each) for each in parts)
    return str(value)
