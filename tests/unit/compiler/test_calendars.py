"""The parts of datetimes and dates, and how they are written, as in CPython."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from durable.compiler import compile_workflow
from durable.errors import CompileError
from tests.unit.compiler.both import agree
from tests.unit.compiler.sample import User
from tests.unit.compiler.written import written

FORMS = [
    "[when.year, when.month, when.day, when.hour, when.minute, when.second, when.microsecond]",
    "[when.weekday(), when.isoweekday(), day.weekday(), day.isoweekday()]",
    "[day.year, day.month, day.day]",
    "[when.isoformat(), str(when), f'{when}', day.isoformat(), str(day), f'at {day}']",
    "[when.date(), when.date() == day, when.date() - day]",
    "when.strftime('%Y-%m-%d %H:%M:%S.%f %y %j %a %A %b %B %F %T 100%%') + when.strftime('') + when.strftime('no')",
    "day.strftime('%d.%m.%Y %H:%M:%S %f %j %A %B')",
    "[day.isocalendar(), when.isocalendar().week, day.isocalendar()[0]]",
    "[f'{day:%G-W%V-%u} {when:%V}', list(day.isocalendar())]",
    "[(day + timedelta(days=n * 7)).isocalendar() for n in range(-60, 60)]",
    "f'{when:%Y/%m/%d} {day:%b %d}: {event.timestamp:%Y-%m-%d}'",
    "[(when + timedelta(days=n)).weekday() for n in range(8)]",
    "[f'{day + 31 * timedelta(days=n):%b %j}' for n in range(12)]",
]
WHENS = [
    datetime(2026, 11, 30, 17, 5, 9, 120000, tzinfo=UTC),
    datetime(2024, 2, 29, 0, 0, tzinfo=timezone(timedelta(hours=-5, minutes=-30))),
    datetime(1969, 12, 31, 23, 59, 59, 1),
    datetime(1000, 1, 1, tzinfo=UTC),
]


@pytest.mark.parametrize("expression", FORMS)
def test_a_time_says_what_it_says_in_python(expression: str) -> None:
    workflow = written(f"""
        when = event.payload.joined
        if when is None:
            return None
        day = when.date()
        return {expression}
    """)
    for when in WHENS:
        agree(workflow, User(user_id="u", joined=when))


@pytest.mark.parametrize(
    ("expression", "remedy"),
    [
        ("event.timestamp.strftime('%x')", "`%x` in its format; `run` knows %Y"),
        ("event.timestamp.astimezone()", "`run` knows .isoformat()"),
        ("event.timestamp.tzinfo", "there are: year, month"),
        ("event.timestamp.date().hour", "there are: year, month, day"),
    ],
)
def test_what_a_time_is_not_asked_for_is_refused(expression: str, remedy: str) -> None:
    with pytest.raises(CompileError) as refusal:
        compile_workflow(written(f"return {expression}"))
    assert remedy in str(refusal.value)
