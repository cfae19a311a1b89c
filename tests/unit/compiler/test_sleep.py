"""Sleeps: counted from the end of what came before, never twice."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from durable.compiler import compile_workflow
from durable.testing import Sandbox
from durable.testing.virtual_loop import START
from tests.unit.compiler.both import agree, run_compiled, state_count
from tests.unit.compiler.sample import User
from tests.unit.compiler.written import written

USER = User(user_id="u")
UNTIL = written("""
    try:
        await step.sleep_until("a", event.payload.user_id)
    except StepError as error:
        return type(error).__name__
    return "woke"
""")


def test_sleeps_take_their_time() -> None:
    workflow = written("""
        await step.sleep("first", "3 days")
        await step.do("a", text, "x")
        await step.sleep("second", datetime.timedelta(seconds=1.5))
        await step.sleep("third", "1 minute")
        return "done"
    """)
    outcome = agree(workflow, USER)
    assert outcome.elapsed == timedelta(days=3, seconds=61.5)
    assert run_compiled(compile_workflow(workflow), USER).elapsed == outcome.elapsed
    assert state_count(workflow) == 4


def test_a_sleep_in_one_arm() -> None:
    workflow = written("""
        if event.payload.active:
            await step.sleep("pause", "1 hour")
        await step.do("a", text, "x")
        await step.sleep("again", "1 hour")
    """)
    for active in (True, False):
        user = User(user_id="u", active=active)
        outcome = agree(workflow, user)
        assert run_compiled(compile_workflow(workflow), user).elapsed == outcome.elapsed == timedelta(hours=1 + active)


def test_sleeps_until_a_time() -> None:
    workflow = written("""
        await step.sleep_until("a", "2026-01-02T00:00:00+01:00")
        await step.sleep_until("b", datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC))
        await step.sleep("c", "1 hour")
        joined = event.payload.joined
        if joined is not None:
            await step.sleep_until("d", joined)
        return joined is None
    """)
    for joined in (None, "2026-03-01T00:00:00.5+02:00", "2020-01-01T00:00:00Z"):
        user = User.model_validate({"userId": "u", "joined": joined})
        outcome = agree(workflow, user)
        assert run_compiled(compile_workflow(workflow), user).elapsed == outcome.elapsed


@pytest.mark.parametrize(
    ("text", "wakes"),
    [
        ("2026-03-01T00:00:00Z", "2026-03-01T00:00:00+00:00"),
        ("2026-03-01 00:00:00+00:00", "2026-03-01T00:00:00+00:00"),
        ("2026-03-01 09:30:00.000250+02:00", "2026-03-01T09:30:00.000250+02:00"),
        ("2026-03-01T09:30+02", "2026-03-01T09:30:00+02:00"),
        ("2026-03-01T09:30:15-0330", "2026-03-01T09:30:15-03:30"),
        ("2024-02-29T00:00:00Z", None),
        ("2027-01-01T00:00:00Z", "2027-01-01T00:00:00+00:00"),
    ],
)
def test_sleeps_until_a_time_that_is_text(text: str, wakes: str | None) -> None:
    outcome = agree(UNTIL, User(user_id=text))
    elapsed = run_compiled(compile_workflow(UNTIL), User(user_id=text)).elapsed
    expected = datetime.fromisoformat(wakes) - START if wakes else timedelta(0)
    assert outcome.output == "woke"
    assert elapsed == timedelta(milliseconds=-(-expected // timedelta(milliseconds=1)))


@pytest.mark.parametrize(
    "text",
    [
        *("2026-03-01T00:00:00", "2026-03-01 00:00:00", "2026-03-01", "2026", "", "tomorrow", "2026-02-29T00:00:00Z"),
        *("2026-04-31T00:00:00Z", "2026-03-01T24:00:00Z", "2027-01-01T00:00:00.001Z", "9999-01-01T00:00:00Z", "1"),
    ],
)
def test_what_is_no_time_with_a_zone_within_a_year_is_an_error_that_can_be_caught(text: str) -> None:
    assert agree(UNTIL, User(user_id=text)).output == "InvalidTime"
    alone = written('await step.sleep_until("a", event.payload.user_id)')
    assert agree(alone, User(user_id=text)).error == "InvalidTime"


def test_time_is_carried_only_where_it_is_read() -> None:
    asleep = written("""
        await step.do("a", text, "x")
        await step.sleep("b", "1 day")
        await step.do("c", text, "x")
    """)
    states = compile_workflow(asleep).definition["States"]
    assert states["a"]["Assign"] == {"at": "{% $states.result.Payload.at %}"}
    assert states["b"] == {"Type": "Wait", "Timestamp": "{% $fromMillis($at + 86400000) %}", "Next": "c"}
    assert "Assign" not in states["c"]


def test_a_sleep_takes_a_length_of_the_run() -> None:
    workflow = written("""
        days = len(event.payload.tags)
        await step.sleep("a", datetime.timedelta(days=days, minutes=event.payload.age))
        while days > 0:
            days -= 1
            await step.sleep("b", datetime.timedelta(hours=days))
        return "done"
    """)
    user = User(user_id="u", age=5, tags=["a", "b"])
    outcome = agree(workflow, user)
    elapsed = timedelta(days=2, minutes=5, hours=1)
    assert run_compiled(compile_workflow(workflow), user).elapsed == outcome.elapsed == elapsed


@pytest.mark.parametrize("seconds", [-1, 31_536_001])
def test_a_length_that_is_negative_or_over_a_year_ends_the_run(seconds: int) -> None:
    workflow = written('await step.sleep("a", datetime.timedelta(seconds=event.payload.age))')
    outcome = run_compiled(compile_workflow(workflow), User(user_id="u", age=seconds))
    assert outcome.error == "States.QueryEvaluationError"


@pytest.mark.parametrize(
    "joined",
    ["2026-01-31T23:59:59Z", "2024-02-28T12:00:00.123456+05:30", "2026-03-29T01:30:00-02:00", "1969-12-31T00:00:00.5Z"],
)
def test_a_time_is_moved_by_a_length_of_the_run(joined: str) -> None:
    workflow = written("""
        user = event.payload
        joined = user.joined
        if joined is None:
            return None
        due = event.timestamp + datetime.timedelta(days=user.age)
        await step.sleep_until("due", due - datetime.timedelta(hours=1))
        return [joined + datetime.timedelta(days=user.age, seconds=1), joined - datetime.timedelta(weeks=user.age), due]
    """)
    for age in (3, 0, 300):
        user = User(user_id="u", age=age, joined=datetime.fromisoformat(joined))
        outcome = agree(workflow, user)
        assert run_compiled(compile_workflow(workflow), user).elapsed == outcome.elapsed


@pytest.mark.parametrize(("concurrency", "count", "hours"), [(1, 3, 6), (2, 3, 4), (3, 3, 2), (82, 84, 4), (82, 2, 2)])
def test_each_item_of_a_map_sleeps_from_its_own_turn(concurrency: int, count: int, hours: int) -> None:
    body = f"""
        async def one(number: int) -> int:
            await step.sleep("nap", "2 hours")
            return number

        return await step.map("all", one, range(event.payload.age), concurrency={concurrency})
    """
    workflow, user = written(body), User(user_id="u", age=count)
    assert agree(workflow, user).elapsed == timedelta(hours=hours)
    assert run_compiled(compile_workflow(workflow), user).elapsed == timedelta(hours=hours)
    assert Sandbox(workflow).run(user).elapsed == timedelta(hours=hours)


def test_a_written_time_that_is_more_than_a_year_ahead_is_an_error_of_the_run() -> None:
    workflow = written(
        """
        try:
            await step.sleep_until("in time", "2026-12-31T00:00:00Z")
            await step.sleep_until("too late", datetime.datetime(2099, 1, 1, tzinfo=datetime.UTC))
        except StepError as error:
            return type(error).__name__
        """
    )
    assert agree(workflow, User(user_id="a")).output == "InvalidTime"


@pytest.mark.parametrize(
    ("written_as", "until"),
    [
        ('"2026-01-02T03:04:05.0061Z"', "2026-01-02T03:04:05.007Z"),
        ("datetime.datetime(2026, 1, 2, 3, 4, 5, 999_001, tzinfo=datetime.UTC)", "2026-01-02T03:04:06.000Z"),
        ('"2026-01-02T03:04:05.006Z"', "2026-01-02T03:04:05.006Z"),
    ],
)
def test_no_run_goes_on_before_a_time_that_is_written_out(written_as: str, until: str) -> None:
    assert f'"{until}' in compile_workflow(written(f'await step.sleep_until("a", {written_as})')).text.replace("\\", "")
