"""A sign-up on a deployment: with IAM's policies enforced, so that each grant is needed and is enough."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from durable.cdk.rehearsal.api import Answer
from durable.cdk.rehearsal.server import REGION, pause
from infra.rehearsal import follow
from tests.e2e.rehearsal.conftest import Deployed, key_of, signed

pytestmark = pytest.mark.ministack


def sign_up(deployed: Deployed, email: str, **more: Any) -> str:
    answer = deployed.api.call("POST", "/api/workflow/start", {"email": email, "name": "John Doe", **more})
    assert answer.status == 201, answer.json
    instance: str = answer.json["workflowId"]
    return instance


def test_a_sign_up_completes_in_four_steps_and_its_mail_is_sent(deployed: Deployed) -> None:
    status = follow(deployed.api, sign_up(deployed, "user@example.com"))
    assert status["status"] == "complete"
    assert status["output"]["message"] == "Welcome, John Doe!"
    steps = {(step["name"], step["status"], step["attempts"]) for step in status["steps"]}
    assert steps == {  # the last two go side by side
        ("validate-user", "complete", 1),
        ("create-profile", "complete", 1),
        ("send-welcome-email", "complete", 1),
        ("initialize-settings", "complete", 1),
    }
    for _ in range(300):
        if deployed.server.mail():
            break
        pause(0.1)
    assert "user@example.com" in json.dumps(deployed.server.mail())


def test_a_taken_address_fails_at_once_by_its_own_name(deployed: Deployed) -> None:
    follow(deployed.api, sign_up(deployed, "taken@example.com"))
    status = follow(deployed.api, sign_up(deployed, "TAKEN@example.com"))
    assert status["status"] == "errored"
    assert (status["error"]["name"], status["error"]["step"]) == ("EmailTakenError", "create-profile")
    assert status["steps"][-1]["attempts"] == 1


def test_location_leads_to_the_run(deployed: Deployed) -> None:
    answer = deployed.api.call("POST", "/api/workflow/start", {"email": "where@example.com", "name": "John Doe"})
    location = answer.headers["Location"]
    assert deployed.api.call("GET", location).status == 200


def test_the_same_key_and_body_again_is_the_same_run(deployed: Deployed) -> None:
    def start(name: str) -> Answer:
        body = {"email": "key@example.com", "name": name}
        return deployed.api.call("POST", "/api/workflow/start", body, headers={"Idempotency-Key": "one"})

    first, again, other = start("John Doe"), start("John Doe"), start("Jane Doe")
    assert (first.status, again.status, other.status) == (201, 200, 409)
    assert first.json == again.json


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/", None, 404),
        ("GET", "/nothing", None, 404),
        ("GET", "/api", None, 404),
        ("GET", "/api/workflow", None, 404),
        ("GET", "/api/workflow/status/none", None, 404),
        ("PUT", "/api/workflow/start", {}, 405),
        ("DELETE", "/api/workflow/status/none", None, 405),
        ("POST", "/api/workflow/start", {"email": "not one"}, 422),
        ("POST", "/api/workflow/start", b"{", 400),
        ("POST", "/api/workflow/start", b'"' + b"x" * 200_000 + b'"', 413),
    ],
)
def test_what_cannot_be_answered_is_a_problem(
    deployed: Deployed, method: str, path: str, body: Any, status: int
) -> None:
    answer = deployed.api.call(method, path, body)
    assert answer.status == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["status"] == status
    assert (status == 405) == ("Allow" in answer.headers)


def test_an_operator_starts_and_sees_any_workflow_under_an_id_of_their_own(
    deployed: Deployed, operator: Credentials
) -> None:
    params = {"email": "operated@example.com", "name": "John Doe"}
    path = "/api/workflows/onboarding/instances"
    started = signed(deployed, operator, "POST", path, {"id": "by-hand", "params": params})
    assert (started.status, started.json) == (201, {"id": "by-hand", "workflow": "onboarding"})
    follow(deployed.api, "by-hand")
    shown = signed(deployed, operator, "GET", f"{path}/by-hand")
    assert (shown.status, shown.json["status"]) == (200, "complete")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_operators_route_without_a_signature_is_refused_by_the_gateway(deployed: Deployed, method: str) -> None:
    answer = deployed.api.call(method, "/api/workflows/onboarding/instances", {"params": {}})
    assert (answer.status, answer.json) == (403, {"message": "Forbidden"})


def test_a_user_without_the_right_is_refused_by_the_gateway(deployed: Deployed) -> None:
    iam = deployed.server.client("iam")
    iam.create_user(UserName="nobody")
    answer = signed(deployed, key_of(iam, "nobody"), "GET", "/api/workflows/onboarding/instances/by-hand")
    assert answer.status == 403


def test_the_public_role_can_read_no_namespace_and_neither_stop_nor_list_executions(deployed: Deployed) -> None:
    (function,) = _functions(deployed, DURABLE_ENTRY="worker")
    session = _assumed(deployed, function["Role"])
    arn = _machine(deployed)
    profiles = next(
        each for each in deployed.server.client("dynamodb").list_tables()["TableNames"] if "Profiles" in each
    )
    execution = f"{arn.replace(':stateMachine:', ':execution:')}:none"
    states, dynamodb = session("stepfunctions"), session("dynamodb")
    calls: list[Callable[[], Any]] = [
        lambda: states.stop_execution(executionArn=execution),
        lambda: states.list_executions(stateMachineArn=arn),
        lambda: states.describe_execution(executionArn=execution),
        lambda: dynamodb.get_item(TableName=profiles, Key={"pk": {"S": "kv"}, "sk": {"S": "x"}}),
        lambda: dynamodb.scan(TableName=function["Environment"]["Variables"]["DURABLE_TABLE"]),
    ]
    for refused in calls:
        with pytest.raises(ClientError, match=r"AccessDenied|not authorized"):
            refused()


def _assumed(deployed: Deployed, role: str) -> Callable[[str], Any]:
    """Return a function that makes clients with the rights of a role."""
    key = deployed.server.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return lambda service: boto3.client(  # type: ignore[call-overload]  # the name is not a literal
        service,
        endpoint_url=deployed.server.endpoint,
        verify=str(deployed.server.certificate.authority),
        region_name=REGION,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        aws_session_token=key["SessionToken"],
    )


def test_a_step_fails_without_its_grant_and_goes_on_once_it_has_it(deployed: Deployed) -> None:
    iam = deployed.server.client("iam")
    role = _role(deployed, "functions.onboarding.initialize_settings:initialize_settings")
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    policy = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    without = [each for each in policy["Statement"] if "SettingsKv" not in json.dumps(each["Resource"])]
    assert len(without) == len(policy["Statement"]) - 1
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(policy | {"Statement": without}))
    instance = sign_up(deployed, "denied@example.com")
    assert _step(deployed, instance, "initialize-settings")["status"] == "retrying"
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(policy))
    assert follow(deployed.api, instance)["status"] == "complete"


def _machine(deployed: Deployed) -> str:
    """Return the ARN of a machine of onboarding."""
    listed = deployed.server.client("stepfunctions").list_state_machines()["stateMachines"]
    return str(next(each["stateMachineArn"] for each in listed if "onboarding" in each["name"].lower()))


def _role(deployed: Deployed, function: str) -> str:
    """Return the name of the role of the Lambda that runs a step."""
    (found,) = _functions(deployed, DURABLE_FUNCTION=function)
    return str(found["Role"]).rpartition("/")[2]


def _functions(deployed: Deployed, **variables: str) -> list[dict[str, Any]]:
    """Return the Lambdas whose environment has these variables."""
    listed = deployed.server.client("lambda").list_functions()["Functions"]
    return [each for each in listed if variables.items() <= each["Environment"]["Variables"].items()]


def _step(deployed: Deployed, instance: str, name: str) -> dict[str, Any]:
    """Return a step's status when its first attempt is over."""
    for _ in range(300):
        steps = deployed.api.call("GET", f"/api/workflow/status/{instance}").json["steps"]
        found: list[dict[str, Any]] = [each for each in steps if each["name"] == name and each["status"] != "running"]
        if found:
            return found[0]
        pause(0.1)
    raise AssertionError(f"{name} did not begin")
