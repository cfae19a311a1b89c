"""Open executions and the definitions they run on, in the journal."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from durable.local.asl import Machine
from durable.local.journal import JournalFailed
from durable.local.spaces import DEFINITION, EXECUTION
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

    def put(self, name: str, workflow: str, definition: str, snapshot: Mapping[str, Any]) -> None:
        data = json.dumps([workflow, definition, snapshot], separators=(",", ":"))
        self._journal.put(EXECUTION, (name,), (data,))

    def delete(self, name: str) -> None:
        self._journal.delete(EXECUTION, (name,))

    def committed(self, then: Callable[[], None]) -> None:
        """Call back once all that was put before is durable; never, if the journal fails."""

        def settled(error: JournalFailed | None) -> None:
            if error is None:
                then()

        self._journal.after(self._journal.ticket, settled)

    def open(self) -> Iterator[Stored]:
        """Yield every open execution."""
        for name, data in self._journal.read("SELECT name, data FROM execution ORDER BY rowid"):
            workflow, definition, snapshot = json.loads(data)
            yield Stored(name, workflow, definition, snapshot)


@functools.lru_cache(maxsize=256)
def _machine(text: str) -> Machine:
    """Load a machine; parsing its expressions takes milliseconds, so hosts of one process share what they loaded."""
    return Machine.load(json.loads(text))
