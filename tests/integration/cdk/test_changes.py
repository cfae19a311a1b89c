"""What guards an update: asked first, and told all that an open run may need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from durable import KVNamespace, Workflow
from durable.aws.open_runs import START, Deployed
from durable.project import Project
from tests.integration.cdk.conftest import Synthesise
from tests.integration.cdk.sample import BookingWorkflow
from tests.integration.cdk.template import Template, what_runs
from tests.integration.cdk.test_bindings import project

BEGIN: Final = ("worker", "operations", "completion", "reconciler")
"""The Lambdas that begin runs."""


def guard(template: Template) -> tuple[str, Mapping[str, Any]]:
    (found,) = ((name, each) for name, each in template.resources.items() if each["Type"] == "Custom::OpenRuns")
    return found


def test_it_is_told_each_step_and_what_the_step_uses(dev: Template) -> None:
    needs = guard(dev)[1]["Properties"]["Needs"]
    assert needs.keys() == {"onboarding"}
    assert [each for each in needs["onboarding"] if each.startswith("step")] == [
        "step CreateProfile",
        "step InitializeSettings",
        "step SendWelcomeEmail",
        "step ValidateUser",
    ]
    assert "KVNamespace('settings') in step InitializeSettings" in needs["onboarding"]
    assert "KVNamespace('settings') in step CreateProfile" not in needs["onboarding"]


def test_nothing_of_a_workflow_is_changed_before_it_agrees(dev: Template) -> None:
    name, _ = guard(dev)
    kinds = ("Lambda::Function", "Lambda::Version", "IAM::Role", "IAM::Policy", "StepFunctions::StateMachine")
    own = {each: part for kind in kinds for each, part in dev.of(kind).items() if each.startswith("OnboardingWorkflow")}
    assert len(own) == 4 * 4 + 3
    assert [each for each, part in own.items() if name not in part["DependsOn"]] == []


def test_it_is_told_what_a_run_in_segments_may_need_at_each_state(express: Template, dev: Template) -> None:
    properties = guard(express)[1]["Properties"]
    told = Deployed.of(properties)["onboarding"]
    at_the_end = told.needed_at("send-welcome-email & initialize-settings")
    assert {each for each in at_the_end if each.startswith("step")} == {
        "step InitializeSettings",
        "step SendWelcomeEmail",
    }
    assert "KVNamespace('profiles') in step CreateProfile" not in at_the_end
    assert "kind='express'" in at_the_end
    assert told.needed_at("create-profile") - at_the_end >= {"step CreateProfile"}
    assert told.needed_at(START) == {*told.needs}
    assert "at" not in guard(dev)[1]["Properties"]["Reach"]["onboarding"]


def test_what_undoes_a_step_may_be_needed_wherever_a_run_is(synthesise: Synthesise, tmp_path: Path) -> None:
    notes = KVNamespace[str]("notes")
    booking = Workflow("booking", BookingWorkflow, bindings={"notes": notes})
    made = synthesise(tmp_path, project=Project("app", (notes, booking)))
    told = Deployed.of(guard(made)[1]["Properties"])["booking"]
    for state in told.at:
        assert {"step BookUndo", "KVNamespace('notes') in step BookUndo"} <= told.needed_at(state)


def test_what_goes_waits_until_the_new_code_is_all_that_runs_begin_on(express: Template) -> None:
    (drained,) = (each for each in express.resources.values() if each["Type"] == "Custom::Drained")
    assert drained["Properties"]["Gone"] == {"Fn::GetAtt": [guard(express)[0], "Gone"]}
    lambdas = [name for name, each in express.of("Lambda::Function").items() if what_runs(each) in BEGIN]
    assert len(lambdas) == 4
    assert {*lambdas, express.one("SSM::Parameter", "OnboardingWorkflow")[0]} <= {*drained["DependsOn"]}


@pytest.mark.parametrize(("stage", "emptied"), [("dev", 1), ("prod", 0)])
def test_a_bucket_is_emptied_for_its_stack_to_go_but_in_prod(
    synthesise: Synthesise, tmp_path_factory: pytest.TempPathFactory, stage: str, emptied: int
) -> None:
    made = synthesise(tmp_path_factory.mktemp("emptied"), project=project(), stage=stage)
    bucket = made.one("S3::Bucket")[0]
    assert len(list(_emptied(made, bucket))) == emptied
    removes = {each for each in made.grants("changes") if each[0] == "s3:DeleteObject"}
    assert removes == ({("s3:DeleteObject", f"<{bucket}.Arn>/*")} if emptied else set())
    assert ("VersioningConfiguration" in made.resources[bucket]["Properties"]) == (not emptied)


def _emptied(template: Template, bucket: str) -> Iterator[Mapping[str, Any]]:
    for each in template.resources.values():
        if each["Type"] == "Custom::Emptied" and each["Properties"]["Bucket"] == {"Ref": bucket}:
            yield each
