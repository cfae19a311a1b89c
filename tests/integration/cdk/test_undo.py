"""A workflow that can be undone: its undo is a Lambda of its own, which only the machine of rollbacks invokes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from durable import KVNamespace, Workflow
from durable.project import Project
from tests.integration.cdk.conftest import Synthesise
from tests.integration.cdk.sample import BookingWorkflow
from tests.integration.cdk.template import Template, references, text

SAMPLE = "tests.integration.cdk.sample"


@pytest.fixture(scope="module")
def booking(synthesise: Synthesise, tmp_path_factory: pytest.TempPathFactory) -> Template:
    notes = KVNamespace[str]("notes")
    project = Project("app", (notes, Workflow("booking", BookingWorkflow, bindings={"notes": notes})))
    return synthesise(tmp_path_factory.mktemp("booking"), project=project)


def machines(template: Template) -> dict[str, Any]:
    """Return the definitions of the workflow's machines by their type, and of that of its rollbacks."""
    found = {name: each["Properties"] for name, each in template.of("StepFunctions::StateMachine").items()}
    kinds = {name: "rollback" if "Rollback" in name else each["StateMachineType"] for name, each in found.items()}
    return {kinds[name]: json.loads(text(each["DefinitionString"])) for name, each in found.items()}


def state_of(machine: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a state of a machine, or of its branches."""
    found = [state for each, state in machine["States"].items() if each == name]
    branches = [each for state in machine["States"].values() for each in state.get("Branches", ())]
    return found[0] if found else next(state_of(each, name) for each in branches)


def invoked(template: Template, part: str) -> set[str]:
    """Return which functions the role of a machine may invoke, by what they run."""
    name = next(each for each in template.of("StepFunctions::StateMachine") if ("Rollback" in each) == (part != "own"))
    role = template.resources[name]["Properties"]["RoleArn"]["Fn::GetAtt"][0]
    granted = {each for statement in template.statements(role) for each in references(statement["Resource"])}
    return {
        runs
        for runs, function in template.functions().items()
        for logical, each in template.of("Lambda::Function").items()
        if each is function and logical in granted
    }


def test_the_task_carries_the_version_of_its_undo(booking: Template) -> None:
    for kind in ("EXPRESS", "STANDARD"):
        payload = state_of(machines(booking)[kind], "book")["Arguments"]["Payload"]
        assert payload["undo"]["function"].strip("<>") in booking.of("Lambda::Version")


def test_the_undo_alone_may_use_what_it_names(booking: Template) -> None:
    actions = {runs: {action for action, _ in booking.grants(runs)} for runs in (f"{SAMPLE}:book", f"{SAMPLE}:cancel")}
    notes = f"<{booking.one('DynamoDB::Table', 'Notes')[0]}.Arn>"
    assert "dynamodb:PutItem" in actions[f"{SAMPLE}:cancel"]
    assert {resource for _, resource in booking.grants(f"{SAMPLE}:cancel")} >= {notes}
    assert notes not in {resource for _, resource in booking.grants(f"{SAMPLE}:book")}


def test_only_rollbacks_invoke_undos_and_they_invoke_nothing_else(booking: Template) -> None:
    assert invoked(booking, "own") == {f"{SAMPLE}:book", "turn"}
    assert invoked(booking, "rollback") == {f"{SAMPLE}:cancel", "rollback"}


def test_the_closer_is_told_of_rollbacks_too_and_may_start_them(booking: Template) -> None:
    _, rule = booking.one("Events::Rule", "Ended")
    assert len(rule["Properties"]["EventPattern"]["detail"]["stateMachineArn"]) == 2
    known = json.loads(text(booking.one("SSM::Parameter")[1]["Properties"]["Value"]))
    rollback = known["rollback"].strip("<>")
    assert "Rollback" in rollback
    started = {resource for action, resource in booking.grants("completion") if action == "states:StartExecution"}
    assert any(rollback in each for each in started)


def test_a_project_without_undo_has_no_machine_for_it(dev: Template) -> None:
    assert not any("Rollback" in name for name in dev.of("StepFunctions::StateMachine"))
