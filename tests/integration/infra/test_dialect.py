"""What a rehearsal grants besides must not reach a real deployment."""

from __future__ import annotations

from infra.function import Dialect
from tests.integration.infra.template import Template


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


def test_a_real_deployment_runs_on_aws_and_names_nothing_of_this_machine(dev: Template, prod: Template) -> None:
    for template in (dev, prod):
        text = template.path.read_text()
        assert "sqs:SendMessageBatch" not in text
        assert "PYTHONPATH" not in text
        for function in template.functions().values():
            assert function["Properties"]["Runtime"] == "python3.13"
            assert function["Properties"]["Architectures"] == ["arm64"]
