"""`==` and `in` of objects, which their classes compare field by field."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from pydantic import BaseModel

from durable import WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.compiler import compile_workflow
from durable.errors import CompileError
from tests.unit.compiler.both import agree


@dataclass(frozen=True)
class Point:
    x: int
    y: int = 0
    note: str | None = None
    seen: int = field(default=0, compare=False)


class Route(BaseModel):
    name: str = ""
    stops: list[int] = []
    start: Point = Point(0)
    left: datetime | None = None


@dataclass
class Loose:
    text: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Loose) and self.text.lower() == other.text.lower()


class Base(BaseModel):
    number: int = 0


class Derived(Base):
    more: int = 0


class Trip(BaseModel):
    points: list[Point] = []
    route: Route = Route()
    other: Route = Route()


class EqualWorkflow(WorkflowEntrypoint[Trip]):
    async def run(self, event: WorkflowEvent[Trip], step: WorkflowStep) -> Any:
        trip = event.payload
        found: list[Point] = []
        for each in trip.points:
            if each not in found:
                found.append(each)
        first = trip.points[0] if trip.points else Point(9)
        same = [first == Point(1), first != Point(1, note="a"), trip.route == trip.other, trip.route != Route(name="r")]
        return [found, same, Point(1, 2) in trip.points]


@pytest.mark.parametrize(
    "trip",
    [
        Trip(),
        Trip(points=[Point(1), Point(1, seen=3), Point(1, note="a"), Point(1, 2), Point(1)], route=Route(stops=[1])),
        Trip(points=[Point(1, note="a")], route=Route(name="r"), other=Route(name="r")),
        Trip(route=Route(start=Point(1, seen=1)), other=Route(start=Point(1))),
    ],
)
def test_objects_are_compared_by_their_fields(trip: Trip) -> None:
    agree(EqualWorkflow, trip)


class LooseWorkflow(WorkflowEntrypoint[Loose]):
    async def run(self, event: WorkflowEvent[Loose], step: WorkflowStep) -> bool:
        return event.payload == Loose("a")


class BaseWorkflow(WorkflowEntrypoint[Base]):
    async def run(self, event: WorkflowEvent[Base], step: WorkflowStep) -> bool:
        return event.payload == Base(number=1)


@pytest.mark.parametrize("workflow", [LooseWorkflow, BaseWorkflow])
def test_a_comparison_of_the_authors_own_is_refused(workflow: type[WorkflowEntrypoint[Any]]) -> None:
    with pytest.raises(CompileError, match="loses its own comparison; compare its fields"):
        compile_workflow(workflow)
