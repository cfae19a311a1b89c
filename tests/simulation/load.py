"""Many runs of a workflow with limits on a simulated deployment, and what must have come of them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from durable.bindings.limits import Limits
from durable.errors import RunConflict, RunNotFound, Throttled
from durable.runs.transitions import Order, Transition
from durable.store.pools import TAKEN, WAITING
from durable.store.rows import Header
from durable.store.table import Delete, Key, Row, Write
from tests.simulation.aws import CALM, Faults
from tests.simulation.kernel import HOUR, MINUTE, SECOND, Ended
from tests.simulation.world import World

RUNS: Final = 9
_LIMIT: Final = 6 * HOUR
_ORDERS: Final[tuple[Transition, ...]] = ("pause", "terminate", "restart", "retry")
_CLOCKS_MS: Final = 2 * SECOND
"""How much less than its period may lie between two starts: a start is written a while after it was decided."""


@dataclass(slots=True)
class Load:
    """Runs that share limits, and what is done to some of them: drawn from the seed."""

    seed: int
    limits: Limits
    workflow: str = "child"
    faults: Faults = CALM
    operated: bool = True
    world: World = field(init=False)
    pending: int = 0
    created: int = 0
    begun: list[tuple[int, str]] = field(default_factory=list)
    """When each run was let go, by its pool."""
    most_at_once: int = 0
    """How many runs of all pools have executed at the same time."""

    def play(self) -> World:
        """Let everything happen, and hold what came of it against the promises; `trouble` says what was broken."""
        self.world = world = World(self.seed, self.faults, limits={self.workflow: self.limits})
        kernel, start = world.kernel, world.kernel.clock.now()
        self._watch()
        for number in range(RUNS):
            after = kernel.random.choice((0, 0, 40, 2 * SECOND, 20 * SECOND, MINUTE, 5 * MINUTE))
            self._client(f"create {number}", after, number)
        kernel.run(lambda: bool(world.trouble) or (self.pending == 0 and self._all_closed()), start + _LIMIT)
        kernel.run(lambda: bool(world.trouble) or self._empty(), kernel.clock.now() + HOUR)
        if not world.trouble:
            self._judge()
        return world

    def _client(self, name: str, after: int, number: int, order: Order | None = None) -> None:
        """Do something as a client does: again while it is throttled, and again where it dies in between."""
        world = self.world

        def patiently() -> None:
            for _ in range(60):
                try:
                    if order is None:
                        self._create(number)
                    else:
                        world.lifecycle.carry_out(self.workflow, f"run-{number}", order)
                    return
                except Throttled:
                    world.kernel.pause(2 * SECOND)
                except (RunConflict, RunNotFound):
                    return
            raise AssertionError(f"{name} is throttled for ever")

        def ended(how: Ended) -> None:
            self.pending -= 1
            if how.killed:
                self._client(name, SECOND, number, order)
            elif how.error is not None:
                world.unexpected(name, how.error)
            elif order is None:
                self._operate(number)

        self.pending += 1
        world.kernel.spawn(name, patiently, after=after, doom=world.lambdas.doom(), on_end=ended)

    def _create(self, number: int) -> None:
        payload: Any = {"customer": number % 3} if self.limits.key else number
        self.world.runs.create(self.workflow, payload, id=f"run-{number}", priority=number % 4)

    def _operate(self, number: int) -> None:
        random = self.world.kernel.random
        self.created += 1
        if not self.operated or random.random() < 0.5:
            return
        first = random.choice((20, 2 * SECOND, MINUTE, 5 * MINUTE))
        self._client("order", first, number, Order(random.choice(_ORDERS)))
        for later in (10 * MINUTE, HOUR, 2 * HOUR):
            self._client("order", later, number, Order(random.choice(("resume", "resume", "retry"))))
        self._client("order", 4 * HOUR, number, Order("resume"))

    # The promises

    def _watch(self) -> None:
        """Hold every write against the promises."""
        write = self.world.table.rows.write

        def watched(*changes: Write | Delete) -> tuple[Row | None, ...]:
            before = {each.key: self._header(each.key) for each in changes if each.key.sort == "run"}
            written = write(*changes)
            for key, header in before.items():
                now = self._header(key)
                if now is not None and _executes(now) and not (header and _executes(header)):
                    self.begun.append((self.world.kernel.clock.now(), now.pool or ""))
                    self._check_running(now.pool)
            return written

        self.world.table.rows.write = watched  # type: ignore[method-assign]  # of this table alone

    def _header(self, key: Key) -> Header | None:
        row = self.world.table.rows.get(key)
        return None if row is None else Header.from_row(row)

    def _check_running(self, pool: str | None) -> None:
        executing = [each for each in self._headers() if _executes(each)]
        self.most_at_once = max(self.most_at_once, len(executing))
        running = [each for each in executing if each.pool == pool]
        if self.limits.concurrency is not None and len(running) > self.limits.concurrency:
            self.world.trouble.append(f"{len(running)} runs execute at once: {[each.instance for each in running]}")

    def _headers(self) -> list[Header]:
        return [header for key in self.world.headers if (header := self._header(key))]

    def _all_closed(self) -> bool:
        return self.created == RUNS and all(each.closed and each.status != "paused" for each in self._headers())

    def _left(self) -> Mapping[str, int]:
        keys = self.world.table.rows.all_keys()
        return {kind: sum(each.sort.startswith(kind) for each in keys) for kind in (TAKEN, WAITING)}

    def _empty(self) -> bool:
        return not any(self._left().values())

    def _judge(self) -> None:
        trouble, headers = self.world.trouble, self._headers()
        if len(headers) != RUNS:
            trouble.append(f"{RUNS - len(headers)} runs are lost")
        trouble += [f"{each.instance} is {each.status}, {each.place}" for each in headers if not each.closed]
        if self._left()[WAITING]:
            trouble.append(f"{self._left()[WAITING]} places are left in the queue")
        self._check_rate()

    def _check_rate(self) -> None:
        rate, times = self.limits.rate, sorted(at for at, _ in self.begun)
        for at in times if rate is not None else ():
            count = bisect_left(times, at + self.limits.period_ms - _CLOCKS_MS) - bisect_left(times, at)
            if rate is not None and count > rate:
                self.world.trouble.append(f"{count} runs began within {self.limits.period_ms} ms from {at}")


def _executes(header: Header) -> bool:
    """Return whether a run may do something now; undoing waits for no slot."""
    return not header.closed and header.place is None and header.status != "rollingBack"
