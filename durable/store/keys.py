"""Where the rows of a run are: one partition `<workflow>#<instance>`, and in it by sort key

run                     the header
flag@<incarnation>      there only while a run is to stop, was stopped or has failed; a while longer than one that was
                        deleted
payload@<incarnation>   the payload, where it is so large that no write of the header should cost its size
step#<epoch>#<path>     one for each step; the path is its name, with the blocks and rounds that lead to it
events                  how many events were sent
event#<era>#<id>        one for each event
callback#<era>#<path>   the secret of a step's callback
"""

from __future__ import annotations

import functools
from typing import Final, NamedTuple

from durable.store.table import Key
from durable.wire import CallTask, RaceTask, Run, StepEvent, WaitTask

HEADER: Final = "run"
FLAG: Final = "flag"
PAYLOAD: Final = "payload"
STEP: Final = "step#"
EVENTS: Final = "events"
CHILD: Final = "child-"
"""How the ids of child runs begin."""
_REMEMBERED: Final = 1_024
"""Each step asks for the keys of its run several times."""


def partition(workflow: str, instance: str) -> str:
    return f"{workflow}#{instance}"


def is_child(instance: str) -> bool:
    """Return whether a run may have a parent: what has another id was started by someone else."""
    return instance.startswith(CHILD)


def header_key(workflow: str, instance: str) -> Key:
    return Key(partition(workflow, instance), HEADER)


@functools.lru_cache(_REMEMBERED)
def flag_key(partition: str, incarnation: str) -> Key:
    """Return where the flag of a run is: each run of an id has one of its own, and runs of former versions `flag`."""
    return Key(partition, f"{FLAG}@{incarnation}" if incarnation else FLAG)


def payload_key(partition: str, incarnation: str) -> Key:
    """Return where a large payload of a run is."""
    return Key(partition, f"{PAYLOAD}@{incarnation}")


@functools.lru_cache(_REMEMBERED)
def era_of(epoch: int, incarnation: str) -> str:
    """Return what the sort keys of an epoch of a run begin with.

    A run whose id was used before, by one that was deleted or has expired, is another incarnation: it meets no row of
    that one, whatever was left or comes late. Runs of former versions have none.
    """
    # Padded with zeros, so that the rows of epochs are sorted as their numbers are.
    return f"{epoch:06d}@{incarnation}" if incarnation else f"{epoch:06d}"


def step_prefix(era: str) -> str:
    return f"{STEP}{era}#"


def event_prefix(era: str) -> str:
    return f"event#{era}#"


def incarnation_of(sort: str) -> str:
    """Return the incarnation of the run that the row of a step or an event belongs to, given its sort key."""
    return sort.split("#", 2)[1].partition("@")[2]


def path_of(sort: str) -> str:
    """Return the path of blocks and rounds to a step, given its row's sort key: its key within the run."""
    # `step#<era>#<path>`: an era holds no `#`, a path may.
    return sort.removeprefix(STEP).partition("#")[2]


class StepKey(NamedTuple):
    """Which step of which run: all attempts of it share this."""

    workflow: str
    instance: str
    epoch: int
    path: str
    incarnation: str = ""

    @classmethod
    def of(cls, event: StepEvent | WaitTask | CallTask | RaceTask) -> StepKey:
        return cls.within(event["run"], event.get("key", event["step"]))

    @classmethod
    def within(cls, run: Run, path: str) -> StepKey:
        """Return the key of a step, given its path within a run."""
        return cls(run["workflow"], run["instance"], run["epoch"], path, run.get("incarnation", ""))

    @classmethod
    def of_row(cls, partition: str, sort: str) -> StepKey:
        """Return the key of a step, given that of its row."""
        workflow, _, instance = partition.partition("#")
        epoch, _, incarnation = sort.removeprefix(STEP).partition("#")[0].partition("@")
        return cls(workflow, instance, int(epoch), path_of(sort), incarnation)

    def beside(self, path: str) -> StepKey:
        """Return the key of another step of the same run."""
        return self._replace(path=path)

    @property
    def era(self) -> str:
        return era_of(self.epoch, self.incarnation)

    @property
    def flag(self) -> Key:
        return flag_key(partition(self.workflow, self.instance), self.incarnation)

    @property
    def row(self) -> Key:
        return _row(self)

    def __str__(self) -> str:
        """Return the idempotency key, which no other step has, nor one of another incarnation or epoch."""
        incarnation = f"/{self.incarnation}" if self.incarnation else ""
        return f"{self.workflow}/{self.instance}{incarnation}/{self.epoch}/{self.path}"


@functools.lru_cache(_REMEMBERED)
def _row(key: StepKey) -> Key:
    return Key(partition(key.workflow, key.instance), step_prefix(key.era) + key.path)
