"""What an update of a stack takes away, and which open runs may still need it.

A run that executes in segments is at a state of the definition that it began on, and needs what can be reached from
there. Of any other run nothing is known but that it is open: it may need all.

What a deployment has is told as two properties of a custom resource:

    Needs   {workflow: [what its runs may need, a few words each]}
    Reach   {workflow: {"definition": its hash, "at": {state: which of these may be needed from there on}, as JSON}}

where a state's needs are a number in hexadecimal, with a bit for each in the order of `Needs`, and the start has no
name. Where `at` is not told, a run may need all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from durable.store.rows import Header
from durable.store.statuses import UNSETTLED
from durable.store.table import Table

NESTED: Final = "its place in a nested stack (which nested=True keeps)"
MAIN: Final = "its place in the main stack (which nested=False keeps)"
WAITS: Final = "waits for events"
STEP: Final = "step "
START: Final = ""
_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Deployed:
    """What one deployment of a workflow has."""

    needs: Sequence[str] = ()
    definition: str | None = None
    at: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, properties: Mapping[str, Any]) -> Mapping[str, Deployed]:
        """Return the deployments of all workflows, given the properties of the custom resource."""
        reach = properties.get("Reach", {})
        return {name: cls(needs, **_reach(reach.get(name, {}))) for name, needs in properties.get("Needs", {}).items()}

    def needed_by(self, header: Header) -> frozenset[str]:
        """Return what an open run may still need."""
        if header.kind is None or header.definition is None or header.definition != self.definition:
            return frozenset(self.needs)
        return self.needed_at(START if header.at is None else header.at["state"] or START)

    def needed_at(self, state: str) -> frozenset[str]:
        """Return what a run at a state may still need."""
        if state not in self.at:
            return frozenset(self.needs)
        bits = int(self.at[state], 16)
        return frozenset(need for number, need in enumerate(self.needs) if bits >> number & 1)


NO_DEPLOYMENT: Final = Deployed()


def _reach(told: Mapping[str, str]) -> dict[str, Any]:
    return {"definition": told.get("definition"), "at": json.loads(told.get("at", "{}"))}


def taken(before: Deployed, after: Deployed) -> list[str]:
    """Return what an update takes away; a workflow that moves to a nested stack is given other state machines."""
    gone = [each for each in before.needs if each not in after.needs]
    return [*gone, MAIN] if NESTED in after.needs and NESTED not in before.needs else gone


def goes_last(gone: Sequence[str]) -> list[str]:
    """Return what of it is there until all else is updated: Lambdas as a whole, with what they may do."""
    steps = tuple(f" in {each}" for each in gone if each.startswith(STEP))
    return [each for each in gone if each.startswith(STEP) or each == WAITS or each.endswith(steps)]


def open_runs(table: Table, workflow: str) -> Iterator[Header]:
    """Yield the open runs of a workflow."""
    for status in UNSETTLED:
        cursor: str | None = None
        while True:
            page = table.list(workflow, status=status, cursor=cursor, limit=_PAGE)
            yield from map(Header.from_row, page.rows)
            cursor = page.cursor
            if cursor is None:
                break
