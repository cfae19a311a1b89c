"""Datetimes, dates and timedeltas: compared, subtracted, moved and passed on as in CPython, to the microsecond."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import BaseModel

from durable import WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.compiler import compile_workflow
from durable.errors import CompileError
from tests.sweeps import sweep
from tests.unit.compiler.both import agree, run_compiled
from tests.unit.compiler.sample import User
from tests.unit.compiler.written import written

DEADLINE = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Loan:
    """What a library lends."""

    since: datetime
    born: date
    allowed: timedelta


def doubled(length: timedelta) -> timedelta:
    return length * 2


class LoanWorkflow(WorkflowEntrypoint[Loan]):
    LIMIT = timedelta(days=400, microseconds=1)

    async def run(self, event: WorkflowEvent[Loan], step: WorkflowStep) -> list[object]:
        loan = event.payload
        late = event.timestamp - loan.since - loan.allowed
        longer = await step.do("double", doubled, loan.allowed - DAY)
        back = await step.do("again", doubled, longer)
        while loan.since + longer < DEADLINE:
            longer += 100 * DAY
        chosen = longer if late > back else self.LIMIT
        moved = loan.born + timedelta(days=40, hours=-7)
        weeks = [days * timedelta(weeks=1) for days in [1, 2]]
        return [
            late,
            longer,
            back,
            chosen,
            late == back,
            late < DAY,
            loan.since == DEADLINE,
            moved,
            moved - loan.born,
            loan.born < date(2026, 1, 1),
            moved == loan.born,
            weeks,
            loan.allowed.total_seconds(),
            {"due": loan.since + loan.allowed},
        ]


@pytest.mark.parametrize(
    "since",
    sweep(
        [
            datetime.fromisoformat("2024-02-28T23:59:59.999999+05:30"),
            datetime.fromisoformat("1969-12-31T23:59:59.5+00:00"),
            datetime.fromisoformat("2025-12-31T22:00:00.000001-02:00"),
            datetime(2026, 1, 1, tzinfo=UTC),
        ],
        quick=2,
    ),
)
@pytest.mark.parametrize(
    "allowed",
    sweep(
        [
            timedelta(microseconds=-1),
            timedelta(days=731, hours=1, minutes=2, seconds=3.04),
            timedelta(0),
            timedelta(-3),
        ],
        quick=2,
    ),
)
def test_times_and_lengths_are_those_of_python(since: datetime, allowed: timedelta) -> None:
    agree(LoanWorkflow, Loan(since, date(2024, 2, 29), allowed))


def test_the_parts_of_a_length_are_those_of_python() -> None:
    workflow = written("""
        length = datetime.timedelta(microseconds=event.payload.age)
        return [length, -length, abs(length), length.days, length.seconds, length.microseconds, length.total_seconds()]
    """)
    for micros in (0, 1, -1, 86_399_999_999, 86_400_000_000, -86_400_000_001, 9_007_199_254_740_991):
        agree(workflow, User(user_id="u", age=micros))


@pytest.mark.parametrize("joined", ["2026-01-01T00:00:00", "9999-12-31T23:59:59.999999", "0001-01-01T00:00:00"])
def test_a_time_with_a_zone_and_one_without_are_never_equal_and_have_no_order(joined: str) -> None:
    user = User(user_id="u", joined=datetime.fromisoformat(joined))
    same = "if event.payload.joined is None:\n    return None\nreturn event.payload.joined {} event.timestamp"
    assert agree(written(same.format("==")), user).output is False
    for operator in ("<", ">=", "-"):
        assert agree(written(same.format(operator)), user).error == "TypeError"
    alone = "joined = event.payload.joined\nreturn None if joined is None else [joined < joined, joined <= joined]"
    assert agree(written(alone), user).output == [False, True]


def test_the_ends_of_the_calendar_are_ordered_and_their_distance_ends_the_run() -> None:
    far = User(user_id="u", joined=datetime.max.replace(tzinfo=UTC))
    workflow = written("joined = event.payload.joined\nreturn joined is None or event.timestamp < joined")
    assert agree(workflow, far).output is True
    workflow = written("joined = event.payload.joined\nreturn None if joined is None else joined - event.timestamp")
    assert run_compiled(compile_workflow(workflow), far).error == "States.QueryEvaluationError"


@pytest.mark.parametrize("age", [0, 90, 86_400])
def test_a_sleep_takes_seconds_and_lengths_of_the_run(age: int) -> None:
    workflow = written("""
        user = event.payload
        await step.sleep("a", user.age)
        await step.sleep("b", user.age / 7)
        await step.sleep("c", 90)
        pause = datetime.timedelta(seconds=user.age, microseconds=999)
        await step.sleep("d", pause)
        return "done"
    """)
    outcome = agree(workflow, User(user_id="u", age=age))
    elapsed = run_compiled(compile_workflow(workflow), User(user_id="u", age=age)).elapsed
    assert abs(elapsed - outcome.elapsed) < timedelta(milliseconds=4)


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("return event.timestamp + 1", "combines datetime and int"),
        ("return event.timestamp < '2026'", "orders datetime and str"),
        ("return datetime.datetime.now() > event.timestamp", "looks outside of the run"),
        ('await step.sleep("a", event.payload.tags)', "is no length of time"),
    ],
)
def test_what_is_no_time_is_refused(program: str, said: str) -> None:
    with pytest.raises(CompileError, match=said):
        compile_workflow(written(program))


@pytest.mark.parametrize("hours", [0.0, 1.5, -1.5, 1 / 3, 0.1, -2.675, 1e-9 / 7.2, 2.5e-10 * 5.555555, 1e4 / 7, 3.0])
def test_a_timedelta_of_a_float_is_rounded_as_in_python(hours: float) -> None:
    body = """
        user = event.payload
        whole = timedelta(hours=user.score, microseconds=user.age)
        halves = timedelta(microseconds=user.score, seconds=user.age)
        written = timedelta(hours=1.5, minutes=-0.3)
        return [whole, halves, timedelta(weeks=user.score), written, whole.total_seconds()]
    """
    for age in (0, 1, -7):
        agree(written(body), User(user_id="u", score=hours, age=age))


@pytest.mark.parametrize("halves", [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999999999999994])
def test_half_a_microsecond_is_rounded_to_the_even_one(halves: float) -> None:
    body = "return timedelta(microseconds=event.payload.score, seconds=1, milliseconds=event.payload.age) / NAP"
    for age in (0, 1):
        agree(written(body), User(user_id="u", score=halves, age=age))


class Part(BaseModel):
    number: int
    length: timedelta


class DividesWorkflow(WorkflowEntrypoint[Part]):
    async def run(self, event: WorkflowEvent[Part], step: WorkflowStep) -> list[object]:
        length, micros = event.payload.length, timedelta(microseconds=event.payload.number)
        parts = [micros / 2, micros * 1.5, micros * 0.25, micros / 0.5, micros / -2, micros / 3, micros // 7, DAY // 11]
        whole = [DAY // timedelta(hours=5), length // timedelta(minutes=-1), -length // DAY]
        rest = [DAY % timedelta(hours=5), length % timedelta(seconds=-7), micros % timedelta(microseconds=4)]
        return [parts, whole, rest, bool(micros), not length, "some" if length else "none", 2.5 * length]


class DividesByWorkflow(WorkflowEntrypoint[Part]):
    async def run(self, event: WorkflowEvent[Part], step: WorkflowStep) -> object:
        try:
            return [event.payload.length / event.payload.number, event.payload.length // event.payload.number]
        except ZeroDivisionError as error:
            return str(error)


@pytest.mark.parametrize("number", [0, 1, -1, 2, 3, 5, -5, 7, 999_999])
@pytest.mark.parametrize(
    "length", [timedelta(0), timedelta(days=-1, seconds=5), timedelta(hours=3, microseconds=1)], ids=str
)
@pytest.mark.parametrize("workflow", [DividesWorkflow, DividesByWorkflow])
def test_timedeltas_are_divided_as_in_python(
    workflow: type[WorkflowEntrypoint[Part]], length: timedelta, number: int
) -> None:
    agree(workflow, Part(number=number, length=length))
