"""What CloudFormation makes of the synthesised template, made on moto."""

from __future__ import annotations

import json
import uuid
import zipfile
from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final

import boto3
from mypy_boto3_sqs.literals import QueueAttributeNameType

from tests.integration.aws.events import ACCOUNT, REGION
from tests.integration.cdk.template import Template

_PSEUDO: Final = {"AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::Partition": "aws"}
_TABLE: Final = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
_QUEUE: Final[tuple[QueueAttributeNameType, ...]] = (
    "MessageRetentionPeriod",
    "VisibilityTimeout",
    "SqsManagedSseEnabled",
    "RedrivePolicy",
)


class Clients:
    """The test's own boto3 clients, made once: a client takes longer than most tests."""

    def __init__(self) -> None:
        self.dynamodb = boto3.client("dynamodb", region_name=REGION)
        self.sqs = boto3.client("sqs", region_name=REGION)
        self.s3 = boto3.client("s3", region_name=REGION)
        self.sesv2 = boto3.client("sesv2", region_name=REGION)
        self.states = boto3.client("stepfunctions", region_name=REGION)
        self.functions = boto3.client("lambda", region_name=REGION)
        self.parameters = boto3.client("ssm", region_name=REGION)
        self.iam = boto3.client("iam", region_name=REGION)


class Resources:
    """The resources of one deployment: tables and queues with their properties; physical names are drawn at random."""

    def __init__(self, template: Template, aws: Clients) -> None:
        self.template = template
        self.aws = aws
        self.definitions: dict[str, dict[str, Any]] = {}
        self.definition: dict[str, Any] = {}
        self.machine = ""
        self.names: dict[str, str] = {}
        self.arns: dict[str, str] = {}
        self._suffix = uuid.uuid4().hex[:12]
        self._make_tables()
        self._make_queues()
        self._make_buckets()
        self._name_functions()
        self._make_machines()
        self._make_parameters()

    def value(self, value: Any) -> Any:
        """Return a value of the template with its functions resolved, as CloudFormation does."""
        match value:
            case {"Ref": str(name)} if name in _PSEUDO:
                return _PSEUDO[name]
            case {"Ref": str(name)}:
                return self.names[name]
            case {"Fn::GetAtt": [name, "Arn"]}:
                return self.arns[name]
            case {"Fn::GetAtt": [name, "ApiEndpoint"]}:
                return f"https://{name}.example.com"
            case {"Fn::Join": [separator, parts]}:
                return separator.join(self.value(each) for each in parts)
            case Mapping():
                return {name: self.value(each) for name, each in value.items()}
            case list():
                return [self.value(each) for each in value]
        return value

    def physical(self, kind: str, part: str = "") -> str:
        """Return what a Ref to the one such resource gives."""
        return self.names[self.template.one(kind, part)[0]]

    def environment(self, function: str) -> dict[str, str]:
        """Return a Lambda's environment variables."""
        variables = self.template.functions()[function]["Properties"]["Environment"]["Variables"]
        resolved: dict[str, str] = self.value(variables)
        return resolved

    def function_name(self, function: str) -> str:
        """Return a Lambda's physical name."""
        logical = next(
            logical
            for logical, each in self.template.of("Lambda::Function").items()
            if each is self.template.functions()[function]
        )
        return self.names[logical]

    def _physical(self, logical: str) -> str:
        return f"{logical[:40]}-{self._suffix}"

    def _make_tables(self) -> None:
        for logical, table in self.template.of("DynamoDB::Table").items():
            properties = table["Properties"]
            name = self.names[logical] = self._physical(logical)
            wanted = {each: properties[each] for each in _TABLE if each in properties}
            made = self.aws.dynamodb.create_table(TableName=name, **wanted)
            self.arns[logical] = made["TableDescription"]["TableArn"]
            self.aws.dynamodb.update_time_to_live(
                TableName=name, TimeToLiveSpecification=properties["TimeToLiveSpecification"]
            )

    def _make_queues(self) -> None:
        queues = self.template.of("SQS::Queue")
        for logical in sorted(queues, key=lambda each: "RedrivePolicy" in queues[each]["Properties"]):
            attributes = {name: self.value(queues[logical]["Properties"].get(name)) for name in _QUEUE}
            texts = {name: _text(each) for name, each in attributes.items() if each is not None}
            url = self.aws.sqs.create_queue(QueueName=self._physical(logical), Attributes=texts)["QueueUrl"]
            self.names[logical] = url
            self.arns[logical] = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{self._physical(logical)}"

    def _make_buckets(self) -> None:
        for logical in self.template.of("S3::Bucket"):
            name = self.names[logical] = self._physical(logical).lower()
            self.aws.s3.create_bucket(Bucket=name)

    def _name_functions(self) -> None:
        for logical in self.template.of("Lambda::Function"):
            self.names[logical] = self._physical(logical)
            self.arns[logical] = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self._physical(logical)}"
        for logical, version in self.template.of("Lambda::Version").items():
            self.names[logical] = f"{self.arns[version['Properties']['FunctionName']['Ref']]}:1"

    def _make_machines(self) -> None:
        for logical, machine in self.template.of("StepFunctions::StateMachine").items():
            properties = machine["Properties"]
            definition = self.value(properties["DefinitionString"])
            if "StateMachineName" in properties:  # tests share moto's account, and each has machines of these names
                name = properties["StateMachineName"]
                self.names[logical] = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}"
            else:
                self.names[logical] = self.aws.states.create_state_machine(
                    name=self._physical(logical), definition=definition, roleArn=f"arn:aws:iam::{ACCOUNT}:role/machine"
                )["stateMachineArn"]
            self.definitions[self.names[logical]] = json.loads(definition)
            if properties["StateMachineType"] == "STANDARD":
                self.machine, self.definition = self.names[logical], json.loads(definition)
        for logical, version in self.template.of("StepFunctions::StateMachineVersion").items():
            self.names[logical] = f"{self.value(version['Properties']['StateMachineArn'])}:1"

    def _make_parameters(self) -> None:
        for parameter in self.template.of("SSM::Parameter").values():
            properties = parameter["Properties"]
            self.aws.parameters.put_parameter(
                Name=properties["Name"], Value=self.value(properties["Value"]), Type="String", Overwrite=True
            )

    def make_functions(self, role: str) -> None:
        """Make the steps' Lambdas, with a published version, for the machine to invoke."""
        for name, function in self.template.functions().items():
            if self.environment(name)["DURABLE_ENTRY"] == "step":
                self.aws.functions.create_function(
                    FunctionName=self.function_name(name),
                    Runtime=function["Properties"]["Runtime"],
                    Handler=function["Properties"]["Handler"],
                    Role=role,
                    Code={"ZipFile": empty_zip()},
                    Publish=True,
                )


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, Mapping) else str(value)


def empty_zip() -> bytes:
    """Return the code of a Lambda that moto never runs."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("empty.py", "")
    return buffer.getvalue()
