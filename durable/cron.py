"""Cron expressions: what one says, and when it is next; no clock is read here.

    minute  hour  day  month  weekday        0 9 * * mon-fri     every working day at nine

Each field is `*`, a number, a range `a-b`, any of them with a step `/n`, or a list of these with commas. Months may be
written jan to dec. Weekdays are always written sun to sat: as numbers they are other days on Cloudflare, on AWS and in
Unix. `L` as the day is the last of the month. A day and a weekday cannot both be given, for AWS knows no such thing.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from durable.errors import ScheduleError

WEEKDAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_PART: Final = re.compile(r"(?:\*|(?P<first>[a-z0-9]+)(?:-(?P<last>[a-z0-9]+))?)(?:/(?P<step>\d{1,2}))?", re.ASCII)
_LONGEST_WAIT_DAYS: Final = 366 * 8
"""From one 29 February to the next, across a year like 2100."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field's name, its least and greatest number, and the words that may stand for numbers, from the least on."""

    name: str
    least: int
    most: int
    words: tuple[str, ...] = ()
    digits: bool = True

    def all(self) -> range:
        return range(self.least, self.most + 1)


MINUTE: Final = Field("minute", 0, 59)
HOUR: Final = Field("hour", 0, 23)
DAY: Final = Field("day", 1, 31)
MONTH: Final = Field("month", 1, 12, MONTHS)
WEEKDAY: Final = Field("weekday", 0, 6, WEEKDAYS, digits=False)


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed expression: the numbers that each field allows, in order; weekdays from Sunday, which is 0."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    last_day: bool = False

    @classmethod
    def parse(cls, text: str) -> Cron:
        """Return what an expression says.

        Raises:
            ScheduleError: it is of another form, or there is no such day.
        """
        fields = text.lower().split()
        if len(fields) != 5:
            raise ScheduleError(text, f"it has {len(fields)} fields", "write five: minute hour day month weekday")
        minute, hour, day, month, weekday = fields
        if day != "*" and weekday != "*":
            raise ScheduleError(text, "it names a day and a weekday", "write `*` for one of them")
        last = day == "l"
        cron = cls(
            _numbers(text, MINUTE, minute),
            _numbers(text, HOUR, hour),
            () if last else _numbers(text, DAY, day),
            _numbers(text, MONTH, month),
            _numbers(text, WEEKDAY, weekday),
            last,
        )
        # As "0 0 30 feb *": nobody would notice a schedule that is never due.
        if not last and min(cron.days) > max(calendar.monthrange(2024, month)[1] for month in cron.months):
            raise ScheduleError(text, "there is no such day", "write a day that one of the months has")
        return cron

    def next_after(self, time: datetime, zone: ZoneInfo) -> datetime:
        """Return the first time after one, as clocks show it in a zone; both are in UTC, to the minute.

        As on AWS, a time that the clocks leap over in spring is left out, and one that they show twice in autumn is
        taken once, the first time.
        """
        local = time.astimezone(zone).replace(tzinfo=None)
        for wall in self._walls(local):
            found = wall.replace(tzinfo=zone).astimezone(UTC)
            # A time that the clocks leap over is moved by `astimezone` to one that they show: then it is not this time
            # any more.
            if found > time and found.astimezone(zone).replace(tzinfo=None) == wall:
                return found
        raise AssertionError("a parsed expression has a next time")

    def _walls(self, after: datetime) -> Iterator[datetime]:
        """Yield the times after one that the expression allows, as clocks show them."""
        # Day by day: of days that do not fit only the date is looked at, so that eight years take some milliseconds.
        for ahead in range(_LONGEST_WAIT_DAYS + 1):
            day = after.date() + timedelta(days=ahead)
            if self._allows(day):
                for hour in self.hours:
                    for minute in self.minutes:
                        wall = datetime(day.year, day.month, day.day, hour, minute)
                        if wall > after:
                            yield wall

    def _allows(self, day: date) -> bool:
        if day.month not in self.months or day.isoweekday() % 7 not in self.weekdays:
            return False
        if self.last_day:
            return day.day == calendar.monthrange(day.year, day.month)[1]
        return day.day in self.days


def _numbers(text: str, field: Field, said: str) -> tuple[int, ...]:
    return tuple(sorted({number for part in said.split(",") for number in _part(text, field, part)}))


def _part(text: str, field: Field, part: str) -> range:
    match = _PART.fullmatch(part)
    if match is None:
        raise ScheduleError(text, f"its {field.name} is {part!r}", "write `*`, a number, a-b, or one of them with /n")
    step = int(match["step"] or 1)
    if step == 0:
        raise ScheduleError(text, f"its {field.name} is {part!r}", "write a step of 1 at least")
    if match["first"] is None:
        return field.all()[::step]
    first = _number(text, field, match["first"])
    # `5/15` is from 5 on, every 15, to the end of the field; `5` alone is 5.
    end = field.most if match["step"] else first
    last = end if match["last"] is None else _number(text, field, match["last"])
    if last < first:
        raise ScheduleError(text, f"its {field.name} is {part!r}", "write the lesser first, or two parts with a comma")
    return range(first, last + 1, step)


def _number(text: str, field: Field, said: str) -> int:
    if said in field.words:
        return field.least + field.words.index(said)
    if said.isdigit() and field.digits and int(said) in field.all():
        return int(said)
    words = f"{field.words[0]} to {field.words[-1]}" if field.words else ""
    numbers = f"{field.least} to {field.most}" if field.digits else ""
    remedy = " or ".join(each for each in (numbers, words) if each)
    raise ScheduleError(text, f"its {field.name} is {said!r}", f"write {remedy}")
