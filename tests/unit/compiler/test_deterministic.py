"""The same source gives the same definition, in every process."""

from __future__ import annotations

import os
import subprocess
import sys

from durable.compiler import compile_workflow
from statemachines.onboarding import OnboardingWorkflow
from tests.unit.compiler.written import written

PRINT = "from tests.unit.compiler import test_deterministic as t; print(t.texts())"


def texts() -> str:
    """Return what two workflows compile to."""
    body = """
        a = await step.do("a", fail, event.payload.user_id)
        b = event.payload.tags
        if event.payload.active and a in b or event.payload.nickname:
            c, d, e = a, b, event.payload.nickname
            await step.do("b", text, a)
            return [a, b, c, d, e]
        await step.sleep("c", "1 day")
        return b
    """
    return compile_workflow(OnboardingWorkflow).text + compile_workflow(written(body)).text


def test_two_hash_seeds_give_one_text() -> None:
    found = [
        subprocess.run(
            [sys.executable, "-c", PRINT],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert found[0] == found[1] == texts() + "\n"


def test_moving_code_does_not_change_the_definition() -> None:
    body = 'a = await step.do("a", text, event.payload.user_id)\nif a == "x":\n    return 1\nreturn 2'
    moved = body.replace("\n", "\n\n\n# moved\n", 1)
    assert compile_workflow(written(body)).text == compile_workflow(written(moved)).text


def test_onboarding_is_four_states() -> None:
    states = compile_workflow(OnboardingWorkflow).definition["States"]
    assert [*states] == ["validate-user", "create-profile", "send-welcome-email", "initialize-settings"]
    assert {each["Type"] for each in states.values()} == {"Task"}
