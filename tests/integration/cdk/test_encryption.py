"""A stage with a key of its own: everything that stores data is encrypted with it, and whoever uses the data may."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Aspects, Stack, assertions
from aws_cdk import aws_dsql as dsql
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from durable import Bucket, KVNamespace, Queue, Workflow
from durable.cdk import DurableStack, Settings
from durable.cdk.foundation.encryption import Encrypted, key_of
from durable.project import Project
from tests.integration.cdk.conftest import ROOT
from tests.integration.cdk.sample import BookingWorkflow
from tests.integration.cdk.template import Template

THERE = "arn:aws:kms:us-east-1:123456789012:key/0123abcd-0123-0123-0123-0123456789ab"
FIELDS = {
    "DynamoDB::Table": ("SSESpecification", "KMSMasterKeyId"),
    "SQS::Queue": ("KmsMasterKeyId",),
    "Logs::LogGroup": ("KmsKeyId",),
    "Lambda::Function": ("KmsKeyArn",),
    "StepFunctions::StateMachine": ("EncryptionConfiguration", "KmsKeyId"),
}


def stage(folder: Path, key: str | bool) -> Template:
    notes = KVNamespace[str]("notes")
    booking = Workflow("booking", BookingWorkflow, bindings={"notes": notes})
    app = App(outdir=str(folder))
    settings = Settings(name="shop", stage="dev", root=ROOT, encryption=key)
    project = Project("app", (notes, Bucket("files"), Queue("letters"), booking))
    DurableStack(app, "shop-dev", project=project, settings=settings)
    app.synth()
    return Template.read(folder / "shop-dev.template.json")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return stage(tmp_path_factory.mktemp("made"), True)


def field(properties: Any, names: tuple[str, ...]) -> Any:
    for name in names:
        properties = properties[name]
    return properties


@pytest.mark.slow
def test_everything_that_stores_data_is_encrypted_with_the_key(made: Template) -> None:
    key, _ = made.one("KMS::Key")
    for kind, names in FIELDS.items():
        found = [field(each["Properties"], names) for each in made.of(kind).values()]
        assert found == [{"Fn::GetAtt": [key, "Arn"]}] * len(found) != [], kind
    buckets = [json.dumps(each["Properties"]["BucketEncryption"]) for each in made.of("S3::Bucket").values()]
    assert [key in each for each in buckets] == [True] * len(buckets) != []


@pytest.mark.slow
def test_lambdas_and_machines_may_use_the_key_and_logs_may_too(made: Template) -> None:
    roles = [each["Properties"] for each in made.of("IAM::Role").values()]
    using = [each for each in roles if "Policies" in each]
    assert len(using) == len(roles)
    (statement,) = using[0]["Policies"][0]["PolicyDocument"]["Statement"]
    assert statement["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    policy = json.dumps(made.one("KMS::Key")[1]["Properties"]["KeyPolicy"])
    assert "logs.<" not in policy
    assert "kms:EncryptionContext:aws:logs:arn" in policy
    assert "delivery.logs.amazonaws.com" in policy


@pytest.mark.slow
def test_a_key_that_is_there_already_is_used(tmp_path: Path) -> None:
    template = stage(tmp_path, THERE)
    assert template.of("KMS::Key") == {}
    _, table = template.one("DynamoDB::Table", "Instances")
    assert table["Properties"]["SSESpecification"]["KMSMasterKeyId"] == THERE


def test_a_database_is_encrypted_with_the_key_which_its_service_may_use() -> None:
    settings = Settings(name="shop", stage="dev", root=ROOT, encryption=True)
    stack = Stack(App(), "own")
    key = key_of(stack, settings)
    assert key is not None
    dsql.CfnCluster(stack, "Orders")
    Aspects.of(stack).add(Encrypted(key))
    template = assertions.Template.from_stack(stack)
    (made,) = template.find_resources("AWS::KMS::Key")
    template.has_resource_properties("AWS::DSQL::Cluster", {"KmsEncryptionKey": {"Fn::GetAtt": [made, "Arn"]}})
    policy = template.to_json()["Resources"][made]["Properties"]["KeyPolicy"]["Statement"]
    own = [each for each in policy if each["Principal"].get("Service") == "dsql.amazonaws.com"]
    assert {
        action for each in own for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
    } == {
        *("kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo"),
        *("kms:GenerateDataKey", "kms:DescribeKey"),
    }
    assert all("aws:SourceArn" in each["Condition"]["StringLike"] for each in own)


def test_a_role_of_the_project_keeps_what_it_may_do() -> None:
    stack = Stack(App(), "own")
    service = iam.ServicePrincipal("lambda.amazonaws.com")
    read = iam.PolicyStatement(actions=["s3:GetObject"], resources=["arn:aws:s3:::reports/*"])
    iam.Role(stack, "Role", assumed_by=service, inline_policies={"Own": iam.PolicyDocument(statements=[read])})
    Aspects.of(stack).add(Encrypted(kms.Key.from_key_arn(stack, "Key", THERE)))
    (role,) = assertions.Template.from_stack(stack).find_resources("AWS::IAM::Role").values()
    assert [each["PolicyName"] for each in role["Properties"]["Policies"]] == ["Own", "Key"]
