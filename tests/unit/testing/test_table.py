from __future__ import annotations

from durable.clock import VirtualClock
from durable.store.table import Key, Write
from durable.testing.table import MemoryTable


def test_rows_are_read_while_another_thread_writes() -> None:
    table = MemoryTable(VirtualClock())
    table.write(*(Write(Key("run", f"step:{number}"), {"number": number}) for number in range(3)))

    class Partition(str):
        """Writes a row of another partition each time it is compared: so does a thread that comes between."""

        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            table.write(Write(Key("another", f"step:{len(table.all_keys())}"), {"number": 0}))
            return super().__eq__(other)

        __hash__ = str.__hash__

    assert [row["number"] for row in table.query(Partition("run"))] == [0, 1, 2]
