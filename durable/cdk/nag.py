"""Findings of cdk-nag that are as they should be, each with its reason."""

from __future__ import annotations

from typing import Any

from aws_cdk import Acknowledgment, CfnElement, Names, Stack, Validations
from aws_cdk import aws_s3 as s3
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


def written_objects(scope: IConstruct, bucket: s3.IBucket, pattern: str) -> str:
    """Return objects of a bucket as cdk-nag writes them: in a nested stack, by the parameter that has the ARN."""
    # A bucket that is there already has no resource in any template.
    made = bucket.node.default_child
    if made is None or Stack.of(scope).node.path == Stack.of(bucket).node.path:
        return written(scope, bucket.arn_for_objects(pattern))
    return f"<referenceto{Names.node_unique_id(made.node)}Arn>/{pattern}"


def _text(value: Any) -> str:
    match value:
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(_text(each) for each in parts)
    return str(value)
