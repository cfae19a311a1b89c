"""Timeouts that are known in the run only: of steps, of waits for events, and of callbacks."""

from __future__ import annotations

from datetime import timedelta

import pytest

from durable.compiler import compile_workflow
from durable.testing import Sandbox
from tests.unit.compiler.both import agree, run_compiled
from tests.unit.compiler.sample import User
from tests.unit.compiler.segmented import run_segments
from tests.unit.compiler.written import written

WAITS = written("""
    user = event.payload
    waited = 0
    for days in range(user.age):
        try:
            await step.wait_for_event("reply", type="reply", payload=str, timeout=datetime.timedelta(days=days + 1))
            return waited
        except StepTimeoutError:
            waited += days + 1
    return waited
""")
STEP = written("""
    limit = event.payload.age
    try:
        return await step.do("slow", text, "x", timeout=limit * 2, retries=Retries(limit=0))
    except StepTimeoutError:
        return "too slow"
""")


def test_a_wait_lasts_as_long_as_the_run_says() -> None:
    user = User(user_id="u", age=3)
    assert agree(WAITS, user).output == 6
    assert run_compiled(compile_workflow(WAITS), user).elapsed == timedelta(days=6)
    assert run_segments(compile_workflow(WAITS), user)[0].elapsed == timedelta(days=6)
    assert Sandbox(WAITS).run(user).elapsed == timedelta(days=6)


@pytest.mark.parametrize("age", [10, 300])
def test_a_step_has_as_long_as_the_run_says(age: int) -> None:
    compiled = compile_workflow(STEP)
    task = compiled.definition["States"]["slow"]
    assert task["TimeoutSeconds"].startswith("{%")
    (use,) = compiled.steps
    assert use.timeout_seconds == 895
    sandbox = Sandbox(STEP)
    sandbox.stub("slow").times_out()
    run = sandbox.run(User(user_id="u", age=age))
    assert run.output == "too slow"
    assert timedelta(seconds=2 * age) <= run.elapsed <= timedelta(seconds=2 * age + 60)


@pytest.mark.parametrize("age", [0, -1, 448])
def test_a_timeout_that_no_step_can_have_ends_the_run(age: int) -> None:
    user = User(user_id="u", age=age)
    assert run_compiled(compile_workflow(STEP), user).error == "States.QueryEvaluationError"
    assert run_segments(compile_workflow(STEP), user)[0].error == "States.QueryEvaluationError"


def test_a_result_that_a_timeout_looks_into_travels_by_itself() -> None:
    body = """
        limits = await step.do("limits", settle, Point(x=30), {"theme": "dark"}, sensitive=True)
        return await step.do("save", save, 1, timeout=limits.x)
    """
    payload = compile_workflow(written(body)).definition["States"]["limits"]["Arguments"]["Payload"]
    assert "by_reference" not in payload
    assert payload["read"] == "`limits.x`"
