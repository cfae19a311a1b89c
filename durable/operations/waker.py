"""Looks at runs that execute in segments when something may have happened: a timer, an event, a child's end."""

from __future__ import annotations

from durable.clock import Clock
from durable.operations.lifecycle import Lifecycle
from durable.runs.record import expire_again, load_all_steps, load_header
from durable.runs.runs import Runs
from durable.runs.segments import LEASE_LOOK_MS, Segments, held_until
from durable.steps.children import Children
from durable.steps.events import Events
from durable.steps.parked import CHILD_LOOK_MS
from durable.store.keys import is_child
from durable.store.pools import is_pool
from durable.store.rows import Header
from durable.store.table import Key, Table


class Waker:
    """Wakes the runs that are due. May be asked by anyone, as often as they like."""

    def __init__(
        self,
        table: Table,
        clock: Clock,
        segments: Segments,
        events: Events,
        children: Children,
        lifecycle: Lifecycle,
        runs: Runs,
    ) -> None:
        self._table = table
        self._clock = clock
        self._segments = segments
        self._events = events
        self._children = children
        self._lifecycle = lifecycle
        self._runs = runs

    def look(self, workflow: str, instance: str) -> None:
        """Do what is to be done for a run now, or for a pool of runs: see `durable.store.pools`.

        Raises:
            TableBusy, MachinesBusy: not all is done; the same call goes on with it.
        """
        if is_pool(instance):
            self._runs.admission.reconcile(workflow, f"{workflow}#{instance}")
            return
        header = load_header(self._table, workflow, instance)
        if header is None:
            return
        if header.deleting:
            self._lifecycle.finish_deleting(header)
        elif header.closed or header.status == "rollingBack":
            self._lifecycle.end_children(header)
            if header.closed and is_child(instance):
                self._children.report(workflow, instance)
            expire_again(self._table, header)
            # After all that: should this process die before, the run is due still, and is looked at once more.
            self._segments.heard(header)
        elif header.wanted is not None:
            self._lifecycle.halt(workflow, instance)
        elif header.parked is not None:
            self._look_parked(header)

    def settle(self, header: Header) -> None:
        """Deliver the outcomes that steps of a run wait for, and that nobody has delivered."""
        self._events.settle(header.partition, header.era)
        self._children.settle(header)

    def _look_parked(self, header: Header) -> None:
        if header.parked == "event":
            self._events.settle(header.partition, header.era)
        elif header.parked == "call":
            self._children.settle(header)
        now = self._clock.now()
        assert header.due is not None
        # Its own message is still to come, or the reconciler.
        # Whatever was settled above has woken the run by itself, where it ended the wait.
        if header.due > now:
            return
        is_at_work = header.parked == "lease"
        lease_until = held_until(load_all_steps(self._table, header), now) if is_at_work else None
        if header.parked == "call":
            self._segments.postpone(header, now + CHILD_LOOK_MS)
        elif lease_until is not None:
            self._segments.put_off(header, lease_until + LEASE_LOOK_MS)
        elif header.parked == "event" and (deadline := self._deadline(header)) > now:
            self._segments.put_off(header, deadline)
        else:
            self._segments.wake(header)

    def _deadline(self, header: Header) -> int:
        """Return until when a run waits that is parked for an event; 0 where it waits no more."""
        row = None if header.awaits is None else self._table.get(Key(header.partition, header.awaits))
        return 0 if row is None or "outcome" in row else row.get("deadline", 0)
