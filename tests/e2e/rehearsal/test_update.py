"""A changed deployment, on Standard: a run that waits goes on with the code that it began on, one that failed on a bug
is retried on the mended code; then all is taken down."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from durable.aws.machines import StepFunctionsMachines
from durable.cdk.rehearsal.api import Api
from durable.cdk.rehearsal.cdk import Cdk
from durable.cdk.rehearsal.server import ACCOUNT, REGION, MiniStack, pause
from infra.rehearsal import follow
from tests.e2e.rehearsal.conftest import command
from tests.e2e.rehearsal.nap import NEW, start, wake, written
from tests.e2e.server import eventually

pytestmark = pytest.mark.ministack


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project, on Standard."""
    return written(tmp_path, "nap", nap='kind="standard"', dream='kind="standard"')


def test_a_run_asleep_during_a_deployment_ends_on_its_old_code_and_nothing_is_left_after_destroy(
    aws: MiniStack, project: Path
) -> None:
    cdk = Cdk(project, aws.environment(), "update", project / "cdk.out")
    api = Api(cdk.deploy()["SiteWorkerUrl"], aws)
    asleep, failed = start(api), start(api)
    wake(api, failed, "hail")
    eventually(lambda: _sleeps(aws) == ["five more minutes"], "the run to sleep")
    run = follow(api, failed)
    assert (run["status"], run["error"]["name"], run["error"]["step"]) == ("errored", "StepError", "wake-up")

    (project / "functions" / "nap.py").write_text(NEW)
    cdk.deploy()
    assert command(cdk, aws, "retry", "nap", failed)[0] == 0
    assert follow(api, failed)["output"] == {"said": "new hail after dream 7"}
    _, run = command(cdk, aws, "describe", "nap", failed)
    assert [(step["key"], len(step["attempts"])) for step in run["steps"]] == [
        ("lie-down", 1),
        ("night", 1),
        ("dream", 1),
        ("wake-up", 2),
    ]
    assert _status(api, asleep) in ("running", "waiting")
    assert asleep in _refusal(aws, without="step WakeUp")

    fresh = start(api)
    for instance, weather in ((fresh, "rain"), (asleep, "sun")):
        wake(api, instance, weather)
    assert follow(api, fresh)["output"] == {"said": "new rain after dream 7"}
    assert follow(api, asleep)["output"] == {"said": "old sun after dream 7"}

    cdk.destroy()
    assert _left(aws) == []


def _refusal(aws: MiniStack, *, without: str) -> str:
    """Take away what runs may need from the deployed template, and return why that failed."""
    cloudformation = aws.client("cloudformation")
    template = cloudformation.get_template(StackName="nap-update")["TemplateBody"]
    template = json.loads(template) if isinstance(template, str) else template
    (guard,) = (each for each in template["Resources"].values() if each["Type"] == "Custom::OpenRuns")
    guard["Properties"]["Needs"]["nap"].remove(without)
    bucket = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"
    aws.client("s3").put_object(Bucket=bucket, Key="without.json", Body=json.dumps(template).encode())
    cloudformation.update_stack(
        StackName="nap-update",
        TemplateURL=f"https://s3.amazonaws.com/{bucket}/without.json",
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    for _ in range(300):
        (stack,) = cloudformation.describe_stacks(StackName="nap-update")["Stacks"]
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            break
        pause(0.1)
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    events = cloudformation.describe_stack_events(StackName="nap-update")["StackEvents"]
    return " ".join(each.get("ResourceStatusReason", "") for each in events)


def _sleeps(aws: MiniStack) -> list[str]:
    """Return the Wait states that the executions are in, as the reconciler reads their histories."""
    sfn = aws.client("stepfunctions")
    machines = [each["stateMachineArn"] for each in sfn.list_state_machines()["stateMachines"]]
    running = [
        (machine, each["name"])
        for machine in machines
        for each in sfn.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("durable.aws.machines.client", lambda name: sfn)
        return [sleep.state for arn, name in running for sleep in StepFunctionsMachines({"": arn}).sleeps("", name)]


def _status(api: Api, instance: str) -> str:
    status: str = api.call("GET", f"/api/workflow/status/{instance}").json["status"]
    return status


def _left(aws: MiniStack) -> list[str]:
    """Return what is there of the stack, but for the role by which API Gateway writes logs: the account's setting."""
    listed: list[Callable[[], list[str]]] = [
        lambda: [each["FunctionName"] for each in aws.client("lambda").list_functions()["Functions"]],
        lambda: aws.client("dynamodb").list_tables()["TableNames"],
        lambda: aws.client("sqs").list_queues().get("QueueUrls", []),
        lambda: [each["RoleName"] for each in aws.client("iam").list_roles(MaxItems=1000)["Roles"]],
        lambda: [each["name"] for each in aws.client("stepfunctions").list_state_machines()["stateMachines"]],
        lambda: [each["logGroupName"] for each in aws.client("logs").describe_log_groups()["logGroups"]],
        lambda: [each["name"] for each in aws.client("apigateway").get_rest_apis()["items"]],
        lambda: [each["Name"] for each in aws.client("apigatewayv2").get_apis()["Items"]],
        lambda: [each["Name"] for each in aws.client("events").list_rules()["Rules"]],
    ]
    names = [name for each in listed for name in each()]
    return [name for name in names if "nap-update" in name and "CloudWatchRole" not in name]
