"""What guards an update: asked first, and told all that an open run may need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.integration.cdk.conftest import Synthesise
from tests.integration.cdk.template import Template
from tests.integration.cdk.test_bindings import project


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


@pytest.mark.parametrize(("stage", "emptied"), [("dev", 1), ("prod", 0)])
def test_a_bucket_is_emptied_for_its_stack_to_go_but_in_prod(
    synthesise: Synthesise, tmp_path_factory: pytest.TempPathFactory, stage: str, emptied: int
) -> None:
    made = synthesise(tmp_path_factory.mktemp("emptied"), project=project(), stage=stage)
    bucket = made.one("S3::Bucket")[0]
    assert len(list(_emptied(made, bucket))) == emptied
    removes = {each for each in made.grants("changes") if each[0] == "s3:DeleteObject"}
    assert removes == ({("s3:DeleteObject", f"<{bucket}.Arn>/*")} if emptied else set())


def _emptied(template: Template, bucket: str) -> Iterator[Mapping[str, Any]]:
    for each in template.resources.values():
        if each["Type"] == "Custom::Emptied" and each["Properties"]["Bucket"] == {"Ref": bucket}:
            yield each
