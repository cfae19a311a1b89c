"""Where the rows of a run are: one partition `<workflow>#<instance>`, and in it by sort key

run                     the header
flag                    there only while a run is to stop, or was stopped
step#<epoch>#<path>     one for each step; the path is its name, with the blocks and rounds that lead to it
events                  how many events were sent
event#<epoch>#<id>      one for each event
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from durable.store.table import Key
from durable.wire import CallTask, StepEvent, WaitTask

HEADER: Final = "run"
FLAG: Final = "flag"
STEP: Final = "step#"
EVENTS: Final = "events"
CHILD: Final = "child-"
"""How the ids of child runs begin."""


def partition(workflow: str, instance: str) -> str:
    return f"{workflow}#{instance}"


def is_child(instance: str) -> bool:
    """Return whether a run may have a parent: what has another id was started by someone else."""
    return instance.startswith(CHILD)


def header_key(workflow: str, instance: str) -> Key:
    return Key(partition(workflow, instance), HEADER)


def flag_key(partition: str) -> Key:
    return Key(partition, FLAG)


def step_prefix(epoch: int) -> str:
    return f"{STEP}{epoch:06d}#"


def event_prefix(epoch: int) -> str:
    return f"event#{epoch:06d}#"


def path_of(sort: str) -> str:
    """Return the path of blocks and rounds to a step, given its row's sort key: its key within the run."""
    return sort.removeprefix(STEP).partition("#")[2]


@dataclass(frozen=True, slots=True)
class StepKey:
    """Which step of which run: all attempts of it share this."""

    workflow: str
    instance: str
    epoch: int
    path: str

    @classmethod
    def of(cls, event: StepEvent | WaitTask | CallTask) -> StepKey:
        run = event["run"]
        return cls(run["workflow"], run["instance"], run["epoch"], event.get("key", event["step"]))

    @property
    def row(self) -> Key:
        return Key(partition(self.workflow, self.instance), step_prefix(self.epoch) + self.path)

    def __str__(self) -> str:
        return f"{self.workflow}/{self.instance}/{self.epoch}/{self.path}"
