"""What a rehearsal grants besides must not reach a real deployment."""

from __future__ import annotations

from typing import Any

from durable.cdk.function import Dialect
from tests.integration.cdk.template import Template


def test_without_a_rehearsal_a_grant_is_what_was_asked_for() -> None:
    dialect = Dialect()
    assert dialect.actions(["sqs:SendMessage"]) == ["sqs:SendMessage"]
    assert dialect.resources(["arn"], ["ses:SendEmail"]) == ["arn"]
    assert dialect.conditions({"StringEquals": {"ses:FromAddress": "a@b.c"}}) == {
        "StringEquals": {"ses:FromAddress": "a@b.c"}
    }


def test_a_rehearsals_words_are_added_and_what_it_cannot_check_is_left_out() -> None:
    dialect = Dialect(
        synonyms={"sqs:SendMessage": ("sqs:SendMessageBatch",)},
        unknown=frozenset({"ses:FromAddress"}),
        unplaced=frozenset({"ses:SendEmail"}),
    )
    assert dialect.actions(["sqs:SendMessage", "sqs:X"]) == ["sqs:SendMessage", "sqs:SendMessageBatch", "sqs:X"]
    assert dialect.resources(["arn"], ["ses:SendEmail"]) == ["*"]
    assert dialect.conditions({"StringEquals": {"ses:FromAddress": "a@b.c"}, "Bool": {"aws:x": "true"}}) == {
        "Bool": {"aws:x": "true"}
    }


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


def test_a_parallel_stays_as_it_is_without_a_rehearsal() -> None:
    assert Dialect().definition(FORK) == FORK


def test_a_rehearsals_parallel_has_its_result_taken_by_a_pass_after_it() -> None:
    written = Dialect(plain_parallels=True).definition({"StartAt": "x", "States": {"x": {"Type": "Map", "P": FORK}}})
    states = written["States"]["x"]["P"]["States"]
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
        assert "sqs:SendMessageBatch" not in text
        assert "PYTHONPATH" not in text
        for function in template.functions().values():
            assert function["Properties"]["Runtime"] == "python3.13"
            assert function["Properties"]["Architectures"] == ["arm64"]
