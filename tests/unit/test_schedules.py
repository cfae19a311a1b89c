"""Schedules: what an expression allows, and when it is next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable import Schedule, Workflow, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.cron import Cron
from durable.errors import ScheduleError
from durable.timetable import timetable


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def times(schedule: Schedule, after: str, count: int) -> list[str]:
    """Return the next times in UTC."""
    found, time = list[str](), ms(after)
    for _ in range(count):
        time = schedule.next_after(time)
        found.append(f"{datetime.fromtimestamp(time // 1000, UTC):%Y-%m-%dT%H:%M:%S}")
    return found


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        ("* * * * *", "2026-11-25T09:00:00", ["2026-11-25T09:01:00", "2026-11-25T09:02:00"]),
        ("* * * * *", "2026-11-25T09:00:59", ["2026-11-25T09:01:00"]),
        ("*/20 9 * * *", "2026-11-25T09:20:00", ["2026-11-25T09:40:00", "2026-11-26T09:00:00"]),
        ("5/20 9 * * *", "2026-11-25T09:20:00", ["2026-11-25T09:25:00", "2026-11-25T09:45:00"]),
        ("0 9 * * mon-fri", "2026-11-27T09:00:00", ["2026-11-30T09:00:00"]),
        ("0 9 * * SUN,wed", "2026-11-25T08:59:59", ["2026-11-25T09:00:00", "2026-11-29T09:00:00"]),
        ("30 23 31 * *", "2026-11-01T00:00:00", ["2026-12-31T23:30:00", "2027-01-31T23:30:00", "2027-03-31T23:30:00"]),
        ("0 0 L * *", "2027-01-31T00:00:00", ["2027-02-28T00:00:00", "2027-03-31T00:00:00"]),
        ("0 0 29 feb *", "2096-03-01T00:00:00", ["2104-02-29T00:00:00"]),
        ("1-59/29 1,2 1 1-3/2 *", "2026-01-01T00:00:00", ["2026-01-01T01:01:00", "2026-01-01T01:30:00"]),
    ],
)
def test_the_times_of_an_expression(cron: str, after: str, expected: list[str]) -> None:
    assert times(Schedule(cron), after, len(expected)) == expected


def test_an_expression_is_of_its_time_zone_in_summer_and_in_winter() -> None:
    nine = Schedule("0 9 * * *", timezone="Europe/Berlin")
    assert times(nine, "2026-03-28T00:00:00", 2) == ["2026-03-28T08:00:00", "2026-03-29T07:00:00"]
    assert times(Schedule("0 9 * * *", timezone="Asia/Kolkata"), "2026-03-28T00:00:00", 1) == ["2026-03-28T03:30:00"]


def test_a_time_that_the_clocks_leap_over_is_left_out() -> None:
    assert times(Schedule("30 2 * * *", timezone="Europe/Berlin"), "2026-03-28T12:00:00", 1) == ["2026-03-30T00:30:00"]


def test_a_time_that_the_clocks_show_twice_is_taken_once() -> None:
    half = Schedule("30 2 * * *", timezone="Europe/Berlin")
    assert times(half, "2026-10-24T12:00:00", 2) == ["2026-10-25T00:30:00", "2026-10-26T01:30:00"]
    every = Schedule("*/30 * * * *", timezone="Europe/Berlin")
    assert times(every, "2026-10-25T00:00:00", 3) == [
        "2026-10-25T00:30:00",
        "2026-10-25T02:00:00",
        "2026-10-25T02:30:00",
    ]


def test_every_so_often_counts_from_1970() -> None:
    assert times(Schedule(every="90 minutes"), "1970-01-01T00:00:00", 2) == [
        "1970-01-01T01:30:00",
        "1970-01-01T03:00:00",
    ]
    assert Schedule(every="5 minutes").next_after(ms("2026-11-25T09:00:00")) == ms("2026-11-25T09:05:00")


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1)),
    st.sets(st.integers(0, 59), min_size=1, max_size=3),
    st.sets(st.integers(0, 23), min_size=1, max_size=3),
    st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia"]),
)
def test_next_is_later_fits_and_leaves_nothing_out(
    moment: datetime, minutes: set[int], hours: set[int], zone: str
) -> None:
    said = f"{','.join(map(str, minutes))} {','.join(map(str, hours))} * * *"
    here, after = ZoneInfo(zone), moment.replace(tzinfo=UTC)
    found = Cron.parse(said).next_after(after, here)
    assert found > after
    assert (found.astimezone(here).minute in minutes, found.astimezone(here).hour in hours) == (True, True)
    start = after.replace(second=0, microsecond=0)
    for ahead in range(1, min(2_000, (found - start) // timedelta(minutes=1))):
        wall = (start + timedelta(minutes=ahead)).astimezone(here)
        assert wall.fold or wall.minute not in minutes or wall.hour not in hours


def test_a_time_has_one_id_whatever_its_params_are() -> None:
    schedule = Schedule("0 9 * * mon", params={"a": 1})
    id = schedule.instance_id(ms("2026-11-30T09:00:00") + 999)
    assert id == f"20261130T090000Z-{schedule.key}"
    assert len(id) <= 64
    assert Schedule("0 9 * * mon").key == schedule.key
    assert len({Schedule(each).key for each in ("0 9 * * mon", "0 9 * * tue")}) == 2
    assert Schedule("0 9 * * mon", timezone="Asia/Tokyo").key != schedule.key


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("", "it has 0 fields"),
        ("* * * *", "it has 4 fields"),
        ("* * * * * *", "it has 6 fields"),
        ("60 * * * *", "its minute is '60'; write 0 to 59"),
        ("* 24 * * *", "its hour is '24'"),
        ("* * 0 * *", "its day is '0'"),
        ("* * * 13 *", "its month is '13'; write 1 to 12 or jan to dec"),
        ("* * * * 1", "its weekday is '1'; write sun to sat"),
        ("* * * * monday", "its weekday is 'monday'"),
        ("*/0 * * * *", "a step of 1 at least"),
        ("5-1 * * * *", "the lesser first"),
        ("* * * * fri-mon", "the lesser first"),
        ("1, * * * *", "its minute is ''"),
        ("? * * * *", "its minute is '?'"),
        ("0 9 1 * mon", "it names a day and a weekday; write `*` for one of them"),
        ("0 9 30 feb *", "there is no such day"),
        ("0 9 31 feb,jun *", "there is no such day"),
    ],
)
def test_what_is_no_expression_is_refused_with_the_remedy(cron: str, said: str) -> None:
    with pytest.raises(ScheduleError) as raised:
        Schedule(cron)
    assert said in str(raised.value)


def test_what_is_no_schedule_is_refused() -> None:
    wrong: list[dict[str, str]] = [
        {},
        {"cron": "* * * * *", "every": "1 minute"},
        {"every": "90 seconds"},
        {"every": "0 minutes"},
        {"every": "1 minute", "timezone": "Europe/Berlin"},
        *({"cron": "* * * * *", "timezone": zone} for zone in ("Mars/Olympus", "../etc/passwd", "")),
    ]
    for each in wrong:
        with pytest.raises(ScheduleError):
            Schedule(**each)


class Archive(WorkflowEntrypoint[dict[str, bytes]]):
    async def run(self, event: WorkflowEvent[dict[str, bytes]], step: WorkflowStep) -> None: ...


def test_the_timetable_shows_params_as_runs_are_started_with_them() -> None:
    daily = Schedule("0 0 * * *", params={"mark": b"\xff"})
    (shown,) = timetable([Workflow("archive", Archive, schedules=[daily])], 0)
    assert shown.params == {"mark": "_w=="}
