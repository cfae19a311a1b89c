"""What each Lambda may do: what its signature names, and no more."""

from __future__ import annotations

import json

import pytest

from tests.integration.cdk.template import Template, text

STEP = "functions.onboarding."
KV = ("DeleteItem", "GetItem", "PutItem", "Query")
ROWS = ("ConditionCheckItem", "GetItem", "PutItem", "Query", "UpdateItem")


def allowed(template: Template, function: str) -> dict[str, set[str]]:
    """Return a Lambda's actions by the logical id of their resource, less what all Lambdas have: logs and traces."""
    found: dict[str, set[str]] = {}
    for action, resource in template.grants(function):
        if not action.startswith(("logs:", "xray:")):
            found.setdefault(resource, set()).add(action)
    return found


def table(template: Template, part: str) -> str:
    return f"<{template.one('DynamoDB::Table', part)[0]}.Arn>"


def values(template: Template) -> dict[str, set[str]]:
    """Return what a step may do that passes large values on."""
    bucket = template.one("S3::Bucket", "Values")[0]
    return {f"<{bucket}.Arn>/onboarding/*": {"s3:GetObject", "s3:PutObject"}, f"<{bucket}.Arn>": {"s3:ListBucket"}}


def actions(*names: str) -> set[str]:
    return {f"dynamodb:{name}" for name in names}


def test_a_step_without_bindings_may_use_its_own_rows_only(dev: Template) -> None:
    assert allowed(dev, f"{STEP}validate_user:validate_user") == {table(dev, "Instances"): actions(*ROWS)} | values(dev)


def test_a_step_may_use_the_namespaces_that_its_signature_names(dev: Template) -> None:
    assert allowed(dev, f"{STEP}create_profile:create_profile") == {
        table(dev, "Instances"): actions(*ROWS),
        table(dev, "Profiles"): actions(*KV),
        table(dev, "Addresses"): actions(*KV),
        **values(dev),
    }


def test_a_step_with_a_queue_may_send_to_it(dev: Template) -> None:
    found = allowed(dev, f"{STEP}send_welcome_email:send_welcome_email")
    queue = dev.queue()[0]
    assert found == {table(dev, "Instances"): actions(*ROWS), f"<{queue}.Arn>": {"sqs:SendMessage"}}


