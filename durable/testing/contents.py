"""The clients of one machine, as tests use them: to set up what bindings hold, and to look at it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final, TypeVar

from durable.adapters import adapter_of
from durable.bindings import Binding, KVNamespace, Queue
from durable.clock import Clock
from durable.local.bindings.kv import SQLiteKVNamespace
from durable.local.bindings.place import Place, Sender
from durable.local.bindings.queue import SQLiteQueue
from durable.local.storage.store import Store
from durable.store.values import fit
from durable.testing.client import SandboxClient

V = TypeVar("V")
M = TypeVar("M")

DELIVERED: Final = "delivered"
"""Where what a consumer took is kept."""


class KVContents(SQLiteKVNamespace[V], SandboxClient):
    """The namespace that the steps use, and all that is in it."""

    holds: ClassVar[tuple[type, ...]] = (Mapping,)
    given: ClassVar[str] = "a mapping of what is in it"

    @classmethod
    def of(cls, declared: KVNamespace[Any], value_type: Any, place: Place, kept: dict[str, Any]) -> KVContents[Any]:
        return KVContents(declared.name, value_type, place.journal, place.clock)

    @classmethod
    def declared(cls, name: str) -> Binding:
        return KVNamespace(name)

    def __init__(self, name: str, value_type: Any, journal: Store, clock: Clock) -> None:
        super().__init__(name, value_type, journal, clock)
        self._type = adapter_of(value_type)

    @property
    def contents(self) -> dict[str, V]:
        """Every key with its value."""
        found: dict[str, V] = {}
        page = self.list()
        while True:
            found.update((key, value) for key in page.keys if (value := self.get(key)) is not None)
            if page.cursor is None:
                return found
            page = self.list(cursor=page.cursor)

    def fill(self, values: Mapping[str, Any]) -> None:
        """Put values of the namespace's type, or the same as JSON."""
        for key, value in values.items():
            self.put(key, fit(self._type, value, key))


class QueueContents(SQLiteQueue[M], SandboxClient):
    """The queue that the steps use, and its messages: those that wait, were delivered, or are dead letters."""

    holds: ClassVar[tuple[type, ...]] = (list, tuple)
    given: ClassVar[str] = "a list of messages"

    @classmethod
    def of(cls, declared: Queue[Any], value_type: Any, place: Place, kept: dict[str, Any]) -> QueueContents[Any]:
        return QueueContents(declared.name, value_type, place.journal, place.messages, kept.setdefault(DELIVERED, []))

    @classmethod
    def declared(cls, name: str) -> Binding:
        return Queue(name)

    def __init__(self, name: str, message_type: Any, journal: Store, messages: Sender, delivered: Iterable[M]) -> None:
        super().__init__(name, message_type, messages)
        self._journal = journal
        self._type = adapter_of(message_type)
        self._delivered = delivered

    @property
    def waiting(self) -> list[M]:
        """The messages that are to be delivered, for the first time or again; all of a queue without a consumer."""
        return self._read("SELECT body FROM message WHERE dead=0 AND queue=? ORDER BY sent, rowid")

    @property
    def delivered(self) -> list[M]:
        """The messages that the consumer took, in that order."""
        return list(self._delivered)

    @property
    def dead(self) -> list[M]:
        """The messages whose retries are used up."""
        return self._read("SELECT body FROM message WHERE dead=1 AND queue=? ORDER BY sent, rowid")

    def fill(self, messages: Iterable[Any]) -> None:
        """Send messages of the queue's type, or the same as JSON."""
        for message in messages:
            self.send(fit(self._type, message, "message"))

    def _read(self, sql: str) -> list[M]:
        # The journal writes in groups: what was sent last may be in memory still.
        self._journal.flush()
        return [self._json.load(body) for (body,) in self._journal.read(sql, (self.name,))]
