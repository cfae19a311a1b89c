"""The order of steps follows a counter, also where the clock is set back."""

from __future__ import annotations

from durable.clock import VirtualClock
from durable.store.orders import Orders
from durable.testing.table import MemoryTable

HOUR = 3_600_000


class SettableClock:
    def __init__(self, now: int) -> None:
        self.time = now

    def now(self) -> int:
        return self.time


def test_steps_of_one_millisecond_have_an_order() -> None:
    orders = Orders(VirtualClock())
    found = [orders.next() for _ in range(12)]
    assert found == sorted(set(found))


def test_the_order_goes_on_where_the_clock_is_set_back() -> None:
    clock = SettableClock(5 * HOUR)
    orders = Orders(clock)
    before = orders.next()
    clock.time = HOUR
    assert before < orders.next()


def test_the_order_goes_on_in_a_later_process_where_the_clock_was_set_back() -> None:
    clock = SettableClock(5 * HOUR)
    table = MemoryTable(VirtualClock())
    found = []
    for time in (5 * HOUR, 9 * HOUR, HOUR, 0):
        clock.time = time
        orders = Orders(clock, table)
        found += [orders.next() for _ in range(3)]
    assert found == sorted(set(found))


def test_the_mark_is_written_once_an_hour() -> None:
    clock = SettableClock(0)
    table = MemoryTable(VirtualClock())
    orders = Orders(clock, table)
    marks = set()
    for minute in range(150):
        clock.time = minute * 60_000
        orders.next()
        marks.add((table.query("orders")[0])["until"])
    assert len(marks) == 3


def test_the_order_of_a_former_version_sorts_among_the_others() -> None:
    assert Orders(SettableClock(1_767_225_600_001)).next() > "000001767225600000.000000007"
