"""What an execution says when its segment ends: that the run is to be parked, to be moved, or is over.

An Express execution ends without a word, so its machine asks this function, and retries that. Whatever is asked by an
execution that is not the run's current one changes nothing.
"""

from __future__ import annotations

import json
import zlib
from typing import Any, Final, TypedDict

from durable.clock import Clock
from durable.runs.record import load_all_steps, load_header
from durable.runs.runs import Runs
from durable.runs.segments import LEASE_LOOK_MS, Segments, held_until
from durable.store.keys import StepKey, is_child
from durable.store.machines import ExecutionState, segment_of
from durable.store.parts import Parked, Position
from durable.store.rows import StepRow, step_row
from durable.store.table import Table
from durable.wire import HAND_OVER, LAMBDA_FAULTS, Run

_SECOND: Final = 1_000
_FIRST_LOOK_MS: Final = 5 * _SECOND
_MOST_UNEXPLAINED: Final = 8
"""After so many parks in a row that the record does not explain, Standard executes the state and says what is wrong:
the first eight take 21 minutes in all."""


class Retrying(TypedDict, total=False):
    """How a step is tried again; `delay` is in seconds, with `jitter` a delay is drawn between 0 and that."""

    delay: float
    rate: float
    jitter: bool


class Park(TypedDict, total=False):
    """Where a run is parked, and why.

    Attributes:
        until: the end of a sleep, in milliseconds since 1970.
        error, cause: of the state, where it failed without an outcome.
        step: the key of the step that it executes; of a block, the cause says which it was.
        retries: how its steps are tried again, by name.
    """

    state: str
    vars: dict[str, Any]
    until: int
    error: str
    cause: str | None
    step: str
    retries: dict[str, Retrying]


class Turn(TypedDict, total=False):
    """What an execution asks: one of `park`, `move`, `back` and `end`."""

    run: Run
    execution: str
    park: Park
    move: Position
    back: Position
    end: dict[str, Any]


class TurnHandler:
    """Parks, moves and closes runs for their executions."""

    def __init__(self, table: Table, runs: Runs, segments: Segments, clock: Clock) -> None:
        self._table = table
        self._runs = runs
        self._segments = segments
        self._clock = clock

    def __call__(self, turn: Turn) -> None:
        """Do what the execution asks.

        Raises:
            TableBusy, MachinesBusy: not all is done; the same call goes on with it.
        """
        run, execution = turn["run"], turn["execution"]
        if "end" in turn:
            self._end(run, execution, turn["end"])
        elif "move" in turn:
            self._segments.move(run, execution, _position(turn["move"]), "standard")
        elif "back" in turn:
            self._segments.move(run, execution, _position(turn["back"]), "express")
        else:
            self._park(run, execution, turn["park"])

    def _end(self, run: Run, execution: str, end: dict[str, Any]) -> None:
        state = ExecutionState(end["status"], end.get("output"), end.get("error"), end.get("cause"))
        self._runs.close(segment_of(run["workflow"], "express"), execution, state)
        if is_child(run["instance"]):
            # The rows of the parent are another workflow's: whoever may write them looks at the child.
            self._segments.look_soon(run["workflow"], run["instance"])

    def _park(self, run: Run, execution: str, park: Park) -> None:
        at: Position = {"state": park["state"], "vars": park["vars"]}
        if "until" in park:
            self._segments.park(run, execution, at, why="sleep", due=park["until"])
            return
        why, due = self._due(run, park)
        if due is not None:
            self._segments.park(run, execution, at, why=why, due=due)
            return
        header = load_header(self._table, run["workflow"], run["instance"])
        times = 0 if header is None else header.unexplained
        # Throttling is no fault of the run: otherwise all runs of a throttled account would move to Standard.
        if times >= _MOST_UNEXPLAINED and park.get("error") not in LAMBDA_FAULTS:
            self._segments.move(run, execution, at, "standard")
            return
        due = self._clock.now() + _FIRST_LOOK_MS * 2 ** min(times, _MOST_UNEXPLAINED)
        self._segments.park(run, execution, at, why="turn", due=due, unexplained=times + 1)

    def _due(self, run: Run, park: Park) -> tuple[Parked, int | None]:
        """Return what a state waits for that has failed without an outcome, and until when; None where no row says."""
        now = self._clock.now()
        path = park.get("step") or _path(park.get("cause"))
        found = path and self._table.get(StepKey.within(run, path).row)
        row = step_row(found) if found else None
        if not isinstance(row, StepRow):
            if park.get("error") != HAND_OVER:
                return "turn", None
            # A block whose time was over hands over: of a Task's timeout nothing says which step it was.
            lease_until = self._lease_until(run, now)
            return ("turn", now) if lease_until is None else ("lease", lease_until + LEASE_LOOK_MS)
        if row.outcome is not None:
            return "retry", now
        # The step has outlived its execution, and is at work: look again when its lease is over, or was renewed.
        if row.owner is not None and row.lease > now:
            return "lease", row.lease + LEASE_LOOK_MS
        if row.status == "retrying" and row.ended is not None:
            due = row.ended + _delay_ms(row, path, park["retries"][row.step]) if row.wake is None else row.wake
            return "retry", max(now, due)
        if park.get("error") == HAND_OVER:
            return "retry", now
        # Its owner has died: the next execution makes another attempt, or records that none is left.
        return "lease", now if row.owner is not None else None

    def _lease_until(self, run: Run, now: int) -> int | None:
        header = load_header(self._table, run["workflow"], run["instance"])
        return None if header is None else held_until(load_all_steps(self._table, header), now)


def _position(asked: Position) -> Position:
    return {"state": asked["state"], "vars": asked["vars"]}


def _path(cause: str | None) -> str:
    """Return the key of the step that a block failed at: the cause of its error begins with that."""
    try:
        said = json.loads(cause or "null")
    except ValueError:
        return ""
    # A step's key holds no line break: see `durable.wire`.
    message = said.get("errorMessage") if isinstance(said, dict) else None
    return message.partition(": \n")[0] if isinstance(message, str) else ""


def _delay_ms(row: StepRow, path: str, retrying: Retrying) -> int:
    """Return how long to wait after an attempt; what is drawn is the same for every execution that asks."""
    delay = retrying["delay"] * _SECOND * retrying["rate"] ** (row.attempts - 1)
    if retrying.get("jitter"):
        # Not drawn at random: a twin of this execution comes to the same time.
        delay *= zlib.crc32(f"{path} {row.order} {row.attempts}".encode()) / 2**32
    return int(delay)
