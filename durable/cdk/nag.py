"""Findings of cdk-nag that are as they should be, each with its reason."""

from __future__ import annotations

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