def test_steps_reach_rows_of_their_own_workflow_only(dev: Template) -> None:
    for name, function in dev.functions().items():
        if function["Properties"]["Environment"]["Variables"]["DURABLE_ENTRY"] not in ("step", "worker"):
            continue
        role = function["Properties"]["Role"]["Fn::GetAtt"][0]
        own = [each for each in dev.statements(role) if "Instances" in json.dumps(each["Resource"])]
        assert own, name
        for statement in own:
            assert statement["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["onboarding#*"]}}


def test_the_consumer_may_take_from_its_queue_and_send_as_its_sender_only(dev: Template) -> None:
    found = allowed(dev, f"{STEP}deliver_email:deliver_email")
    queue = f"<{dev.queue()[0]}.Arn>"
    mail = {resource: names for resource, names in found.items() if ":ses:" in resource}
    assert {resource.rpartition(":")[2] for resource in mail} == {"identity/*", "configuration-set/*"}
    assert all(names == {"ses:SendEmail", "ses:SendRawEmail"} for names in mail.values())
    assert {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"} <= found[queue]
    assert "sqs:SendMessage" not in found[queue]
    role = dev.functions()[f"{STEP}deliver_email:deliver_email"]["Properties"]["Role"]["Fn::GetAtt"][0]
    sending = next(each for each in dev.statements(role) if "ses:SendEmail" in each["Action"])
    assert sending["Condition"] == {"StringEquals": {"ses:FromAddress": "hello@example.com"}}


def test_the_worker_may_start_its_workflow_but_neither_stop_nor_list_anything(dev: Template) -> None:
    machine = dev.one("StepFunctions::StateMachine")[0]
    assert allowed(dev, "worker") == {
        table(dev, "Instances"): actions(*ROWS),
        f"<{machine}>": {"states:StartExecution"},
    }


def test_what_cloudformation_asks_may_list_runs_and_see_this_stack(dev: Template) -> None:
    bucket = dev.one("S3::Bucket", "Values")[0]
    assert allowed(dev, "changes") == {
        f"{table(dev, 'Instances')}/index/by-status": actions("Query"),
        "<AWS::StackId>": {"cloudformation:DescribeStacks"},
        f"<{bucket}.Arn>": {"s3:ListBucketVersions"},  # it is emptied when the stack goes
        f"<{bucket}.Arn>/*": {"s3:DeleteObject", "s3:DeleteObjectVersion"},
    }


@pytest.mark.parametrize("entry", ["operations", "completion", "reconciler"])
def test_those_that_know_all_workflows_reach_this_stacks_machines_only(dev: Template, entry: str) -> None:
    machine = dev.one("StepFunctions::StateMachine")[0]
    found = allowed(dev, entry)
    instances = table(dev, "Instances")
    executions = f":execution:<{machine}.Name>:*"
    assert found.pop(instances) == actions(*ROWS, "DeleteItem")
    assert found.pop(f"{instances}/index/by-status") == actions("Query")
    assert found.pop(f"<{machine}>") == {"states:StartExecution"}
    bucket = dev.one("S3::Bucket", "Values")[0]
    reads = {"s3:GetObject"} if entry == "operations" else set()
    assert found.pop(f"<{bucket}.Arn>") == {"s3:ListBucket"}
    assert found.pop(f"<{bucket}.Arn>/*") == {"s3:DeleteObject", *reads}
    (resource,) = found
    assert resource.endswith(executions)
    looks = {"states:GetExecutionHistory"} if entry == "reconciler" else set()
    assert found[resource] == {"states:DescribeExecution", "states:StopExecution"} | looks


def test_no_lambda_but_those_has_a_right_to_executions(dev: Template) -> None:
    for name in dev.functions():
        if name not in ("operations", "completion", "reconciler", "worker", "versions"):
            assert not any(action.startswith("states:") for action, _ in dev.grants(name)), name


def test_a_machine_may_invoke_all_versions_of_its_steps_and_nothing_else(dev: Template) -> None:
    _, machine = dev.one("StepFunctions::StateMachine")
    statements = dev.statements(machine["Properties"]["RoleArn"]["Fn::GetAtt"][0])
    invoke = [each for each in statements if each["Action"] == "lambda:InvokeFunction"]
    resources = {text(one) for each in invoke for one in each["Resource"]}
    steps = [name for name in dev.of("Lambda::Function") if name.startswith("OnboardingWorkflow")]
    assert len(steps) == 4
    assert resources == {f"<{name}.Arn>:*" for name in steps}


def test_a_star_stands_for_a_resource_only_where_aws_knows_no_narrower_one(dev: Template) -> None:
    starred = {
        action
        for policy in dev.of("IAM::Policy").values()
        for each in policy["Properties"]["PolicyDocument"]["Statement"]
        if each["Resource"] == "*"
        for action in (each["Action"] if isinstance(each["Action"], list) else [each["Action"]])
    }
    assert starred == {
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
        "xray:GetSamplingRules",
        "xray:GetSamplingTargets",
        "logs:CreateLogDelivery",
        "logs:GetLogDelivery",
        "logs:UpdateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:DescribeResourcePolicies",
        "logs:DescribeLogGroups",
    }


def test_no_action_is_a_pattern(dev: Template) -> None:
    for name in dev.functions():
        assert [action for action, _ in dev.grants(name) if "*" in action] == []


def test_only_this_stacks_rules_api_and_queues_may_invoke_its_lambdas(dev: Template) -> None:
    for permission in dev.of("Lambda::Permission").values():
        properties = permission["Properties"]
        assert properties["Principal"] in ("events.amazonaws.com", "apigateway.amazonaws.com")
        assert "SourceArn" in properties


def test_services_use_the_roles_of_machines_and_schedules_for_this_account_alone(everything: Template) -> None:
    roles = [
        each["Properties"]["AssumeRolePolicyDocument"]["Statement"] for each in everything.of("IAM::Role").values()
    ]
    used = [each for (each,) in roles if each["Principal"]["Service"] != "lambda.amazonaws.com"]
    assert {each["Principal"]["Service"] for each in used} == {"states.amazonaws.com", "scheduler.amazonaws.com"}
    own = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert [each["Condition"] for each in used] == [own] * len(used)
