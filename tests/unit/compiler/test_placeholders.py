"""Placeholders of functions, and texts of a program that look like one."""

from __future__ import annotations

import json

import pytest

from durable.compiler import compile_workflow
from durable.compiler.asl.placeholders import filled
from durable.testing import Sandbox
from durable.testing.native import run_natively
from tests.unit.compiler.both import agree
from tests.unit.compiler.sample import User
from tests.unit.compiler.written import written

USER = User(user_id="${Save}")


def test_only_whole_known_placeholders_are_replaced() -> None:
    definition = {"A": "${One}", "B": ["${One}", "${Two}", "say ${One}"], "C": {"D": 1, "E": None}}
    assert filled(definition, {"One": "arn"}) == {
        "A": "arn",
        "B": ["arn", "${Two}", "say ${One}"],
        "C": {"D": 1, "E": None},
    }


@pytest.mark.parametrize("text", ["${Save}", "say ${Save}", "{% ${Save} %}", "${wait_for_event}", "$${Save}{"])
def test_no_text_of_a_program_is_a_placeholder(text: str) -> None:
    body = f"""
        a = await step.do("save", save, 1)
        try:
            await step.do("text", text, {text!r}, retries=Retries(limit=0))
            raise WorkflowError({text!r})
        except WorkflowError:
            return {{{text!r}: [{text!r}, event.payload.user_id], "n": a}}
    """
    workflow = written(body)
    filled_in = json.dumps(
        filled(compile_workflow(workflow).definition, {"Save": "<save>", "wait_for_event": "<wait>"})
    )
    assert filled_in.count("<save>") == 1
    assert "<wait>" not in filled_in
    assert agree(workflow, USER).output == {text: [text, "${Save}"], "n": 2}
    assert Sandbox(workflow).run(USER).output == run_natively(workflow, USER).output


def test_steps_may_be_called_as_the_methods_of_steps_are() -> None:
    body = """
        a = await step.do("call", save, 1)
        b = await step.do("wait_for_event", save, 2)
        c = await step.do("rollback", save, 3)
        try:
            await step.wait_for_event("wait", type="done", timeout="1 minute")
        except StepTimeoutError:
            return [a, b, c]
        return None
    """
    assert Sandbox(written(body)).run(USER).output == [2, 3, 4]
