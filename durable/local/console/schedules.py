"""The schedules of a project with their next times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from durable.bindings import Workflow
from durable.clock import Clock, timestamp
from durable.local.console.page import FRESH
from durable.timetable import timetable


class SchedulesShown:
    """Shows the schedules; a run of one is started by the operator's route, with the schedule's params."""

    def __init__(self, workflows: Sequence[Workflow[Any]], clock: Clock) -> None:
        self._workflows = workflows
        self._clock = clock

    def index(self, request: Request) -> Response:
        found = [
            {
                "workflow": each.workflow,
                "key": each.key,
                "schedule": each.words,
                "params": each.params,
                "next": timestamp(each.next),
            }
            for each in timetable(self._workflows, self._clock.now())
        ]
        return JSONResponse({"schedules": found}, headers=FRESH)
