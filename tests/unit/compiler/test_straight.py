"""Steps in a row, assignments and returns."""

from __future__ import annotations

from durable import Retries, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.compiler import compile_workflow
from tests.unit.compiler.both import agree, state_count
from tests.unit.compiler.sample import (
    Address,
    Options,
    Point,
    User,
    fail,
    get_user,
    maybe_user,
    rename,
    save,
    settle,
    text,
)


class Straight(WorkflowEntrypoint[str]):
    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> dict[str, object]:
        """Four steps."""
        user = await step.do("get user", get_user, event.payload)
        named = await step.do("rename", rename, user, "Jo")
        loud = await step.do("rename loudly", rename, user, f"{user.user_id}-jo", True)
        length = len(user.user_id) + 1
        saved = await step.do("save", save, length, retries=Retries(limit=0), timeout="1 minute")
        return await step.complete("done", {"a": named.nickname, "b": loud.nickname, "c": [saved, length], "d": None})


def test_steps_in_a_row_are_as_many_states() -> None:
    assert agree(Straight, "abc").output == {"a": "Jo", "b": "ABC-JO", "c": [5, 4], "d": None}
    assert state_count(Straight) == 4


class NoSteps(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        doubled = event.payload * 2
        return doubled + 1


def test_a_run_without_steps_is_one_state() -> None:
    assert agree(NoSteps, 4).output == 9
    assert state_count(NoSteps) == 1


class NoReturn(WorkflowEntrypoint[str]):
    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> None:
        await step.do("text", text, event.payload)


def test_a_run_without_return_ends_with_none() -> None:
    assert agree(NoReturn, "x").output is None
    assert state_count(NoReturn) == 1


class Shuffle(WorkflowEntrypoint[str]):
    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> list[str]:
        a = await step.do("a", text, event.payload)
        b = a + "b"
        a = b + "a"
        b = a
        a, c = b, f"{a}c"
        count = c
        await step.do("z", text, count)
        a += "!"
        return [a, b, c, count]


def test_assignments_happen_one_after_the_other() -> None:
    assert agree(Shuffle, "x").output == ["xba!", "xba", "xbac", "xbac"]
    assert state_count(Shuffle) == 2


class ReturnsStep(WorkflowEntrypoint[str]):
    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> User | None:
        return await step.do("maybe", maybe_user, event.payload)


def test_a_step_can_be_returned() -> None:
    assert agree(ReturnsStep, "x").output is None
    assert agree(ReturnsStep, "x", {"maybe": lambda key: User(user_id=key)}).output["userId"] == "x"
    assert state_count(ReturnsStep) == 1


class Typed(WorkflowEntrypoint[User]):
    async def run(self, event: WorkflowEvent[User], step: WorkflowStep) -> dict[str, object]:
        options: Options = {"theme": "light", "limit": 3}
        point = await step.do("settle", settle, event.payload.point, options)
        return {
            "point": point,
            "x": point.x,
            "id": event.instance_id,
            "at": event.timestamp,
            "name": event.workflow_name,
            "zip": event.payload.address,
        }


def test_dataclasses_and_typed_dicts_travel() -> None:
    user = User(user_id="u", point=Point(1, 2), address=Address(street_name="S"))
    native = agree(Typed, user).output
    assert native["at"] == "2026-01-01T00:00:00Z"
    assert native["point"] == {"x": 4, "y": 2}
    assert native["zip"] == {"streetName": "S", "zipCode": None}


class Failing(WorkflowEntrypoint[str]):
    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> str:
        await step.do("fail", fail, event.payload)
        return await step.do("never", text, "x")


def test_a_failing_step_ends_the_run_under_its_error() -> None:
    assert agree(Failing, "x").error == "EmailTakenError"
    assert agree(Failing, "x", {"fail": _crash}).error == "StepError"
    assert len(agree(Failing, "x", {"fail": _crash}).calls) == 6


def _crash(value: str) -> str:
    raise ValueError(value)


def test_the_task_of_a_step() -> None:
    states = compile_workflow(Straight).definition["States"]
    assert states["save"] == {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {
            "FunctionName": "${Save}",
            "Payload": {
                "run": "{% $states.context.Execution.Input.run %}",
                "execution": "{% $states.context.Execution.Name %}",
                "step": "save",
                "attempts": 1,
                "timeout": 60,
                "input": {"value": "{% $length_ %}"},
            },
        },
        "TimeoutSeconds": 85,
        "Retry": states["save"]["Retry"],
        "Output": states["save"]["Output"],
        "End": True,
    }


class Named(WorkflowEntrypoint[str]):
    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> str | None:
        user = await step.do("get user", get_user, key=event.payload)
        renamed = await step.do("rename", rename, user, loud=True, name="Jo", retries=Retries(limit=0))
        return renamed.nickname


def test_arguments_of_a_step_may_be_given_by_their_names() -> None:
    outcome = agree(Named, "abc")
    assert outcome.output == "JO"
    assert [each.input.keys() for each in outcome.calls] == [{"key"}, {"user", "name", "loud"}]
