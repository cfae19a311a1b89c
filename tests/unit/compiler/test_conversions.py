"""What is made of a value: an Enum's member, the `repr` of a list, a time with other parts, a quotient with a rest."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from enum import Enum, Flag, IntEnum, StrEnum
from typing import Any

import pytest

from durable import WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.compiler import compile_workflow
from durable.errors import CompileError
from tests.unit.compiler.both import agree


class Size(StrEnum):
    SMALL = "a"
    ODD = "b'c"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Color(Enum):
    RED = "a"
    BLUE = "x"


class Shade(Enum):
    DARK = "dark"

    @classmethod
    def _missing_(cls, value: object) -> Shade:
        return cls.DARK


class Right(Flag):
    READ = 1
    WRITE = 2


@dataclass
class Given:
    text: str = "a"
    number: int = 0
    at: datetime = datetime(2026, 3, 31, 23, 59, 59, 5, tzinfo=UTC)
    day: date = date(2024, 3, 31)
    texts: list[str] = field(default_factory=list)
    mixed: list[int | str | bool | None] = field(default_factory=list)


class MembersWorkflow(WorkflowEntrypoint[Given]):
    async def run(self, event: WorkflowEvent[Given], step: WorkflowStep) -> list[str]:
        given = event.payload
        found: list[str] = []
        try:
            found.append(Size(given.text).name)
        except ValueError as error:
            found.append(str(error))
        try:
            found.append(Level(given.number + 1).name)
            found.append("low" if Level(given.number) is Level.LOW else "other")
        except ValueError as error:
            found.append(f"{type(error).__name__}: {error}")
        try:
            color = Color(given.text)
            found.append("red" if color is Color.RED else color.value)
        except ValueError as error:
            found.append(str(error))
        return found


class MemberWorkflow(WorkflowEntrypoint[Given]):
    async def run(self, event: WorkflowEvent[Given], step: WorkflowStep) -> Size:
        return Size(event.payload.text)


@pytest.mark.parametrize("number", [-7, 0, 1, 2])
@pytest.mark.parametrize("text", ["a", "b'c", "x", "", "é\n"])
def test_a_member_is_looked_up_by_its_value(text: str, number: int) -> None:
    agree(MembersWorkflow, Given(text, number))
    agree(MemberWorkflow, Given(text))


class ShadeWorkflow(WorkflowEntrypoint[Given]):
    async def run(self, event: WorkflowEvent[Given], step: WorkflowStep) -> Shade:
        return Shade(event.payload.text)


class RightWorkflow(WorkflowEntrypoint[Given]):
    async def run(self, event: WorkflowEvent[Given], step: WorkflowStep) -> bool:
        return Right(event.payload.number) is Right.READ


class OtherTypeWorkflow(WorkflowEntrypoint[Given]):
    async def run(self, event: WorkflowEvent[Given], step: WorkflowStep) -> Level:
        return Level(event.payload.text)  # type: ignore[arg-type]  # refused


class MonthWorkflow(WorkflowEntrypoint[Given]):
    async def run(self, event: WorkflowEvent[Given], step: WorkflowStep) -> datetime:
        return event.payload.at.replace(month=2)


class HourWorkflow(WorkflowEntrypoint[Given]):
    async def run(self, event: WorkflowEvent[Given], step: WorkflowStep) -> datetime:
        return event.payload.at.replace(hour=event.payload.number)


REFUSED = {
    ShadeWorkflow: "`Shade(event.payload.text)` looks a member up; write the member, as in Shade.DARK",
    RightWorkflow: "`Right(event.payload.number)` looks a member up; write the member",
    OtherTypeWorkflow: "`Level(event.payload.text)` looks a member up by str; write the member, as in Level.LOW",
    MonthWorkflow: "`event.payload.at.replace(month=2)` may make a day that there is not; write the numbers out",
    HourWorkflow: "gives `hour` no number that is written out; write the numbers out",
}


@pytest.mark.parametrize("workflow", REFUSED)
def test_what_only_cpython_makes(workflow: type[WorkflowEntrypoint[Any]]) -> None:
    with pytest.raises(CompileError) as refused:
        compile_workflow(workflow)

    assert REFUSED[workflow] in str(refused.value)


class TimesWorkflow(WorkflowEntrypoint[Given]):
    async def run(self, event: WorkflowEvent[Given], step: WorkflowStep) -> list[object]:
        at, day = event.payload.at, event.payload.day
        midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
        return [
            [midnight, at.replace(microsecond=7), at.replace(day=1), at.replace(year=2023, month=2, day=28)],
            [at.replace(hour=23, minute=5).isoformat(), day.replace(day=1), day.replace(month=2, day=3)],
            [(at - midnight).total_seconds(), event.timestamp.replace(hour=7) > at],
        ]


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=-3, minutes=-30))])
@pytest.mark.parametrize("micros", [0, 5, 120_000])
def test_parts_of_times_are_replaced(zone: timezone, micros: int) -> None:
    agree(TimesWorkflow, Given(at=datetime(2026, 3, 31, 23, 59, 59, micros, tzinfo=zone)))


class PartsWorkflow(WorkflowEntrypoint[Given]):
    async def run(self, event: WorkflowEvent[Given], step: WorkflowStep) -> list[object]:
        given, found = event.payload, {"k": 1}
        found.update(zip([given.text, "z"], [1, 2], strict=False))
        found.update((each, len(each)) for each in ["q", given.text])
        quotient, rest = divmod(given.number, -3)
        hours, left = divmod(timedelta(seconds=given.number * 1000), timedelta(hours=1))
        old = given.text
        texts = ["abcab".replace(old, "-"), old.replace(old, "xy"), "".replace(old, "q"), "😀é".replace(old, "$1")]
        return [found, quotient, rest, hours, left, texts]


@pytest.mark.parametrize("number", [-7, 0, 5])
@pytest.mark.parametrize("text", ["", "a", "ab", "é"])
def test_quotients_pairs_and_replaced_texts(text: str, number: int) -> None:
    agree(PartsWorkflow, Given(text, number))


class ListsWorkflow(WorkflowEntrypoint[Given]):
    async def run(self, event: WorkflowEvent[Given], step: WorkflowStep) -> list[str]:
        texts, mixed = event.payload.texts, event.payload.mixed
        lengths = [len(each) for each in texts]
        return [
            f"{texts}",
            str(lengths),
            f"{mixed!r}",
            f"{sorted(set(texts))} of {[]}",
            repr(texts[:1]),
            str([1, None]),
        ]


@pytest.mark.parametrize(
    ("texts", "mixed"), [([], []), (["a"], [True]), (["a", "it's", 'q"\n'], [1, "1", False, None, "é", -2])]
)
def test_lists_in_strings(texts: list[str], mixed: list[int | str | bool | None]) -> None:
    agree(ListsWorkflow, Given(texts=texts, mixed=mixed))
