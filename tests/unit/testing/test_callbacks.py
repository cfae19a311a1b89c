"""Steps that something else completes: by a token, once, whenever it comes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from durable import (
    Callback,
    CallbackFailed,
    NonRetryableError,
    StepError,
    StepTimeoutError,
    Workflow,
    WorkflowEntrypoint,
    WorkflowEvent,
    WorkflowStep,
)
from durable.errors import CallbackUnknown, InvalidInput
from durable.testing import Run, Sandbox

GIVEN: list[Callback[Any]] = []
"""What the functions were given, in order."""


class Rendered(BaseModel):
    pages: int


def start_render(title: str, callback: Callback[Rendered]) -> None:
    GIVEN.append(callback)
    if title == "bad":
        raise NonRetryableError


class RenderWorkflow(WorkflowEntrypoint[str]):
    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> str:
        try:
            rendered = await step.callback("render", start_render, event.payload, timeout="2 days")
        except CallbackFailed as error:
            return f"failed: {error}"
        except StepTimeoutError:
            return "too late"
        except StepError as error:
            return type(error).__name__
        return f"{rendered.pages} pages"


def ask(number: int, callback: Callback[int]) -> None:
    GIVEN.append(callback)


class SumWorkflow(WorkflowEntrypoint[list[int]]):
    async def run(self, event: WorkflowEvent[list[int]], step: WorkflowStep) -> list[int]:
        async def one(number: int) -> int:
            return await step.callback("ask", ask, number)

        first, second = await asyncio.gather(
            step.callback("first", ask, 1), step.callback("second", ask, 2, timeout="1 hour")
        )
        rest = await step.map("rest", one, event.payload)
        return [first, second, *rest]


class StubbornWorkflow(WorkflowEntrypoint[str]):
    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> int:
        return (await step.callback("render", start_render, event.payload)).pages


@pytest.fixture(autouse=True)
def nothing_given() -> None:
    GIVEN.clear()


def _client(sandbox: Sandbox, name: str = "render") -> Workflow[Any]:
    return sandbox.workflow(name)


def _waiting(sandbox: Sandbox, title: Any = "book") -> Run:
    run = sandbox.start(title)
    sandbox.advance("1 minute")
    assert run.status == "waiting"
    return run


def test_whoever_has_the_token_completes_the_step() -> None:
    sandbox = Sandbox(RenderWorkflow)
    run = _waiting(sandbox)
    sandbox.advance("1 day")
    sandbox.restart()
    assert _client(sandbox).complete_callback(GIVEN[0].token, {"pages": 7}) is True
    sandbox.settle()
    assert (run.status, run.output) == ("complete", "7 pages")
    assert run.elapsed == timedelta(days=1, minutes=1)


def test_an_error_is_raised_in_the_run_with_its_message() -> None:
    sandbox = Sandbox(RenderWorkflow)
    run = _waiting(sandbox)
    assert _client(sandbox).fail_callback(GIVEN[0].token, "out of paper") is True
    sandbox.settle()
    assert run.output == "failed: out of paper"


def test_nobody_completes_it() -> None:
    sandbox = Sandbox(RenderWorkflow)
    run = sandbox.run("book")
    assert (run.output, run.elapsed) == ("too late", timedelta(days=2))
    assert _client(sandbox).complete_callback(GIVEN[0].token, {"pages": 7}) is False


def test_the_first_completion_counts() -> None:
    sandbox = Sandbox(RenderWorkflow)
    run = _waiting(sandbox)
    client = _client(sandbox)
    assert client.complete_callback(GIVEN[0].token, {"pages": 1}) is True
    assert client.complete_callback(GIVEN[0].token, {"pages": 1}) is False
    assert client.complete_callback(GIVEN[0].token, {"pages": 2}) is False
    assert client.fail_callback(GIVEN[0].token, "late") is False
    sandbox.settle()
    assert run.output == "1 pages"


def test_a_completion_may_come_while_the_function_still_works() -> None:
    sandbox = Sandbox(RenderWorkflow)
    done: list[bool] = []

    def at_once(title: str, callback: Callback[Rendered]) -> None:
        done.append(_client(sandbox).complete_callback(callback.token, {"pages": 3}))

    sandbox.stub("render").does(at_once)
    assert sandbox.run("book").output == "3 pages"
    assert done == [True]


def test_all_attempts_have_one_token_and_each_run_another() -> None:
    sandbox = Sandbox(RenderWorkflow)
    sandbox.stub("render").raises(ConnectionError, attempt=1)
    sandbox.start("book")
    sandbox.start("book")
    sandbox.advance("1 hour")
    tokens = {each.token for each in GIVEN}
    assert len(tokens) == 2
    assert all(len(each) > 80 for each in tokens)


def test_a_function_that_fails_is_a_failed_step() -> None:
    assert Sandbox(RenderWorkflow).run("bad").output == "NonRetryableError"


def test_a_result_of_another_type_is_refused_and_the_step_waits_on() -> None:
    sandbox = Sandbox(RenderWorkflow)
    run = _waiting(sandbox)
    with pytest.raises(InvalidInput, match="pages"):
        _client(sandbox).complete_callback(GIVEN[0].token, {"pages": "many"})
    assert run.status == "waiting"


@pytest.mark.parametrize("token", ["", "x", "W10", "bm90IEpTT04", "é"])
def test_a_text_that_is_no_token_is_refused(token: str) -> None:
    sandbox = Sandbox(RenderWorkflow)
    _waiting(sandbox)
    with pytest.raises(CallbackUnknown):
        _client(sandbox).complete_callback(token, {"pages": 1})


def test_a_token_whose_secret_was_guessed_is_refused() -> None:
    from durable.store.callback_tokens import named_by

    sandbox = Sandbox(RenderWorkflow)
    _waiting(sandbox)
    key, secret = named_by(GIVEN[0].token)
    for other in ("", "x", secret[:-1], secret + "x"):
        with pytest.raises(CallbackUnknown):
            _client(sandbox).complete_callback(key.token(other), {"pages": 1})


def test_the_token_shows_in_no_repr() -> None:
    sandbox = Sandbox(RenderWorkflow)
    _waiting(sandbox)
    assert GIVEN[0].token not in repr(GIVEN[0])
    with pytest.raises(RuntimeError, match="url=True"):
        assert GIVEN[0].url


def test_each_branch_and_each_round_has_its_own() -> None:
    sandbox = Sandbox(SumWorkflow)
    run = sandbox.start([3, 4])
    sandbox.advance("1 minute")
    client = _client(sandbox, "sum")
    for number, each in enumerate(GIVEN, 1):
        client.complete_callback(each.token, number * 10)
    sandbox.advance("1 minute")
    for number, each in reversed(list(enumerate(GIVEN[2:], 3))):
        client.complete_callback(each.token, number * 10)
    sandbox.settle()
    assert (run.status, run.output) == ("complete", [10, 20, 30, 40])


def test_a_retry_begins_what_failed_again_with_another_token() -> None:
    sandbox = Sandbox(StubbornWorkflow)
    run = _waiting(sandbox)
    client = _client(sandbox, "stubborn")
    client.fail_callback(GIVEN[0].token, "out of paper")
    sandbox.settle()
    assert run.status == "errored"
    assert run.error is not None
    assert run.error.name == "CallbackFailed"
    client.retry(run.id)
    sandbox.advance("1 minute")
    assert run.status == "waiting"
    assert len({each.token for each in GIVEN}) == len(GIVEN) == 2
    assert client.complete_callback(GIVEN[0].token, {"pages": 1}) is False
    assert client.complete_callback(GIVEN[1].token, {"pages": 2}) is True
    sandbox.settle()
    assert run.output == 2


def test_a_test_may_fix_the_completion() -> None:
    sandbox = Sandbox(RenderWorkflow)
    sandbox.stub_event("render: callback").returns({"pages": 5})
    assert sandbox.run("book").output == "5 pages"


class SecretWorkflow(WorkflowEntrypoint[str]):
    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> int:
        return (await step.callback("render", start_render, event.payload, sensitive=True)).pages


def test_of_a_sensitive_step_nothing_is_shown() -> None:
    sandbox = Sandbox(SecretWorkflow)
    done, failed = sandbox.start("book"), sandbox.start("book")
    sandbox.advance("1 minute")
    client = _client(sandbox, "secret")
    client.complete_callback(GIVEN[0].token, {"pages": 7})
    client.fail_callback(GIVEN[1].token, "of Ann")
    sandbox.settle()
    assert (done.output, failed.status) == (7, "errored")
    operator = sandbox._virtual.host.operator
    shown = [operator.queries.describe("secret", each.id) for each in (done, failed)]
    for described in shown:
        assert [(each.name, each.sensitive, each.output) for each in described.steps] == [
            ("render", True, None),
            ("render: callback", True, None),
        ]
    assert "of Ann" not in repr(shown)


def test_no_event_of_an_author_completes_it() -> None:
    sandbox = Sandbox(RenderWorkflow)
    run = _waiting(sandbox)
    with pytest.raises(Exception, match=r"waits for no event|no event"):
        _client(sandbox).send_event(run.id, "/callback/render", {"pages": 5})
