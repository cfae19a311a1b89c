"""When a workflow starts by itself: by a cron expression in a time zone, or every so often."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from durable.cron import Cron
from durable.durations import Duration, whole_seconds
from durable.errors import ScheduleError

_MINUTE_MS: Final = 60_000
_MOST_EVERY_MINUTES: Final = 366 * 24 * 60


@dataclass(frozen=True, slots=True)
class Schedule:
    """A time that comes again and again; each time starts one run, however often it is delivered.

    Args:
        cron: minute hour day month weekday, as "0 9 * * mon-fri"; see durable/cron.py.
        every: instead of cron, a number of whole minutes, as "5 minutes".
        timezone: of the cron expression, by its name in the IANA database.
        params: what each run is started with.

    Raises:
        ScheduleError: the expression, the time or the zone is none.
    """

    cron: str | None = None
    every: Duration | None = None
    timezone: str = "UTC"
    params: Any = None
    _parsed: Cron | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        if (self.cron is None) == (self.every is None):
            raise ScheduleError(repr(self.cron), "it says when twice, or not at all", "give `cron` or `every`")
        if self.cron is not None:
            # Parsed once, when it is declared, so that a wrong expression is an error of app.py.
            object.__setattr__(self, "_parsed", Cron.parse(self.cron))
            _zone(self.timezone)
        elif not 1 <= self.every_minutes <= _MOST_EVERY_MINUTES or self.timezone != "UTC":
            raise ScheduleError(
                str(self.every), "it is no number of minutes, or has a time zone", "write 1 minute to 1 year, no zone"
            )

    @property
    def parsed(self) -> Cron | None:
        """The cron expression's fields; None for `every`."""
        return self._parsed

    @property
    def every_minutes(self) -> int:
        """The minutes of `every`; 0 where it is no whole number of them, or not given."""
        seconds = whole_seconds(self.every) if self.every is not None else 0
        return 0 if seconds % 60 else seconds // 60

    @property
    def key(self) -> str:
        """What tells this schedule from the others of its workflow, as long as it stays as it is."""
        # Without the params: with others it is still the same schedule, whose runs keep their ids.
        said = json.dumps([self.cron, self.every_minutes, self.timezone])
        return hashlib.sha256(said.encode()).hexdigest()[:8]

    def next_after(self, time: int) -> int:
        """Return the first time after one; both in milliseconds since 1970. `every` counts from 1970 on."""
        if self._parsed is None:
            interval = self.every_minutes * _MINUTE_MS
            # Counted from 1970, so that it is the same after a restart, whenever that is.
            return (time // interval + 1) * interval
        found = self._parsed.next_after(datetime.fromtimestamp(time / 1000, UTC), _zone(self.timezone))
        return round(found.timestamp()) * 1000

    def instance_id(self, time: int) -> str:
        """Return the id of the run that a scheduled time, in milliseconds since 1970, starts."""
        return scheduled_id(self.key, time)


def scheduled_id(key: str, time: int) -> str:
    """Return the id of the run that a time, in milliseconds since 1970, of the schedule with this key starts."""
    return f"{datetime.fromtimestamp(time // 1000, UTC):%Y%m%dT%H%M%SZ}-{key}"


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError):
        raise ScheduleError(str(name), "there is no such time zone", 'write one as "Europe/Berlin"') from None
