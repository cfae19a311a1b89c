"""Open executions and the definitions they run on, in the journal."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from durable.local.asl import Machine, SetTimer
from durable.local.asl.values import json_text
from durable.local.journal import Change, JournalFailed
from durable.local.spaces import DEFINITION, EXECUTION, RESTING
from durable.local.store import Store


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


class Executions:
    """Keeps the snapshot of every open execution, and each definition for as long as it may be needed."""

    def __init__(self, journal: Store) -> None:
        self._journal = journal
        self._machines: dict[str, Machine] = {}

    def define(self, definition: Mapping[str, Any]) -> Definition:
        """Load a definition and keep it."""
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

    def put(self, stored: Stored, timers: Sequence[SetTimer] | None, *, rested: bool) -> None:
        """Keep an execution as it is now.

        Args:
            timers: all that it waits for, where that is nothing but timers.
            rested: whether that was so when it was put before.
        """
        data = json_text([stored.workflow, stored.definition, stored.snapshot])
        changes: list[Change] = [(EXECUTION, (stored.name,), (data,))]
        if timers is not None:
            waits = json_text([(each.token, each.at_ms) for each in timers])
            changes.append((RESTING, (stored.name,), (waits,)))
        elif rested:
            changes.append((RESTING, (stored.name,), None))
        self._journal.write(changes)

    def delete(self, name: str, *, rested: bool) -> None:
        changes: list[Change] = [(EXECUTION, (name,), None)]
        if rested:
            changes.append((RESTING, (name,), None))
        self._journal.write(changes)

    def get(self, name: str) -> Stored:
        """Return an open execution as it was last put."""
        row = self._journal.get(EXECUTION, (name,))
        assert row is not None, f"execution {name} is open"
        return _stored(name, str(row[0]))

    def committed(self, then: Callable[[], None]) -> None:
        """Call back once all that was put before is durable; never, if the journal fails."""

        def settled(error: JournalFailed | None) -> None:
            if error is None:
                then()

        self._journal.after(self._journal.ticket, settled)

    def resting(self) -> Iterator[tuple[str, list[SetTimer]]]:
        """Yield the name of every open execution that waits for nothing but timers, and those."""
        for name, timers in self._journal.read("SELECT name, timers FROM resting ORDER BY rowid"):
            yield name, [SetTimer(*each) for each in json.loads(timers)]

    def moving(self) -> Iterator[Stored]:
        """Yield every other open execution."""
        others = "SELECT name, data FROM execution WHERE name NOT IN (SELECT name FROM resting) ORDER BY rowid"
        for name, data in self._journal.read(others):
            yield _stored(name, data)


def _stored(name: str, data: str) -> Stored:
    workflow, definition, snapshot = json.loads(data)
    return Stored(name, workflow, definition, snapshot)


@functools.lru_cache(maxsize=256)
def _machine(text: str) -> Machine:
    """Load a machine; parsing its expressions takes milliseconds, so hosts of one process share what they loaded."""
    return Machine.load(json.loads(text))
