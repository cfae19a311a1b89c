"""Waits for events: natively and compiled, in branches and loops, in time and not."""

from __future__ import annotations

from datetime import timedelta

from durable.compiler import compile_workflow
from durable.testing import Sandbox
from durable.testing.native import run_natively
from tests.unit.compiler.both import agree, run_compiled
from tests.unit.compiler.sample import User
from tests.unit.compiler.written import written

USER = User(user_id="u")
OTHER = {"userId": "o"}


def test_an_event_gives_its_payload() -> None:
    workflow = written("""
        user = await step.wait_for_event("reply", type="replied", payload=User)
        return user.user_id
    """)
    assert agree(workflow, USER, events={"replied": [OTHER]}).output == "o"


def test_an_event_without_a_model_has_no_payload() -> None:
    workflow = written("""
        nothing = await step.wait_for_event("go", type="go")
        return nothing is None
    """)
    assert agree(workflow, USER, events={"go": [None]}).output is True


def test_a_timeout_is_caught_and_counted_from_when_the_wait_began() -> None:
    workflow = written("""
        await step.sleep("first", "1 day")
        try:
            await step.wait_for_event("reply", type="replied", payload=str, timeout="2 days")
        except StepTimeoutError:
            await step.do("remind", text, "x")
            await step.sleep("last", "5 days")
            return "late"
        return "in time"
    """)
    outcome = agree(workflow, USER)
    assert (outcome.output, outcome.elapsed) == ("late", timedelta(days=8))
    assert run_compiled(compile_workflow(workflow), USER).elapsed == outcome.elapsed


def test_a_timeout_that_nobody_catches_ends_the_run() -> None:
    workflow = written("""
        return await step.wait_for_event("reply", type="replied", payload=str)
    """)
    assert agree(workflow, USER).error == "StepTimeoutError"


def test_several_types_at_once_each_first_in_first_out() -> None:
    workflow = written("""
        async def twice() -> list[int]:
            got: list[int] = []
            for name in ["x", "y"]:
                number = await step.wait_for_event("number", type="number", payload=int)
                got = got + [number]
            return got

        numbers, word = await asyncio.gather(twice(), step.wait_for_event("word", type="word", payload=str))
        return f"{numbers[0]} {numbers[1]} {word}"
    """)
    events: dict[str, list[int | str]] = {"number": [1, 2, 3], "word": ["w"]}
    assert agree(workflow, USER, events=events, ordered=False).output == "1 2 w"


def test_a_wait_is_one_state_whose_task_is_answered_by_a_token() -> None:
    workflow = written("""
        return await step.wait_for_event("reply", type="replied", payload=str, timeout="1 hour")
    """)
    states = compile_workflow(workflow).definition["States"]
    assert list(states) == ["reply"]
    assert states["reply"]["Resource"] == "arn:aws:states:::lambda:invoke.waitForTaskToken"
    assert states["reply"]["TimeoutSeconds"] == 3605
    payload = states["reply"]["Arguments"]["Payload"]
    assert "RetryCount" in payload.pop("tried")
    assert payload == {
        "run": "{% $states.context.Execution.Input.run %}",
        "execution": "{% $states.context.Execution.Name %}",
        "step": "reply",
        "token": "{% $states.context.Task.Token %}",
        "entered": "{% $states.context.State.EnteredTime %}",
        "type": "replied",
        "timeout": 3600,
    }


def test_a_wait_in_vain_says_the_same_natively_and_in_a_sandbox() -> None:
    workflow = written(
        """
        said: list[str] = []
        try:
            await step.wait_for_event("wait", type="paid", timeout="5 seconds")
        except StepTimeoutError as error:
            said.append(str(error))
        try:
            await step.callback("ask", ask, "x", timeout="5 seconds")
        except StepTimeoutError as error:
            said.append(str(error))
        return said
        """
    )
    user = User(user_id="u")
    functions = {"ask": lambda value, callback: None}
    native = run_natively(workflow, user, functions)
    assert native.output == ["No event of type paid came in time.", "The callback was not completed in time."]
    assert Sandbox(workflow).run(user).output == native.output
