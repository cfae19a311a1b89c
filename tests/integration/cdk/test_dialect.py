"""What a rehearsal changes for MiniStack, and that none of it reaches a real deployment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from durable import KVNamespace, Workflow
from durable.cdk.rehearsal.dialect import definition, policy
from durable.project import Project
from tests.integration.cdk.conftest import Synthesise
from tests.integration.cdk.sample import BookingWorkflow
from tests.integration.cdk.template import Template, dangling


def statement(action: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": "arn", **more}


def written(action: Any, **more: Any) -> dict[str, Any]:
    (found,) = statements(action, **more)
    return found


def statements(action: Any, **more: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = policy({"Version": "2012-10-17", "Statement": [statement(action, **more)]})[
        "Statement"
    ]
    return found


def test_its_other_names_of_actions_are_granted_too() -> None:
    assert written("sqs:SendMessage") == statement(["sqs:SendMessage", "sqs:SendMessageBatch"])
    assert written(["sqs:X", "sqs:SendMessage"])["Action"] == ["sqs:X", "sqs:SendMessage", "sqs:SendMessageBatch"]


def test_what_it_asks_for_on_no_resource_is_granted_on_all() -> None:
    assert written(["ses:SendEmail", "ses:SendRawEmail"])["Resource"] == "*"
    assert written("s3:GetObject")["Resource"] == "arn"
    start, answer = statements(["states:StartExecution", "states:SendTaskSuccess"])
    assert start == statement(["states:StartExecution"])
    assert answer == statement(["states:SendTaskSuccess"], Resource="*")


def test_conditions_that_it_cannot_check_are_left_out() -> None:
    from_one = {"StringEquals": {"ses:FromAddress": "a@b.c"}}
    assert "Condition" not in written("ses:SendEmail", Condition=from_one)
    both = from_one | {"Bool": {"aws:x": "true"}}
    assert written("ses:SendEmail", Condition=both)["Condition"] == {"Bool": {"aws:x": "true"}}


FORK: Any = {
    "StartAt": "both",
    "States": {
        "both": {
            "Type": "Parallel",
            "Branches": [{"StartAt": "one", "States": {"one": {"Type": "Pass", "End": True}}}],
            "Catch": [{"ErrorEquals": ["A"], "Next": "after"}],
            "Assign": {"found": "{% $states.result[0] %}"},
            "Next": "after",
        },
        "after": {"Type": "Pass", "End": True},
    },
}


def test_the_result_of_a_parallel_is_taken_by_a_pass_after_it() -> None:
    states = definition({"StartAt": "x", "States": {"x": {"Type": "Map", "P": FORK}}})["States"]["x"]["P"]["States"]
    assert [*states] == ["both", "both (result)", "after"]
    assert states["both"] == {
        "Type": "Parallel",
        "Branches": FORK["States"]["both"]["Branches"],
        "Catch": [{"ErrorEquals": ["A"], "Next": "after"}],
        "Next": "both (result)",
    }
    assert states["both (result)"] == {"Type": "Pass", "Assign": {"found": "{% $states.input[0] %}"}, "Next": "after"}


def test_a_real_deployment_runs_on_aws_and_names_nothing_of_this_machine(dev: Template, prod: Template) -> None:
    for template in (dev, prod):
        text = template.path.read_text()
        for word in ("sqs:SendMessageBatch", "PYTHONPATH", "(result)"):
            assert word not in text
        assert "ses:FromAddress" in text
        for function in template.functions().values():
            assert function["Properties"]["Runtime"] == "python3.13"
            assert function["Properties"]["Architectures"] == ["arm64"]


@pytest.mark.slow
def test_a_rehearsal_has_the_same_resources_in_its_words(synthesise: Synthesise, tmp_path: Path, dev: Template) -> None:
    rehearsal = synthesise(tmp_path, context={"rehearsal": True})
    text = rehearsal.path.read_text()
    assert "sqs:SendMessageBatch" in text
    assert "ses:FromAddress" not in text
    assert "(result)" in text
    kinds = sorted(each["Type"] for each in dev.resources.values() if "LayerVersion" not in each["Type"])
    assert sorted(each["Type"] for each in rehearsal.resources.values()) == kinds


def test_a_nested_stack_names_what_is_in_another_one_by_its_parameters(synthesise: Synthesise, tmp_path: Path) -> None:
    notes = KVNamespace[str]("notes")
    booking = Workflow("booking", BookingWorkflow, bindings={"notes": notes}, nested=True)
    synthesise(tmp_path, project=Project("app", (notes, booking)), context={"rehearsal": True})
    templates = [Template.read(path) for path in tmp_path.glob("*.template.json")]
    assert len(templates) == 2
    assert [each for template in templates for each in dangling(template)] == []
