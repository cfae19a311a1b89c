"""Starts the run of a scheduled time: once, however often the time is reported."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter

from durable.bindings.workflow import Created
from durable.errors import RunExists
from durable.runs.runs import Runs
from durable.schedules import Schedule, scheduled_id
from durable.store.values import dump, fit

SCHEDULED_TIME: Final = "<aws.scheduler.scheduled-time>"
"""What EventBridge Scheduler puts the time in the place of, as 2026-11-25T09:00:00Z."""


def scheduled_params(adapter: TypeAdapter[Any], schedule: Schedule) -> Any:
    """Return a schedule's params as JSON; they may be given as the payload's type, or as the same in JSON.

    Raises:
        Misfit: they are not what the workflow takes.
    """
    return dump(adapter, fit(adapter, schedule.params, "params"), "params")


def scheduled_event(workflow: str, schedule: Schedule, params: Any) -> dict[str, Any]:
    """Return what EventBridge Scheduler is to send for each time of a schedule; params as JSON."""
    return {"workflow": workflow, "schedule": schedule.key, "time": SCHEDULED_TIME, "params": params}


class Starter:
    """Starts runs for scheduled times."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    def scheduled(self, event: Mapping[str, Any]) -> Created:
        """Start the run of a time that EventBridge Scheduler reports.

        Raises:
            Throttled: nothing was started; the same event may succeed later.
        """
        # The id is made of the time: EventBridge Scheduler delivers at least once, and a repeat creates the same run.
        time = datetime.fromisoformat(event["time"].replace("Z", "+00:00"))
        return self.start(event["workflow"], event["schedule"], round(time.timestamp()) * 1000, event["params"])

    def start(self, workflow: str, schedule: str, time: int, params: Any) -> Created:
        """Start the run of a time, in milliseconds since 1970, of the schedule with this key; params as JSON.

        Raises:
            Throttled: nothing was started; the same call may succeed later.
        """
        id = scheduled_id(schedule, time)
        try:
            return self._runs.create(workflow, params, id=id)
        except RunExists:
            return Created(id, new=False)  # it was started before a deployment gave the schedule other params
