"""AWS's limits on templates: each that one exceeds is told in a sentence, with names as long as a deployment's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from durable.cdk.foundation import limits

HANDLE = {"Type": "AWS::CloudFormation::WaitConditionHandle"}
TABLE = {"Fn::GetAtt": ["Table", "Arn"]}


def template(folder: Path, body: Mapping[str, Any]) -> list[str]:
    """Return what is told of a template."""
    (folder / "shop-dev.template.json").write_text(json.dumps(body))
    return list(limits.exceeded(folder))


def function(**variables: Any) -> dict[str, Any]:
    described = {"Description": "step pay of checkout", "Environment": {"Variables": variables}}
    return {"Type": "AWS::Lambda::Function", "Properties": described}


def rule(machines: int) -> dict[str, Any]:
    pattern = {"detail": {"stateMachineArn": [{"Ref": f"Machine{each}"} for each in range(machines)]}}
    return {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": pattern}}


def parameter(events: int) -> dict[str, Any]:
    told = {"events": {f"event-{each:02}": "functions.trade.models:Decision" for each in range(events)}}
    parts = ["", [json.dumps(told), {"Ref": "Machine"}]]
    described = {"Description": "the state machines of trade", "Type": "String", "Value": {"Fn::Join": parts}}
    return {"Type": "AWS::SSM::Parameter", "Properties": described}


def role(statements: int) -> dict[str, Any]:
    allowed = [{"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": TABLE}] * statements
    policy = {"Roles": [{"Ref": "Role"}], "PolicyDocument": {"Statement": allowed}}
    return {"Role": {"Type": "AWS::IAM::Role"}, "Policy": {"Type": "AWS::IAM::Policy", "Properties": policy}}


def needs(workflows: int) -> dict[str, Any]:
    told = {f"workflow-{each}": ["step Pay", "Queue('mails') in step Pay"] for each in range(workflows)}
    return {"Type": "Custom::OpenRuns", "Properties": {"Needs": told}}


FITS: Mapping[str, Mapping[str, Any]] = {
    "nothing": {},
    "resources": {"Resources": {f"H{each}": HANDLE for each in range(500)}},
    "outputs": {"Outputs": {f"O{each}": {} for each in range(200)}},
    "parameters": {"Parameters": {f"P{each}": {} for each in range(200)}},
    "environment": {"Resources": {"Pay": function(TABLE={"Ref": "Table"}, TEXT="x" * 4_050)}},
    "pattern": {"Resources": {"Ended": rule(20)}},
    "parameter": {"Resources": {"Trade": parameter(80)}},
    "policies": {"Resources": role(55)},
    "needs": {"Resources": {"OpenRuns": needs(1_000)}},
}
EXCEEDS: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "resources": (
        {"Resources": {f"H{each}": HANDLE for each in range(501)}},
        "501 resources, AWS allows 500, and most are",
    ),
    "outputs": ({"Outputs": {f"O{each}": {} for each in range(201)}}, "201 outputs, AWS allows 200; other stacks"),
    "parameters": ({"Parameters": {f"P{each}": {} for each in range(201)}}, "201 parameters, AWS allows 200: the work"),
    "bytes": ({"Description": "x" * 1_000_000}, "bytes, AWS allows 1,000,000; give some workflows nested=True"),
    "environment": (
        {"Resources": {"Pay": function(TABLE=TABLE, TEXT="x" * 4_010)}},
        "the environment of 'step pay of checkout' (Pay in shop-dev.template.json) is about 4,102 bytes, AWS allows"
        " 4,096: most of it is TEXT; bind less to it",
    ),
    "pattern": ({"Resources": {"Ended": rule(60)}}, "characters, AWS allows 2,048: name fewer resources in it"),
    "parameter": (
        {"Resources": {"Trade": parameter(90)}},
        "the parameter with 'the state machines of trade' (Trade in shop-dev.template.json) is about 4,271"
        " characters, AWS allows 4,096: a workflow's has the names of its events",
    ),
    "policies": ({"Resources": role(90)}, "the policies of the role Role are about"),
    "needs": ({"Resources": {"OpenRuns": needs(3_000)}}, "what open runs need of 3000 workflows is"),
}


@pytest.mark.parametrize("what", FITS)
def test_a_template_within_the_limits_is_not_mentioned(what: str, tmp_path: Path) -> None:
    assert template(tmp_path, FITS[what]) == []


@pytest.mark.parametrize("what", EXCEEDS)
def test_a_template_that_exceeds_a_limit_is_told_with_the_remedy(what: str, tmp_path: Path) -> None:
    body, said = EXCEEDS[what]
    (told,) = template(tmp_path, body)
    assert said in told
