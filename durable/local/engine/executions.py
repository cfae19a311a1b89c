"""Open executions and the definitions they run on, in the journal."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from pydantic_core import from_json

from durable.asl import Action, Execution, Machine, SetTimer
from durable.local.engine.waits import Idle
from durable.local.storage.encoding import encoded
from durable.local.storage.folder import JournalError
from durable.local.storage.journal import Change, JournalFailed
from durable.local.storage.schema import DEFINITION, EXECUTION, IDLE
from durable.local.storage.store import Store


@dataclass(frozen=True, slots=True)
class Definition:
    """A state machine and the hash that its executions name it by."""

    hash: str
    machine: Machine


@dataclass(frozen=True, slots=True)
class Stored:
    """An open execution as the journal has it."""

    name: str
    workflow: str
    definition: str
    snapshot: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Opened:
    """An open execution in memory."""

    workflow: str
    definition: str
    execution: Execution


class Executions:
    """Keeps the snapshot of every open execution, and each definition for as long as it may be needed."""

    def __init__(self, journal: Store) -> None:
        self._journal = journal
        self._machines: dict[str, Machine] = {}

    def define(self, definition: Mapping[str, Any]) -> Definition:
        """Load a definition and keep it."""
        # Sorted: the same definition has the same hash, in whichever order the compiler writes its keys.
        text = json.dumps(definition, sort_keys=True)
        key = hashlib.sha256(text.encode()).hexdigest()[:32]
        if key not in self._machines:
            self._machines[key] = _machine(text)
            self._journal.put(DEFINITION, (key,), (text,))
        return Definition(key, self._machines[key])

    def machine(self, key: str) -> Machine:
        """Return the machine of a definition that was kept, now or by an earlier process."""
        if key not in self._machines:
            row = self._journal.get(DEFINITION, (key,))
            assert row is not None, f"definition {key} was put before any execution of it"
            self._machines[key] = _machine(str(row[0]))
        return self._machines[key]

    def put(self, stored: Stored, idle: Idle | None, *, was_idle: bool) -> None:
        """Keep an execution as it is now.

        Args:
            idle: all that it waits for, if nothing is at work for it.
            was_idle: whether nothing was at work for it when it was put before.
        """
        # Half a surrogate pair raises here and ends this execution, and not the journal when it commits.
        data = encoded([stored.workflow, stored.definition, stored.snapshot])
        changes: list[Change] = [(EXECUTION, (stored.name,), (data,))]
        if idle is not None:
            changes.append(_idle(stored.name, idle))
        elif was_idle:
            changes.append((IDLE, (stored.name,), None))
        self._journal.write(changes)

    def put_idle(self, name: str, idle: Idle) -> None:
        """Keep that nothing is at work any more for an execution that was put."""
        self._journal.write([_idle(name, idle)])

    def delete(self, name: str, *, was_idle: bool) -> None:
        changes: list[Change] = [(EXECUTION, (name,), None)]
        if was_idle:
            changes.append((IDLE, (name,), None))
        self._journal.write(changes)

    @property
    def failed(self) -> JournalError | None:
        """Why nothing can be stored any more; None while all is well."""
        return self._journal.failed

    def workflow(self, name: str) -> str:
        """Return the workflow of an open execution, also of one whose snapshot cannot be read."""
        row = self._journal.get(EXECUTION, (name,))
        assert row is not None, f"execution {name} is open"
        # From the second character on: the name comes first in the list, so a snapshot that is damaged behind it does
        # not matter.
        workflow: str = json.JSONDecoder().raw_decode(str(row[0]), 1)[0]
        return workflow

    def get(self, name: str) -> Stored:
        """Return an open execution as it was last put."""
        row = self._journal.get(EXECUTION, (name,))
        assert row is not None, f"execution {name} is open"
        workflow, definition, snapshot = json.loads(str(row[0]))
        return Stored(name, workflow, definition, snapshot)

    def open(self, name: str, random: Random) -> tuple[Opened, Sequence[Action]]:
        """Return an open execution as it was last put, and what it waits for."""
        stored = self.get(name)
        execution, actions = Execution.restore(self.machine(stored.definition), stored.snapshot, random=random)
        return Opened(stored.workflow, stored.definition, execution), actions

    def committed(self, then: Callable[[], object]) -> None:
        """Call back once all that was put before is durable; never, if the journal fails."""

        def settled(error: JournalFailed | None) -> None:
            if error is None:
                then()

        self._journal.after(self._journal.ticket, settled)

    def definitions(self) -> Iterator[tuple[str, Any]]:
        """Yield each definition that was kept, under its hash."""
        for key, text in self._journal.read("SELECT hash, text FROM definition"):
            yield key, json.loads(text)

    def forget_definitions(self, today: Iterable[str]) -> int:
        """Remove the definitions that no open execution runs on, and return how many.

        Args:
            today: the hashes of those that new executions run on.
        """
        self._journal.flush()
        # The hash is the second item of the JSON: see `put`. What no execution runs on now, none ever will: a new one
        # runs on a definition of today.
        hashes = "SELECT DISTINCT substr(data, instr(data, '\",\"') + 3, 32) FROM execution"
        used = {*today, *(found for (found,) in self._journal.read(hashes))}
        gone = [key for (key,) in self._journal.read("SELECT hash FROM definition") if key not in used]
        self._journal.write([(DEFINITION, (key,), None) for key in gone])
        for key in gone:
            self._machines.pop(key, None)
        return len(gone)

    def on(self, definition: str) -> Iterator[tuple[str, str]]:
        """Yield workflow and name of each open execution that runs on a definition."""
        self._journal.flush()
        # Workflow and hash stand within the first 300 characters; what comes after may hold the same text as data.
        query = "SELECT name, substr(data, 1, 300) FROM execution WHERE instr(substr(data, 1, 300), ?) > 0"
        for name, data in self._journal.read(query, (f'"{definition}"',)):
            yield json.JSONDecoder().raw_decode(data, 1)[0], name

    def recorded_workflows(self) -> frozenset[str]:
        """Return the names of all workflows that have runs in the record, declared or not."""
        # A jump from name to name over the index: `SELECT DISTINCT` would read it whole. Rows that `search` finds begin
        # with `?`, which is less than `a`.
        query = """WITH RECURSIVE found(name) AS (SELECT min(workflow) FROM record WHERE workflow >= 'a' UNION ALL
            SELECT (SELECT min(workflow) FROM record WHERE workflow > name) FROM found WHERE name IS NOT NULL)
            SELECT name FROM found WHERE name IS NOT NULL"""
        return frozenset(name for (name,) in self._journal.read(query))

    def idle(self) -> Iterator[tuple[str, Idle]]:
        """Yield the name of every open execution for which nothing is at work, and what it waits for."""
        self._journal.flush()
        for name, timers, asked in self._journal.read("SELECT name, timers, asked FROM resting ORDER BY rowid"):
            yield name, Idle([SetTimer(*each) for each in from_json(timers)], from_json(asked))

    def at_work(self) -> Iterator[str]:
        """Yield the name of every other open execution."""
        self._journal.flush()
        others = "SELECT name FROM execution WHERE name NOT IN (SELECT name FROM resting) ORDER BY rowid"
        for (name,) in self._journal.read(others):
            yield name


def _idle(name: str, idle: Idle) -> Change:
    timers = encoded([(each.token, each.at_ms) for each in idle.timers])
    return IDLE, (name,), (timers, encoded(sorted(idle.callbacks)))


@functools.lru_cache(maxsize=256)
def _machine(text: str) -> Machine:
    """Load a machine; parsing its expressions takes milliseconds, so hosts of one process share what they loaded."""
    return Machine.load(json.loads(text), bounded=False)  # what bounds there are stand in the definition
