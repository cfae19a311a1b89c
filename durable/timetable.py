"""When the workflows of a project start by themselves, for whoever looks: the console and the command line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from durable.adapters import adapter_of
from durable.bindings import Workflow
from durable.runs.scheduled import scheduled_params
from durable.workflow import payload_type


@dataclass(frozen=True, slots=True)
class Appointment:
    """A schedule of a workflow.

    Attributes:
        key: what tells it from the others of the workflow, and ends the ids of its runs.
        words: its expression with its time zone, or how often it comes.
        params: what each run is started with, as JSON.
        next: its next time, in milliseconds since 1970.
    """

    workflow: str
    key: str
    words: str
    params: Any
    next: int


def timetable(workflows: Iterable[Workflow[Any]], now: int) -> list[Appointment]:
    """Return the schedules of workflows, in the order of their declaration."""
    return [
        Appointment(
            workflow.name,
            each.key,
            f"every {each.every}" if each.cron is None else f"{each.cron} {each.timezone}",
            scheduled_params(adapter_of(payload_type(workflow.workflow)), each),
            each.next_after(now),
        )
        for workflow in workflows
        for each in workflow.schedules
    ]
