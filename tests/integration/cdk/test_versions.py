"""What deletes old versions: it may look at those of this stage and delete them, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from durable import Workflow
from durable.project import Project
from tests.integration.cdk.conftest import Synthesise
from tests.integration.cdk.sample import CallingWorkflow, PatientWorkflow
from tests.integration.cdk.template import Template

SHARED = ("logs:", "xray:")


@pytest.fixture(scope="module")
def main(synthesise: Synthesise, tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The main stack of a project with a workflow of each type in it, and one in a nested stack."""
    folder: Path = tmp_path_factory.mktemp("versions")
    nested = Workflow("patient", PatientWorkflow, nested=True)
    calling, standard = Workflow("calling", CallingWorkflow), Workflow("waiting", PatientWorkflow, kind="standard")
    synthesise(folder, project=Project("app", (nested, calling, standard)))
    return Template.read(folder / "durable-workflows-dev.template.json")


def grants(template: Template) -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = {}
    for action, resource in template.grants("versions"):
        if not action.startswith(SHARED):
            found.setdefault(action, set()).add(resource.rpartition("<AWS::AccountId>:")[2])
    return found


def test_it_may_delete_versions_of_this_stage_and_read_what_tells_whether_they_are_used(main: Template) -> None:
    name = "stateMachine:durable-workflows-dev"
    machines = {
        f"<{main.one('StepFunctions::StateMachine', 'CallingWorkflowStateMachine')[0]}>*",
        f"<{main.one('StepFunctions::StateMachine', 'WaitingWorkflowStateMachine')[0]}>*",
        *(f"{name}-calling-express*", f"{name}.*"),
    }
    functions = {"function:durable-workflows-dev*"}
    table = main.one("DynamoDB::Table", "Instances")[0]
    assert grants(main) == {
        "states:ListStateMachineVersions": machines,
        "states:DescribeStateMachine": machines,
        "states:DeleteStateMachineVersion": machines,
        "lambda:ListVersionsByFunction": functions,
        "lambda:DeleteFunction": functions,
        "dynamodb:Query": {f"<{table}.Arn>/index/by-status"},
        "ssm:GetParametersByPath": {"parameter/durable-workflows-dev/workflows"},
        "ssm:GetParameter": {"parameter/durable-workflows-dev/workflows/*"},
    }


def test_it_looks_once_a_day(main: Template) -> None:
    _, rule = main.one("Events::Rule", "OldVersions")
    assert rule["Properties"]["ScheduleExpression"] == "rate(1 day)"
