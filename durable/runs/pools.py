"""Flow control: which runs may execute, and in which order the others wait.

Runs that share a limit are a pool, which has rows of its own: see `durable.store.pools`. A run may execute only while a
slot of its pool and its header name the same grant. Both are written in one transaction, and each grant is drawn anew,
so the slot of a run whose header is closed or names another grant is free, whatever process died: whoever looks takes
it back. A run that finds no slot is written together with its place in the queue. Whoever closes a run gives its slot
back and admits the first that waits; one that comes to wait looks once more after it was written; so one of the two
sees the other. Should neither live, the reconciler finds the head of the pool in the index of what is due.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from durable.bindings.limits import Limits
from durable.clock import Clock
from durable.runs.record import load_header
from durable.runs.timers import LONGEST_TIMER_MS, Timers
from durable.store.conditions import HEAD
from durable.store.orders import Orders
from durable.store.pools import (
    POOL,
    STARTS,
    TAKEN,
    WAITING,
    PoolHead,
    Slot,
    pool_key,
    pool_partition,
    waiting_sort,
)
from durable.store.rows import Header
from durable.store.table import (
    Absent,
    Below,
    ConditionFailed,
    Delete,
    Either,
    Equals,
    Key,
    Row,
    Table,
    Write,
)
from durable.store.values import hash_of, text_of

_LOOK_MS: Final = 60_000
"""After how long the reconciler looks at a pool in which runs wait."""
_SETTLED_MS: Final = 15 * 60_000
"""After how long without a newcomer a head may go: no process that was about to add one lives that long."""
_KEPT_SECONDS: Final = 7 * 86_400
_FIRST: Final = 10
"""How many that wait are read at once: a few may be about to be paused, or gone."""
_MOST_ADMITTED: Final = 50
"""How many one look admits; where more could be, it asks to be called again."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a run that wants to execute was put.

    Attributes:
        fields: of its header: a slot and a grant, or a place in the queue.
        writes: what is to be written in the same transaction.
    """

    fields: Row
    writes: tuple[Write | Delete, ...] = ()


class Pools:
    """The pools of all workflows that have limits.

    Args:
        limits: by workflow.
        timers: have a pool looked at when its rate allows the next start; without them the reconciler does.
    """

    def __init__(self, table: Table, clock: Clock, limits: Mapping[str, Limits], timers: Timers | None) -> None:
        self._table = table
        self._clock = clock
        self._limits = limits
        self._timers = timers
        self._orders = Orders(clock)

    def place(self, workflow: str, instance: str, payload: Any, priority: int, *, waits: bool = False) -> Placed:
        """Return where a run is put that wants to execute. Without a limit nothing is written for it.

        Args:
            waits: it is put into the queue, whether there is a slot or not: a write that takes a slot may fail, as
                somebody else may be faster; one that queues does not.
        """
        limits = self._limits.get(workflow)
        if limits is None:
            return Placed({})
        pool = pool_partition(workflow, _which(limits, payload))
        rows = self._table.query(pool, HEAD)
        # Where others wait, a newcomer waits too: the queue decides who comes first.
        free = None if waits or self._table.query(pool, WAITING, limit=1) else self._free(limits, rows, instance)
        if free is not None:
            return self._granted(pool, free, instance)
        # Before the run is queued: a head without a queue goes by itself; a queue without a head is never looked at.
        self._touch(pool, next((row for row in rows if row["sort"] == HEAD), None))
        place = waiting_sort(priority, self._orders.next(), os.urandom(4).hex())
        waiter = Write(Key(pool, place), {"instance": instance}, when=(Absent("instance"),))
        return Placed({"pool": pool, "place": place, "status": "queued"}, (waiter,))

    def admit(self, workflow: str, pool: str) -> Iterator[Header]:
        """Give free slots to the runs that come first, and yield the header of each: it is to be started.

        Raises:
            TableBusy: others may be admitting; the same call, or the reconciler, goes on with it.
        """
        limits = self._limits.get(workflow, Limits())
        for _ in range(_MOST_ADMITTED):
            waiting = self._table.query(pool, WAITING, limit=_FIRST)
            if not waiting:
                return
            rows = self._table.query(pool, HEAD)
            # Read after the queue: a slot that is given back in between is seen by whoever gives it back, who looks
            # into the queue next.
            free = self._free(limits, rows, waiting[0]["instance"])
            if free is None:
                self._set_timer(workflow, pool, limits, rows)
                return
            header = self._admit_first(workflow, pool, waiting, free)
            if header is not None:
                yield header
        if self._timers is not None:
            self._timers.at(workflow, _instance(pool), 0)

    def release(self, header: Header) -> bool:
        """Give back the slot of a run that is closed, and return whether it had one.

        Raises:
            TableBusy: it was not given back; the reconciler takes it.
        """
        if header.pool is None or header.slot is None or header.grant is None:
            return False
        self._give_back(header.pool, header.slot, header.grant)
        return True

    def reconcile(self, workflow: str, pool: str) -> None:
        """Take back the slots of runs that are over, and have the pool looked at again while runs wait.

        To be called before `admit`.
        """
        row = self._table.get(pool_key(pool))
        if row is None:
            return
        head, now = PoolHead.from_row(row), self._clock.now()
        # A run that comes to wait touches the head first: then this write fails, and the head stays.
        as_read = (Equals("touched", head.touched),)
        with suppress(ConditionFailed):  # a run came to wait meanwhile
            if self._table.query(pool, WAITING, limit=1):
                self._take_back(workflow, pool)
                later = {"due": now + _LOOK_MS, "expires": now // 1000 + _KEPT_SECONDS}
                # A timer may have been lost with a process, or a message.
                self._table.write(Write(pool_key(pool), later, remove=("timer",), when=as_read))
            elif now - head.touched >= _SETTLED_MS:
                self._table.write(Delete(pool_key(pool), when=as_read))
            else:
                self._table.write(Write(pool_key(pool), {"due": head.touched + _SETTLED_MS}, when=as_read))

    def _take_back(self, workflow: str, pool: str) -> None:
        """Free the slots whose runs do not execute under their grants.

        A slot is read before the header: a grant that is not in the header then never will be.
        """
        for slot in map(Slot.from_row, self._table.query(pool, TAKEN)):
            header = load_header(self._table, workflow, slot.instance)
            if header is None or header.closed or header.grant != slot.grant:
                self._give_back(pool, slot.sort, slot.grant)

    def _give_back(self, pool: str, slot: str, grant: str) -> None:
        with suppress(ConditionFailed):  # it was given back, and perhaps taken by another run
            self._table.write(Delete(Key(pool, slot), when=(Equals("grant", grant),)))

    def _admit_first(self, workflow: str, pool: str, waiting: Sequence[Row], free: Sequence[Write]) -> Header | None:
        """Admit the first of those that wait and still want to; None where somebody else was faster, or none does."""
        for row in waiting:
            place, instance = row["sort"], row["instance"]
            header = load_header(self._table, workflow, instance)
            if header is None or header.place != place:
                # Place and header are written in one transaction: what the header does not name now, it never will.
                self._table.write(Delete(Key(pool, place)))
            elif header.wanted is None and not header.closed:
                placed = self._granted(pool, free, instance)
                fields: Row = {"workflow": workflow, "updated": self._clock.now(), **placed.fields}
                # A run that one execution runs whole is `queued` until that is started.
                fields["status"] = "queued" if header.kind is None else "running"
                if not header.changes or header.changes[-1]["did"] == "restarted":
                    fields["begun"] = fields["updated"]  # what it sleeps counts from now, not from when it was queued
                still = (Equals("place", place), Absent("wanted"), Absent("closed"))
                admit = Write(header.key, fields, remove=("place",), when=still)
                with suppress(ConditionFailed):
                    written = self._table.write(admit, *placed.writes, Delete(Key(pool, place)))
                    return Header.from_row(written[0] or {})
                return None
        return None

    def _granted(self, pool: str, free: Sequence[Write], instance: str) -> Placed:
        # Drawn anew each time: by it a slot that was left is told from one that was taken again by the same run.
        grant = os.urandom(8).hex()
        taken = [each.key.sort for each in free if each.key.sort.startswith(TAKEN)]
        slots = {"slot": taken[0], "grant": grant} if taken else {}
        writes = (_for_run(each, pool, instance, grant) for each in free)
        return Placed({"pool": pool, **slots}, tuple(writes))

    def _free(self, limits: Limits, rows: Sequence[Row], instance: str) -> Sequence[Write] | None:
        """Return the writes that take what a run needs to begin, without its pool and name; None where it is taken."""
        writes: list[Write] = []
        if limits.concurrency is not None:
            taken = {row["sort"] for row in rows if row["sort"].startswith(TAKEN)}
            slots = [each for number in range(limits.concurrency) if (each := f"{TAKEN}{number:04d}") not in taken]
            # More may be taken than the limit is: a deployment has lowered it. Those runs keep their slots until they
            # end.
            if not slots or len(taken) >= limits.concurrency:
                return None
            slot = slots[zlib.crc32(instance.encode()) % len(slots)]  # two at once seldom want the same one
            writes.append(Write(Key("", slot), when=(Absent("grant"),)))
        if limits.rate is not None:
            now = self._clock.now()
            counts = {row["sort"] for row in rows if row["sort"].startswith(STARTS) and row["until"] > now}
            starts = [each for number in range(limits.rate) if (each := f"{STARTS}{number:04d}") not in counts]
            # Likewise where the rate was lowered.
            if not starts or len(counts) >= limits.rate:
                return None
            until = now + limits.period_ms
            start = starts[zlib.crc32(instance.encode()) % len(starts)]
            # A row whose time is over is taken over in place: DynamoDB removes it only days later.
            over = Either((Absent("until"), Below("until", now + 1)))
            writes.append(Write(Key("", start), {"until": until, "expires": until // 1000 + 1}, when=(over,)))
        return writes

    def _touch(self, pool: str, row: Row | None) -> None:
        """Have the reconciler look at a pool in which a run is about to wait; once a minute that is written."""
        now = self._clock.now()
        head = None if row is None else PoolHead.from_row(row)
        if head is None or now - head.touched >= _LOOK_MS:
            due = now + _LOOK_MS if head is None else min(head.due, now + _LOOK_MS)
            fields = {"touched": now, "due": due, "expires": now // 1000 + _KEPT_SECONDS}
            self._table.write(Write(pool_key(pool), fields))

    def _set_timer(self, workflow: str, pool: str, limits: Limits, rows: Sequence[Row]) -> None:
        """Have the pool looked at when the next start is free, unless a timer is set."""
        now = self._clock.now()
        # Starts that count no more are left out: a timer for one would ring at once, and so would the next.
        counting = sorted(row["until"] for row in rows if row["sort"].startswith(STARTS) and row["until"] > now)
        if self._timers is None or limits.rate is None or len(counting) < limits.rate:
            return  # what is missing is a slot: whoever gives one back looks at the pool
        when = min(counting[-limits.rate], now + LONGEST_TIMER_MS)
        unset = Either((Absent("timer"), Below("timer", now + 1)))
        with suppress(ConditionFailed):
            fields = {"timer": when, "expires": now // 1000 + _KEPT_SECONDS}
            self._table.write(Write(pool_key(pool), fields, when=(unset,)))
            self._timers.at(workflow, _instance(pool), when - now)


def _which(limits: Limits, payload: Any) -> str:
    """Return which pool of its workflow a run is in, by its payload: the value of the key is not shown."""
    if limits.key is None:
        return "all"
    # A run that is being deleted may have no payload any more; it is not written then.
    return hash_of(text_of((payload or {}).get(limits.key)))


def _instance(pool: str) -> str:
    """Return what stands for a pool where a run's id would."""
    return POOL + pool.partition(POOL)[2]


def _for_run(write: Write, pool: str, instance: str, grant: str) -> Write:
    is_slot = write.key.sort.startswith(TAKEN)
    fields = {"instance": instance, "grant": grant} if is_slot else write.set
    return Write(Key(pool, write.key.sort), fields, when=write.when)
