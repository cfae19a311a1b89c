"""Delays that an attempt names: by its error, or by a linear backoff."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from durable.compiler import compile_workflow
from tests.unit.compiler.bank import BankBusy
from tests.unit.compiler.both import agree, all_states, run_compiled
from tests.unit.compiler.segmented import run_segments
from tests.unit.compiler.written import written

BANK = "tests.unit.compiler.bank"


def failing(*errors: Exception | None) -> Callable[[Any], str]:
    """Return what fails with these errors in turn, and then succeeds."""
    left = list(errors)

    def work(value: Any) -> str:
        error = left.pop(0) if left else None
        if error is not None:
            raise error
        return f"sent {value}"

    return work


def elapsed(body: str, *errors: Exception | None) -> tuple[object, timedelta, timedelta]:
    """Return what a run ended with, and how long it took as one execution and in segments."""
    compiled = compile_workflow(written(body, "int", BANK))
    whole = run_compiled(compiled, 5, {"transfer": failing(*errors)})
    segmented, _ = run_segments(compiled, 5, {"transfer": failing(*errors)})
    assert (whole.output, whole.error) == (segmented.output, segmented.error)
    return whole.error or whole.output, whole.elapsed, segmented.elapsed


def test_a_step_is_tried_again_after_the_delay_of_its_error() -> None:
    found = elapsed(
        'return await step.do("transfer", transfer, event.payload)', BankBusy("3 days"), BankBusy("90 seconds")
    )
    assert found == ("sent 5", timedelta(days=3, seconds=90), timedelta(days=3, seconds=90))


def test_a_linear_backoff_adds_its_delay_each_time() -> None:
    retries = 'retries=Retries(delay="1 minute", backoff="linear", jitter=False)'
    body = f'return await step.do("transfer", transfer, event.payload, {retries})'
    found = elapsed(body, ValueError(), ValueError(), ValueError())
    assert found == ("sent 5", timedelta(minutes=6), timedelta(minutes=6))


def test_attempts_that_say_when_to_try_again_are_counted() -> None:
    body = """
        try:
            return await step.do("transfer", transfer, event.payload, retries=Retries(limit=1))
        except BankBusy as error:
            return error.message
    """
    calls: list[int] = []

    def busy(cents: int) -> str:
        calls.append(cents)
        raise BankBusy("1 hour", "come back later")

    outcome = agree(written(body, "int", BANK), 5, {"transfer": busy})
    assert outcome.output == "come back later"
    assert calls == [5, 5] * 3


def test_retry_if_comes_before_the_delay_of_an_error() -> None:
    body = """
        try:
            return await step.do("transfer", transfer, event.payload, retries=Retries(retry_if=(StepTimeoutError,)))
        except BankBusy:
            return "once"
    """
    assert elapsed(body, BankBusy("1 hour"))[0] == "once"


def test_the_input_and_the_variables_are_the_same_at_the_next_attempt() -> None:
    body = """
        total = event.payload
        sent: list[str] = []

        async def one(cents: int) -> str:
            return await step.do("transfer", transfer, cents)

        while total < 8:
            total += 1
            sent = [*sent, *await step.map("all", one, [total, total * 10])]
        return [total, sent]
    """
    errors = [BankBusy("1 second"), None, BankBusy("2 hours"), BankBusy("2 hours"), None, None, BankBusy("1 second")]
    workflow = written(body, "int", BANK)
    compiled = compile_workflow(workflow)
    expected = [8, ["sent 6", "sent 60", "sent 7", "sent 70", "sent 8", "sent 80"]]
    assert run_compiled(compiled, 5, {"transfer": failing(*errors)}).output == expected
    assert run_segments(compiled, 5, {"transfer": failing(*errors)})[0].output == expected


@pytest.mark.parametrize(
    ("step", "again"),
    [
        ('"a", text, "x"', 0),
        ('"a", text, "x", retries=Retries(backoff="linear")', 1),
        ('"a", text, "x", retries=Retries(limit=0, backoff="linear")', 0),
    ],
)
def test_only_steps_that_may_say_when_have_a_state_for_it(step: str, again: int) -> None:
    definition = compile_workflow(written(f"return await step.do({step})")).definition
    assert sum(each.endswith("[again]") for each in all_states(definition)) == again


@pytest.mark.slow
def test_rounds_count_the_states_of_such_retries() -> None:
    body = """
        rounds = 0
        while True:
            rounds += 1
            await step.do("transfer", transfer, rounds)
    """
    outcome = run_compiled(
        compile_workflow(written(body, "int", BANK)), 5, {"transfer": failing(*[BankBusy("1 second")] * 4)}
    )
    few = len(outcome.calls)
    assert outcome.error == "TooManyRounds"
    calm = run_compiled(compile_workflow(written(body, "int", BANK)), 5, {})
    assert len(calm.calls) - (few - 4) in (3, 4), "a retry of seven events takes the place of most of a round"
