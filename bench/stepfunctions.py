"""A peer that speaks Step Functions' own API: onboarding as a machine of four Lambdas, deployed when it starts."""

from __future__ import annotations

import io
import json
import zipfile
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bench import onboarding
from bench.connection import Answer, Request
from bench.onboarding import STEPS
from bench.overhttp import HttpPeer
from bench.peer import State, sign_up, state_of
from bench.processes import free_port

REGION: Final = "us-east-1"
CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
_SIGNATURE: Final = (
    f"AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/states/aws4_request, SignedHeaders=host, Signature=0"
)


class StepFunctionsPeer(HttpPeer):
    """Subclasses say how the server is started."""

    account: str

    def __init__(self) -> None:
        super().__init__()
        self._machine = ""

    @abstractmethod
    def serve(self, data: Path) -> None:
        """Start the server on `self.port`."""

    def launch(self, data: Path) -> None:
        self.port = free_port()
        self.serve(data)
        machine = f"arn:aws:states:{REGION}:{self.account}:stateMachine:onboarding"
        there = self.ready(_request("DescribeStateMachine", {"stateMachineArn": machine}))
        self._machine = machine if there.status == 200 else self._deploy()

    def start_request(self, number: int) -> Request:
        body = {"stateMachineArn": self._machine, "name": f"run-{number}", "input": json.dumps(sign_up(number))}
        return _request("StartExecution", body)

    def started(self, number: int, answer: Answer) -> str:
        return str(answer.of(200).body["executionArn"])

    def status_request(self, id: str) -> Request:
        return _request("DescribeExecution", {"executionArn": id})

    def state(self, answer: Answer) -> State:
        if answer.status == 400:
            return State.FORGOTTEN
        return state_of(answer.of(200).body["status"])

    def _deploy(self) -> str:
        import boto3

        def client(service: str) -> Any:
            return boto3.client(  # type: ignore[call-overload]  # the name is not a literal
                service,
                endpoint_url=f"http://127.0.0.1:{self.port}",
                region_name=REGION,
                aws_access_key_id="test",
                aws_secret_access_key="test",
            )

        trust = {"Version": "2012-10-17", "Statement": []}
        iam = client("iam")
        role = iam.create_role(RoleName="onboarding", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        functions = client("lambda")
        arns = {each: _function(functions, each, role) for each in STEPS}
        made = client("stepfunctions").create_state_machine(
            name="onboarding", roleArn=role, definition=json.dumps(_definition(arns))
        )
        return str(made["stateMachineArn"])


def _function(functions: Any, step: str, role: str) -> str:
    made = functions.create_function(
        FunctionName=step,
        Runtime="python3.11",
        Role=role,
        Handler="step.handler",
        Code={"ZipFile": _zip()},
        Environment={"Variables": {"STEP": step}},
    )
    return str(made["FunctionArn"])


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("step.py", Path(onboarding.__file__).read_text(encoding="utf-8"))
    return buffer.getvalue()


def _definition(arns: Mapping[str, str]) -> dict[str, Any]:
    """Return the machine in JSONPath, which both servers read without help."""
    states: dict[str, Any] = {}
    for step, following in zip(STEPS, (*[*STEPS][1:], None), strict=True):
        states[step] = {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": arns[step], "Payload.$": "$"},
            "OutputPath": "$.Payload",
        } | ({"Next": following} if following else {"End": True})
    return {"StartAt": next(iter(STEPS)), "States": states}


def _request(operation: str, body: Mapping[str, str]) -> Request:
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": f"AWSStepFunctions.{operation}",
        "Authorization": _SIGNATURE,
    }
    return Request("POST", "/", body, headers)
