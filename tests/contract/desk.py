"""A record with all that operates it, on machines that run nothing: a test says how an execution ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from durable.errors import Throttled
from durable.operations.lifecycle import Lifecycle
from durable.operations.reconciler import Reconciler
from durable.runs.runs import Runs
from durable.runs.transitions import From, Order
from durable.steps.callbacks import Callbacks
from durable.steps.children import Children
from durable.store.failure import Failure
from durable.store.keys import StepKey, header_key
from durable.store.leases import Leases
from durable.store.machines import ExecutionState, MachinesBusy, Sleep
from durable.store.record import StepRecord, halts
from durable.store.table import Row, Table
from tests.contract.worlds import World
from tests.unit.record.conftest import FakeTokens

DONE = ExecutionState("SUCCEEDED", output=1)
STOPPED = ExecutionState("FAILED", error="Stopped", cause="{}")
FAILED = ExecutionState("FAILED", error="Odd", cause='{"errorMessage": "first: It is odd.", "stackTrace": []}')
MINUTE = 60_000

ORDERS: Final = {
    "pause": Order("pause"),
    "resume": Order("resume"),
    "terminate": Order("terminate"),
    "terminate with rollback": Order("terminate", rollback=True),
    "restart": Order("restart"),
    "restart from a step": Order("restart", start=From("first")),
    "retry": Order("retry"),
    "delete": Order("delete"),
}


def fail(workflow: str, instance: str, error: Exception) -> None:
    """What a reconciler does with a run that it cannot look at: no test expects one."""
    raise error


class Machines:
    """Machines whose executions run until they are stopped, or the desk says how they ended."""

    def __init__(self) -> None:
        self.states: dict[str, ExecutionState] = {}
        self.busy = False
        self.before_stop: Callable[[], Any] = lambda: None

    def start(self, workflow: str, name: str, input: Mapping[str, Any], *, version: str | None = None) -> None:
        if self.busy:
            raise MachinesBusy
        self.states.setdefault(name, ExecutionState("RUNNING"))

    def stop(self, workflow: str, name: str) -> None:
        self.before_stop()
        if self.states.get(name) == ExecutionState("RUNNING"):
            self.states[name] = ExecutionState("ABORTED")

    def describe(self, workflow: str, name: str) -> ExecutionState | None:
        return self.states.get(name)

    def sleeps(self, workflow: str, name: str) -> Sequence[Sleep]:
        return ()


class Desk:
    """A record with what operates it, and machines that run nothing."""

    def __init__(self, world: World) -> None:
        self.clock = world.clock
        self.table: Table = world.table()
        self.machines = Machines()
        self.definitions = {"shop": "d1"}
        self.runs = Runs(self.table, self.machines, self.clock, definitions=self.definitions)
        children = Children(self.table, Callbacks(self.table, FakeTokens(), self.clock))
        self.lifecycle = Lifecycle(self.table, self.machines, self.clock, self.runs, children, Leases(self.clock))
        self.reconciler = Reconciler(self.table, self.machines, self.clock, self.runs, lambda header: 0, fail)
        self.steps = StepRecord(self.table, self.clock)

    @property
    def header(self) -> Row:
        row = self.table.get(header_key("shop", "one"))
        assert row is not None
        return row

    @property
    def status(self) -> str:
        row = self.table.get(header_key("shop", "one"))
        return "gone" if row is None else str(row["status"])

    def later(self, milliseconds: int) -> None:
        self.clock.advance_to(self.clock.now() + milliseconds)

    def tell(self, verb: str, **options: Any) -> None:
        order = Order(verb, **options) if options else ORDERS[verb]  # type: ignore[arg-type]  # a name of a transition
        self.lifecycle.carry_out("shop", "one", order)

    def ends(self, state: ExecutionState) -> None:
        execution = self.header["execution"]
        self.machines.states[execution] = state
        self.runs.close("shop", execution, state)

    def key(self, step: str) -> StepKey:
        return StepKey("shop", "one", self.header["epoch"], step, self.header["incarnation"])

    def begin(self, step: str = "first", **kept: Any) -> Any:
        return self.steps.begin(
            self.key(step), step, owner="x", limit=9, input_hash="h", kept=kept, generation=self.generation
        )

    def succeed(self, step: str = "first") -> Any:
        at, generation = self.clock.now(), self.generation
        return self.steps.succeed(self.key(step), owner="x", result=1, at=at, generation=generation)

    def fail(self, step: str = "first", *, handled: bool = False) -> Any:
        failure = Failure("Odd", "It is odd.")
        more: Any = {"at": self.clock.now(), "handled": handled, "generation": self.generation}
        return self.steps.fail(self.key(step), owner="x", failure=failure, final=True, **more)

    @property
    def generation(self) -> int:
        """The generation of the current execution."""
        return int(self.header.get("generation", 0))

    def flagged(self) -> bool:
        """Return whether a step of the current execution is kept from beginning."""
        return halts(self.table.get(self.key("any").flag), self.generation)

    def make(self, status: str) -> None:
        """Bring a run to a status, as it comes to it."""
        self.machines.busy = status == "queued"
        try:
            self.runs.create("shop", {"n": 1}, id="one")
        except Throttled:
            self.machines.busy = False
            return
        if status == "running":
            return
        if status == "waiting":
            self.later(2 * MINUTE)
            self.reconciler.reconcile(["shop"])
            return
        undo: dict[str, Any] = {"undo": {"function": "f"}}
        self.begin("first", **(undo if status == "rollingBack" else {}))
        if status == "waitingForPause":
            self.tell("pause")
            return
        self.succeed()
        if status in ("paused", "terminated"):
            self.tell("pause" if status == "paused" else "terminate")
        else:
            self.ends(DONE if status == "complete" else FAILED)
