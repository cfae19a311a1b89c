"""Steps that are answered by a token, on Standard: their Lambda, what it may do, and who else may answer."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from durable import Schedule, Workflow
from durable.project import Project
from durable.wire import EVENTS, RACES
from tests.integration.cdk.conftest import Synthesise
from tests.integration.cdk.sample import CallingWorkflow, PatientWorkflow, RacingWorkflow, RelayWorkflow
from tests.integration.cdk.template import Template
from tests.integration.cdk.test_grants import actions, allowed, table

ROWS = ("ConditionCheckItem", "GetItem", "PutItem", "Query", "UpdateItem")
ANSWERS = {"states:SendTaskSuccess", "states:SendTaskFailure"}
MACHINE = "durable-workflows-dev-patient"


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory, synthesise: Synthesise) -> Template:
    relay = Workflow("relay", RelayWorkflow, kind="standard")
    relay.bindings["relay"] = relay
    daily = Schedule(every="1 day", params=1)
    waiting = Workflow("patient", PatientWorkflow, kind="standard", schedules=(daily,))
    project = Project("sample", (waiting, Workflow("calling", CallingWorkflow, kind="standard"), relay))
    return synthesise(tmp_path_factory.mktemp("patient"), project=project)


def test_the_lambda_of_the_waits_may_use_the_rows_of_its_workflow_and_answer_its_machine(patient: Template) -> None:
    found = allowed(patient, "events")
    assert found.pop(table(patient, "Instances")) == actions(*ROWS)
    assert [(resource.rpartition(":")[2], names) for resource, names in found.items()] == [(MACHINE, ANSWERS)]
    role = patient.functions()["events"]["Properties"]["Role"]["Fn::GetAtt"][0]
    own = next(each for each in patient.statements(role) if "dynamodb:GetItem" in each["Action"])
    assert own["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["patient#*"]}}


def test_the_machine_calls_a_version_of_it(patient: Template) -> None:
    machine = patient.one("StepFunctions::StateMachine", "Patient")[1]["Properties"]
    assert machine["StateMachineName"] == "durable-workflows-dev-patient"
    text = json.dumps(machine)
    assert EVENTS not in text
    assert text.count("HandlerFunctionCurrentVersion") == 1


@pytest.mark.parametrize("entry", ["operations", "reconciler", "completion"])
def test_who_finds_what_was_not_told_may_tell_it_to_machines_that_wait_and_to_no_other(
    patient: Template, entry: str
) -> None:
    names = [patient.one("StepFunctions::StateMachine", each)[0] for each in ("Patient", "Calling")]
    answered = {resource for resource, names in allowed(patient, entry).items() if names & ANSWERS}
    assert answered == {f"<{name}>" for name in names}


def test_who_starts_runs_at_scheduled_times_may_tell_no_machine_of_events(patient: Template) -> None:
    assert not [names for names in allowed(patient, "starter").values() if names & ANSWERS]


def test_operators_know_what_the_payload_of_an_event_is(patient: Template) -> None:
    variables = patient.functions()["operations"]["Properties"]["Environment"]["Variables"]
    assert '"events\\":{\\"replied\\":\\"str\\"}' in json.dumps(variables["DURABLE_WORKFLOWS"])


def test_the_lambda_of_the_calls_may_start_what_it_calls_and_answer_its_own_machine(patient: Template) -> None:
    found = allowed(patient, "calls")
    assert found.pop(table(patient, "Instances")) == actions(*ROWS)
    machines = {resource.rpartition("-")[2]: names for resource, names in found.items()}
    assert machines == {"calling": ANSWERS, "patient": {"states:StartExecution"}}
    role = patient.functions()["calls"]["Properties"]["Role"]["Fn::GetAtt"][0]
    keys = {
        key
        for each in patient.statements(role)
        if "dynamodb:GetItem" in each["Action"]
        for key in each["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    }
    assert keys == {"calling#*", "patient#*"}


def test_it_knows_which_workflow_each_step_calls(patient: Template) -> None:
    variables = patient.functions()["calls"]["Properties"]["Environment"]["Variables"]
    assert '\\"ask\\":{\\"workflow\\":\\"patient\\"' in json.dumps(variables["DURABLE_CALLS"])


def test_races_are_decided_by_the_lambda_of_the_waits(
    tmp_path_factory: pytest.TempPathFactory, synthesise: Synthesise
) -> None:
    project = Project("sample", (Workflow("racing", RacingWorkflow, kind="standard"),))
    template = synthesise(tmp_path_factory.mktemp("racing"), project=project)
    names = allowed(template, "events")[table(template, "Instances")]
    assert {"dynamodb:PutItem", "dynamodb:ConditionCheckItem"} <= set(names)
    text = json.dumps(template.one("StepFunctions::StateMachine", "Racing")[1]["Properties"])
    assert f"${{{RACES}}}" not in text
    # both branches claim the race, and the state after them asks who has won
    assert sorted(Counter(re.findall(r'"Ref": "(\w+CurrentVersion\w+)"', text)).values()) == [1, 1, 3], text
