"""`try`, `except`, and `raise` in them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from durable.compiler import compile_workflow
from durable.errors import NonRetryableError, StepTimeoutError
from durable.testing.execution import TaskFailure, execute
from tests.unit.compiler.both import agree
from tests.unit.compiler.sample import EmailTakenError, OutOfStockError, User
from tests.unit.compiler.written import written

PROGRAMS = {
    "one handler": """
        try:
            a = await step.do("a", text, "a")
        except StepError:
            return "failed"
        return a
    """,
    "several handlers": """
        try:
            a = await step.do("a", text, "a", retries=Retries(limit=1))
            await step.do("b", text, a)
        except EmailTakenError:
            note = "taken"
        except (OutOfStockError, StepTimeoutError) as error:
            note = type(error).__name__
        except NonRetryableError as error:
            note = "final " + type(error).__name__
        else:
            note = await step.do("c", text, "fine")
        return note
    """,
    "variables at the failure": """
        stage = "start"
        try:
            await step.do("a", text, "a")
            stage = "after a"
            await step.do("b", text, "b")
            stage = "after b"
            await step.do("c", text, "c")
        except StepError as error:
            return [stage, type(error).__name__]
        return stage
    """,
    "nested": """
        try:
            try:
                await step.do("a", text, "a", retries=Retries(limit=0))
            except EmailTakenError:
                await step.do("b", text, "b", retries=Retries(limit=0))
                return "inner"
            await step.do("c", text, "c", retries=Retries(limit=0))
        except StepError as error:
            return "outer " + type(error).__name__
        return "fine"
    """,
    "raise is an edge": """
        try:
            if event.payload.active:
                raise WorkflowError("no")
            await step.do("a", text, "a", retries=Retries(limit=0))
        except WorkflowError as error:
            return ["raised", type(error).__name__]
        except StepError:
            return "failed"
        return "fine"
    """,
    "raise from a handler": """
        try:
            await step.do("a", text, "a", retries=Retries(limit=0))
        except EmailTakenError as error:
            raise WorkflowError("taken") from error
        except OutOfStockError as error:
            raise
        except StepError as error:
            raise error
        return "fine"
    """,
    "raise again to the outer": """
        try:
            try:
                await step.do("a", text, "a", retries=Retries(limit=0))
            except StepError as error:
                await step.do("b", text, "cleaning")
                raise
        except OutOfStockError:
            return "none"
        return "fine"
    """,
    "in a loop": """
        found = []
        for tag in event.payload.tags:
            try:
                found = found + [await_]
            except StepError:
                found = found + ["failed"]
                continue
            if tag == "b":
                break
        return found
    """.replace(
        "found = found + [await_]",
        'one = await step.do("a", text, tag, retries=Retries(limit=0))\n                found = found + [one]',
    ),
    "a loop in it": """
        done = 0
        try:
            for tag in event.payload.tags:
                await step.do("a", text, tag, retries=Retries(limit=0))
                done += 1
        except StepError:
            return done
        return -done
    """,
    "retry by hand": """
        tries = 0
        while True:
            try:
                a = await step.do("a", text, "a", retries=Retries(limit=0))
                break
            except StepError:
                tries += 1
                if tries > 2:
                    raise
                await step.sleep("wait", "1 minute")
        return [a, tries]
    """,
    "what an error says": """
        try:
            await step.do("a", text, "a", retries=Retries(limit=1))
            await step.do("b", text, "b", sensitive=True)
            if event.payload.active:
                raise WorkflowError(f"no: {event.payload.user_id}")
            await asyncio.gather(step.do("c", text, "c", retries=Retries(limit=0)), step.do("e", text, "e"))
        except NonRetryableError as error:
            return await step.do("d", text, f"final: {error}")
        except (StepError, WorkflowError) as error:
            return [str(error), error.message, type(error).__name__]
        return None
    """,
    "only some errors are tried again": """
        try:
            return await step.do("a", text, "a", retries=Retries(limit=2, retry_if=(OutOfStockError, StepTimeoutError)))
        except StepError as error:
            return [await step.do("b", text, "b", retries=Retries(limit=1, retry_if=(EmailTakenError,))), str(error)]
    """,
    "an error is kept": """
        last = None
        for tag in event.payload.tags:
            try:
                await step.do("a", text, tag, retries=Retries(limit=0))
                await step.do("b", text, tag, retries=Retries(limit=0))
                break
            except EmailTakenError as error:
                last = error
            except StepError as error:
                if last is None:
                    last = error
        if last is None:
            return "fine"
        if event.payload.active and event.payload.age == 0:
            return f"{type(last).__name__}: {last}"
        raise last
    """,
    "errors are kept in a list": """
        errors: list[Exception] = []
        for tag in ["x", *event.payload.tags]:
            try:
                await step.do("a", text, tag, retries=Retries(limit=0))
                errors.append(errors[0])
            except (StepError, IndexError) as error:
                errors = [*errors, error]
        said = [f"{type(each).__name__}: {each}" for each in errors if not isinstance(each, EmailTakenError)]
        if len(errors) > 1 and event.payload.active:
            raise errors[-1]
        return [len(errors), said, "; ".join(str(each) for each in errors)]
    """,
    "what is raised again says the same": """
        try:
            try:
                await step.do("a", text, "a", retries=Retries(limit=0))
            except StepError as error:
                raise error
        except EmailTakenError as error:
            return f"taken: {error}"
        except StepError as error:
            return str(error)
        return "fine"
    """,
    "first assignment before the failing step": """
        note = event.payload.user_id + "!"
        try:
            await step.do("a", text, note, retries=Retries(limit=0))
        except StepError:
            return note
        return None
    """,
}


def _raise(error: Exception) -> Callable[..., Any]:
    def fail(value: str) -> str:
        raise error.with_traceback(None)  # it is raised again and again: each time adds to the frames that it has

    return fail


SAID = 'a "quote", a: \nline: (at=1), é 🎉 {% 1 %} \\ '
ERRORS = [
    EmailTakenError(SAID),
    OutOfStockError(),
    StepTimeoutError(),
    NonRetryableError("never"),
    ValueError("x: \nerrorType"),
    ValueError("half \ud83d, " + "long " * 2_000),
    KeyError(),
]


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name: str) -> None:
    workflow = written(PROGRAMS[name])
    users = [User(user_id="u", tags=["a", "b", "c"]), User(user_id="v", active=False)]
    steps = {"a", "b", "c"} & {use.name for use in compile_workflow(workflow).steps}
    second = {"b": _raise(OutOfStockError())}
    for user in users:
        agree(workflow, user)
        agree(workflow, user, second)
        for failing, error in itertools.product(sorted(steps), ERRORS):
            agree(workflow, user, {failing: _raise(error)})
            if failing != "b" and "b" in steps:
                agree(workflow, user, {failing: _raise(error)} | second)


@pytest.mark.parametrize(
    ("error", "cause", "said"),
    [
        (
            "StepError",
            {"errorMessage": "a: \nno (at=1) (at=5)", "errorType": "StepError", "stackTrace": []},
            "no (at=1)",
        ),
        ("Final.OutOfStockError", {"errorMessage": "a: \n1: 2 (at=5)", "errorType": "x", "stackTrace": []}, "1: 2"),
        ("Runtime.ExitError", {"errorMessage": "RequestId: 1", "errorType": "Runtime.ExitError"}, "The step failed."),
        ("Lambda.Unknown", "Returned payload: {}", "The step failed."),
        ("Lambda.Unknown", None, "The step failed."),
        ("Sandbox.Timedout", "{}", "The step failed."),
        ("States.Timeout", None, "The step took longer than its timeout."),
    ],
)
def test_what_a_failed_lambda_says(error: str, cause: Any, said: str) -> None:
    compiled = compile_workflow(
        written("""
        try:
            return await step.do("a", text, "a", retries=Retries(limit=0))
        except StepError as error:
            return str(error)
        """)
    )
    text = cause if cause is None or isinstance(cause, str) else json.dumps(cause)

    def fail(event: Any, context: Any) -> Any:
        raise TaskFailure(error, text)

    (use,) = compiled.steps
    given = {"run": {"workflow": "w", "instance": "i", "epoch": 1, "createdAt": "2026-01-01T00:00:00.000Z"}}
    outcome = execute(compiled.definition, given | {"payload": {}}, {f"${{{use.placeholder}}}": fail})
    assert outcome.output == said


def test_an_except_lists_the_names_that_its_steps_report() -> None:
    states = compile_workflow(written(PROGRAMS["several handlers"])).definition["States"]
    assert [each["ErrorEquals"] for each in states["a"]["Catch"]] == [
        ["EmailTakenError"],
        [
            "Final.OutOfStockError",
            "Final.StepTimeoutError",
            "OutOfStockError",
            "States.Timeout",
            "StepTimeoutError",
        ],
        ["InvalidInput", "InvalidResult", "NonRetryableError"],
    ]


def test_a_crashed_step_is_a_step_error() -> None:
    states = compile_workflow(written(PROGRAMS["one handler"])).definition["States"]
    (catch,) = states["a"]["Catch"]
    assert {"Runtime.ExitError", "Lambda.Unknown", "States.Timeout", "StepError"} <= set(catch["ErrorEquals"])
    assert not {"Stopped", "StaleResult", "States.ALL"} & set(catch["ErrorEquals"])
