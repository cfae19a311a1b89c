"""What clients and operators do to one run on a simulated deployment, and what must have come of it."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any, Literal, get_args
from unittest import mock

from durable.errors import RunClosed, RunConflict, RunNotFound, Throttled
from durable.runs.output import is_by_reference, output_of
from durable.runs.record import load_steps
from durable.runs.transitions import From, Given, Order
from durable.store.keys import StepKey
from durable.store.rows import Header
from durable.store.table import Key
from tests.simulation.aws import CALM, Faults
from tests.simulation.kernel import DAY, HOUR, MINUTE, SECOND, Ended
from tests.simulation.machines import WORKFLOWS
from tests.simulation.promises import hold_children, hold_rows, hold_undo, hold_values
from tests.simulation.trial import SECRET
from tests.simulation.world import STANDARD_LOOK_MS, World

Script = Literal[
    "none",
    "pause",
    "terminate",
    "rollback",
    "restart",
    "restart from",
    "restart after",
    "retry",
    "retry after",
    "delete",
    "again",
    "deploy",
]
SCRIPTS: tuple[Script, ...] = get_args(Script)
ID = "one"
_LIMIT = 29 * DAY
_MOMENTS = (20, 300, 2 * SECOND, 30 * SECOND, 10 * MINUTE, HOUR, 2 * DAY, 2 * DAY + SECOND, 3 * DAY)
_REFUSED = (RunConflict, RunNotFound)
_LATE = ("pause", "restart from", "restart after", "deploy")
"""The scripts by which a run may come to its wait when the time of that is over."""
MOST_EXECUTIONS = 80
MOST_UNHEARD_MS = 40 * MINUTE
"""How long an event may be there before a run that waits for it goes on."""


@dataclass(slots=True)
class Story:
    """One run of a workflow, what is done to it, and when: drawn from the seed.

    Attributes:
        former: the run begins on a deployment that has no segments, which is updated meanwhile.
        dead: the function whose processes crash before they have done anything; the run fails.
    """

    seed: int
    workflow: str = "trial"
    script: Script = "none"
    faults: Faults = CALM
    off: frozenset[str] = frozenset()
    former: bool = False
    dead: str = ""
    world: World = field(init=False)
    sent: int | None = None
    acknowledged: bool = False

    def play(self) -> World:
        """Let everything happen, and hold what came of it against the promises; `trouble` says what was broken.

        The names that runs and executions are given come of the seed too, so that it replays exactly.
        """
        with mock.patch.object(os, "urandom", random.Random(self.seed).randbytes):
            return self._play()

    def _play(self) -> World:
        self.world = world = World(self.seed, self.faults, off=self.off, former=self.former)
        kernel, start = world.kernel, world.kernel.clock.now()
        world.lambdas.dead.add(self.dead)
        world.lambdas.overhear = self._overhear
        self.gives_up = world.others.random() < 0.5
        self._client("create", 0, self._create)
        if self.workflow in ("trial", "racer"):
            self._client("send", kernel.random.choice(_MOMENTS), self._send)
        if self.workflow == "chat":
            self._client("say", 0, self._say)
        if self.workflow == "waiter":
            self._client("send", 0, self._send_at_the_wait)
        self._operate()
        if self.former:
            kernel.after(kernel.random.choice(_MOMENTS), lambda: world.deploy(WORKFLOWS.keys()))
        kernel.run(self._is_finished, start + self._limit())
        if self.workflow == "parent":
            # A call that is under way yet may create a child.
            kernel.run(lambda: bool(world.trouble), kernel.clock.now() + 5 * SECOND)
            kernel.run(self._is_finished, start + self._limit())
        if not world.trouble:
            self._judge()
        return world

    def _overhear(self, text: str) -> None:
        if SECRET in text:
            self.world.trouble.append("what a sensitive step says is heard by an execution")

    def _is_finished(self) -> bool:
        """Whether nothing more is to happen: a promise is broken, or all is over."""
        return bool(self.world.trouble) or self._is_costly() or (self._over() and self.world.idle())

    def _is_costly(self) -> bool:
        return self.world.count["express"] + self.world.count["standard"] > MOST_EXECUTIONS

    def _limit(self) -> int:
        """Return how long is waited for everything to be over: no script acts later than after 20 days."""
        return DAY if self.script == "none" and self.workflow in ("child", "doomed", "loop", "grinder") else _LIMIT

    def _client(self, name: str, after: int, act: Callable[[], Any], refused: tuple[type[Exception], ...] = ()) -> None:
        """Do something as a client does: again while it is throttled, and again where it dies in between."""

        def patiently() -> None:
            for _ in range(40):
                try:
                    act()
                    return
                except Throttled:
                    self.world.kernel.pause(2 * SECOND)
            raise AssertionError(f"{name} is throttled for ever")

        def ended(how: Ended) -> None:
            self.pending -= 1
            if how.killed and name == "send" and self.gives_up:
                return
            if how.killed:
                self._client(name, SECOND, act, refused)
            elif how.error is not None and not isinstance(how.error, refused):
                self.world.unexpected(name, how.error)

        self.pending += 1
        self.world.kernel.spawn(name, patiently, after=after, doom=self.world.lambdas.doom(), on_end=ended)

    pending: int = 0
    asked: bool = False
    """Whether the first step was perhaps given a result by hand."""
    given: bool = False
    """Whether it was."""
    gives_up: bool = False
    """Whether nobody sends an event again whose sender has died."""

    def _over(self) -> bool:
        return self.pending == 0 and self.acknowledged

    def _create(self) -> None:
        self.world.runs.create(self.workflow, 3, id=ID)
        self.acknowledged = True

    def _send(self) -> None:
        try:
            self.world.events.send(self.workflow, ID, "go", 5, "event-1")
            self.sent = self.world.kernel.clock.now()
        except RunNotFound:
            self.world.kernel.pause(SECOND)
            if not self.acknowledged:
                raise Throttled from None  # it is not there yet
        except RunClosed:
            pass

    def _say(self) -> None:
        """Send events one after the other, each when the one before was acknowledged; those again that were before."""
        for number in range(5):
            try:
                self.world.events.send(self.workflow, ID, "said", number, f"said-{number}")
            except RunNotFound:
                self.world.kernel.pause(SECOND)
                if not self.acknowledged:
                    raise Throttled from None  # it is not there yet
                return
            except RunClosed:
                return
            self.world.kernel.pause(self.world.others.choice((0, 20, 300, 2 * SECOND)))
        self.sent = self.world.kernel.clock.now()

    def _send_at_the_wait(self) -> None:
        """Send the event while the run is about to wait for it; a run that was ended before does not come to that."""
        if self._come_to("go"):
            self._send()

    def _come_to(self, step: str) -> bool:
        """Wait until the run is about to wait in a step, and a moment longer; False where it was ended before."""
        kernel = self.world.kernel
        while not any(key.sort.endswith(f"#{step}") for key in self.world.table.rows.all_keys()):
            header = self.world.header(self.workflow, ID)
            if self.acknowledged and (header is None or header.closed):
                return False
            kernel.pause(1)
        kernel.pause(kernel.random.randint(0, 30))
        return True

    def _end_at_the_call(self, order: Order) -> None:
        """Terminate or restart the run while it is about to create a child."""
        if self._come_to("alone"):
            self.world.lifecycle.carry_out(self.workflow, ID, order)

    def _order(self, after: int, order: Order) -> None:
        self._client(
            order.transition,
            after,
            lambda: self.world.lifecycle.carry_out(self.workflow, ID, order),
            _REFUSED,
        )

    def _give(self) -> None:
        """Have the run go on as if its first step had returned 9; a step of a race is left alone."""
        step = "none" if self.workflow in ("racer", "couriers", "vault") else "first"
        self.asked = True
        self.world.lifecycle.carry_out(self.workflow, ID, Order("restart", start=From(step), result=Given(9)))
        self.given = True

    def _use_again(self) -> None:
        """Delete the run, and create another one under its id at once."""
        with suppress(RunNotFound):
            self.world.lifecycle.carry_out(self.workflow, ID, Order("delete"))
        self.world.runs.create(self.workflow, 3, id=ID)

    def _operate(self) -> None:
        random = self.world.kernel.random
        first = random.choice(_MOMENTS)
        later = first + random.choice((20, SECOND, MINUTE, HOUR, 3 * DAY))
        match self.script:
            case "none":
                return
            case "pause":
                self._order(first, Order("pause"))
                self._order(later, Order("resume"))
                self._order(later + 10 * MINUTE, Order("resume"))
                self._order(later + DAY, Order("resume"))
            case "terminate" | "rollback" if self.workflow == "parent" and self.world.others.random() < 0.5:
                order = Order("terminate", rollback=self.script == "rollback")
                self._client("terminate", 0, lambda: self._end_at_the_call(order), _REFUSED)
            case "terminate":
                self._order(first, Order("terminate"))
            case "rollback":
                self._order(first, Order("terminate", rollback=True))
            case "restart" if self.workflow == "parent" and self.world.others.random() < 0.5:
                self._client("restart", 0, lambda: self._end_at_the_call(Order("restart")), _REFUSED)
            case "restart":
                self._order(first, Order("restart"))
            case "restart from":
                self._order(first, Order("pause"))
                self._order(later, Order("restart", start=From(random.choice(("first", "second", "go", "pay")))))
                self._order(later + HOUR, Order("resume"))
                self._order(later + DAY, Order("resume"))
            case "restart after":
                self._order(first, Order("pause"))
                self._client("give", later, self._give, _REFUSED)
                self._order(later + HOUR, Order("resume"))
                self._order(later + DAY, Order("resume"))
            case "retry":
                self._order(20 * DAY, Order("retry"))
            case "retry after":
                self._order(20 * DAY, Order("retry", result=Given(7)))
            case "deploy":
                self._order(first, Order("pause"))
                self.world.kernel.after(later, lambda: self.world.deploy(WORKFLOWS.keys(), version=2))
                self._order(later + SECOND, Order("resume"))  # it may be refused
                for after in (HOUR, DAY):
                    self._order(later + after, Order("resume", latest=True))
            case "delete":
                self._order(first, Order("terminate"))
                self._order(later + DAY, Order("delete"))
            case "again":
                self._order(first, Order("terminate"))
                self._client(
                    "use the id again", first + random.choice((SECOND, MINUTE, DAY)), self._use_again, _REFUSED
                )

    def _judge(self) -> None:
        world = self.world
        if self._is_costly():
            world.trouble.append(f"the run took more than {MOST_EXECUTIONS} executions")
            return
        header = world.header(self.workflow, ID)
        if header is None:
            if self.script != "delete":
                world.trouble.append("the run is gone")
            elif self.workflow in ("lender", "keeper", "vault"):
                hold_values(world)
            return
        if not header.closed:
            where = (header.status, header.parked, header.at and header.at["state"], header.wanted)
            world.trouble.append(f"the run has not ended: {where}")
            return
        self._judge_end(header)
        # A step may be invoked late, and an event may be on its way.
        world.kernel.run(lambda: False, world.kernel.clock.now() + 6 * MINUTE)
        hold_rows(world, header)
        hold_children(world, header)
        sent = self._written_at(header)
        # A run on Standard is looked at again when it was silent for as long once more, and here each twenty minutes.
        most = MOST_UNHEARD_MS * 2 + STANDARD_LOOK_MS if self.former else MOST_UNHEARD_MS
        is_waited_for = self.workflow in ("waiter", "chat") and self.script == "none" and sent is not None
        if is_waited_for and header.updated > (sent or 0) + most:
            world.trouble.append("the event was heard late")

    def _written_at(self, header: Header) -> int | None:
        """Return when the event was written: its sender may have died then, and told nobody."""
        id = "said-4" if self.workflow == "chat" else "event-1"
        row = self.world.table.rows.get(Key(header.partition, f"event#{header.era}#{id}"))
        return None if row is None else int(row["sent"])

    def _judge_end(self, header: Header) -> None:
        """A run ends as the Python says, unless somebody ended it."""
        firsts = (9,) if self.given else (4, 9) if self.asked else (4,)
        ends: dict[str, tuple[Any, ...]] = {
            "trial": tuple(
                {"left": left, "right": 100 + 2 * first, "pages": 30, "last": 3}
                for left in ((15, 10) if self._may_miss() else (15,))
                for first in firsts
            ),
            "child": firsts,
            "waiter": (5, 0) if self._may_miss() else (5,),
            # Some may have gone to the run that had the id before, or have come before the restart: they come later,
            # when all are said again.
            "chat": (
                tuple(map(list, permutations(range(5)))) if self.script in ("again", "restart") else ([0, 1, 2, 3, 4],)
            ),
            "lender": (self._attempts_of(header, "big"),),
            "keeper": (self._attempts_of(header, "big"),),
            "couriers": tuple([a, b, c] for a in (1, 10) for b in (101, 110) for c in (201, 210)),
            "vault": (f"A secret was told. {len(SECRET)}",),
            "hook": (
                (-1 if self.world.refuses else 5),
                *((0,) if self.script in _LATE else ()),
            ),
            "parent": ([4, 3, 8, 0],),
            "loop": (40,),
            "grinder": (40,),
            "trip": (7,) if self.script == "retry after" else (),
            "racer": tuple(
                [won, won + 1, heard]
                for won in (6, 113)
                for heard in ((5, 0) if self._may_miss() or self._went_along(header) else (5,))
            ),
            "breaker": (1,),
            "doomed": (7,) if self.script == "retry after" else (),
        }
        if header.status == "complete" and self._output_of(header) in ends[self.workflow]:
            return
        if header.status == "errored" and self.workflow == "trip" and (header.error or {}).get("name") == "Refused":
            if not header.refused:
                self.world.trouble.append("nobody is told why the run was refused")
            hold_undo(self.world, header)
            return
        if header.status == "errored" and self.workflow == "chat" and self._may_miss():
            return
        crashes = (self.workflow == "doomed" and self.script != "retry after") or self.dead
        if header.status == "errored" and crashes and (header.error or {}).get("name") == "StepError":
            return
        if header.status == "terminated" and self.script in ("terminate", "rollback", "delete", "again"):
            return
        self.world.trouble.append(f"the run ended {header.status} with {header.output} and {header.error}")

    def _output_of(self, header: Header) -> Any:
        """Return what a run returned; of a large text, by which attempt it was made."""
        if self.workflow != "keeper":
            return header.output
        steps = load_steps(self.world.table, header)
        assert is_by_reference(header, steps)
        text, _ = output_of(self.world.values, header, steps)
        return None if text is None else int(text[0])

    def _attempts_of(self, header: Header, step: str) -> int:
        """Return which attempt of a step has brought its outcome."""
        key = StepKey(self.workflow, ID, header.epoch, step, header.incarnation)
        attempts: int = (self.world.table.rows.get(key.row) or {}).get("attempts", 0)
        return attempts

    def _may_miss(self) -> bool:
        """Whether the event may have come too early or too late: before a restart, or after the wait was over."""
        return self.script in ("restart", "again", *_LATE) or self.sent is None

    def _went_along(self, header: Header) -> bool:
        """Whether the wait in the lost race took the event before the race was decided: then it is gone with it."""
        wait = StepKey(self.workflow, ID, header.epoch, "lost", header.incarnation).row
        race = StepKey(self.workflow, ID, header.epoch, "asked | waited", header.incarnation).row
        if (self.world.table.rows.get(wait) or {}).get("outcome") != "result":
            return False
        latest = {key: number for number, key in enumerate(self.world.table.outcomes)}
        return latest[wait] < latest.get(race, 0)
