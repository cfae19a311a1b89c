"""The services of AWS that the record stands on, with what AWS documents that they may do to whoever calls them.

DynamoDB throttles, and loses answers, so that boto3 sends the same write again; its indexes lag. Lambda throttles,
crashes, and may invoke twice. Step Functions throttles StartExecution; an Express execution may run twice, die or never
begin, without a word; Standard sends its status events late, twice or not at all. SQS delivers late, twice, or not.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from durable.asl import (
    Aborted,
    Cancel,
    Continue,
    Event,
    Execution,
    Invoke,
    Machine,
    SetTimer,
    TaskFailed,
    TaskSubmitted,
    TaskSucceeded,
    TimerFired,
    Turn,
    advance,
    start,
)
from durable.asl.turn import Continued
from durable.aws.expiry import SharedExpiry
from durable.store.machines import ExecutionState, MachinesBusy
from durable.store.table import Delete, Key, Page, Row, Table, TableBusy, Write
from durable.testing.table import MemoryTable
from tests.simulation.kernel import MINUTE, SECOND, Ended, Kernel

EXPRESS_MS = 5 * MINUTE
"""How long an Express execution lasts at the most."""


@dataclass(frozen=True, slots=True)
class Faults:
    """How probable each fault is, each time that it may happen."""

    table_busy: float = 0.0
    table_lost: float = 0.0
    crash: float = 0.0
    start_busy: float = 0.0
    start_lost: float = 0.0
    never: float = 0.0
    twice: float = 0.0
    dies: float = 0.0
    lambda_busy: float = 0.0
    invoked_twice: float = 0.0
    event_lost: float = 0.0
    event_twice: float = 0.0
    message_lost: float = 0.0
    message_twice: float = 0.0

    def times(self, factor: float) -> Faults:
        """Return these faults, that many times as probable."""
        return replace(self, **{name: getattr(self, name) * factor for name in self.__slots__})


STORM = Faults(
    table_busy=0.02,
    table_lost=0.02,
    crash=0.04,
    start_busy=0.05,
    start_lost=0.05,
    never=0.03,
    twice=0.05,
    dies=0.05,
    lambda_busy=0.04,
    invoked_twice=0.02,
    event_lost=0.1,
    event_twice=0.1,
    message_lost=0.1,
    message_twice=0.1,
)
CALM = Faults()


class DynamoDB(SharedExpiry):
    """Implements `durable.store.table.Table`: a table in memory that is slow and can fail, with indexes that lag."""

    def __init__(self, kernel: Kernel, faults: Faults, count: Counter[str]) -> None:
        self._kernel, self._faults, self._count = kernel, faults, count
        self.rows = MemoryTable(kernel.clock)
        self.index = MemoryTable(kernel.clock)
        """What the indexes see: the header rows, as they were a moment ago."""
        self.outcomes: list[Key] = []
        """The rows that were given an outcome, in the order of these writes."""

    def get(self, key: Key) -> Row | None:
        self._pause()
        self._count["reads"] += 1
        return self.rows.get(key)

    def query(self, partition: str, prefix: str = "", *, since: str = "", limit: int | None = None) -> tuple[Row, ...]:
        self._pause()
        self._count["reads"] += 1
        return self.rows.query(partition, prefix, since=since, limit=limit)

    def _apply(self, changes: Sequence[Write | Delete]) -> tuple[Row | None, ...]:
        self._pause()
        if self._kernel.current is not None and self._kernel.chance(self._faults.table_busy):
            raise TableBusy("throttled")
        self._count["writes"] += len(changes) * (2 if len(changes) > 1 else 1)
        written = self._write(changes)
        if len(changes) == 1 and self._kernel.current is not None and self._kernel.chance(self._faults.table_lost):
            written = self._write(changes)  # the answer was lost: boto3 sends it again
        self._pause()
        return written

    def _expire(self, key: Key, expires: int | None) -> None:
        self._pause()
        if self._kernel.current is not None and self._kernel.chance(self._faults.table_busy):
            raise TableBusy("throttled")
        if self.rows.get(key) is not None:
            time: Row = {} if expires is None else {"expires": expires}
            self.rows.write(Write(key, time, remove=() if time else ("expires",)))

    def _write(self, changes: Sequence[Write | Delete]) -> tuple[Row | None, ...]:
        written = self.rows.write(*changes)
        self.outcomes += [each.key for each in changes if isinstance(each, Write) and "outcome" in each.set]
        for change in changes:
            if change.key.sort in ("run", "pool"):
                self._kernel.after(self._kernel.random.choice((5, 40, 300, 2_000)), partial(self._index, change.key))
        return written

    def _index(self, key: Key) -> None:
        row = self.rows.get(key)
        if row is None:
            self.index.write(Delete(key))
        else:
            there = self.index.get(key) or {}
            self.index.write(Write(key, row, remove=tuple(there.keys() - row.keys() - {"sort"})))

    def list(self, workflow: str, **options: Any) -> Page:
        self._pause()
        self._count["reads"] += 1
        return self.index.list(workflow, **options)

    def search(self, found: str, **options: Any) -> Page:
        self._pause()
        return self.rows.search(found, **options)

    def due(self, until: int, *, limit: int = 100) -> Sequence[str]:
        self._pause()
        self._count["reads"] += 1
        return self.index.due(until, limit=limit)

    def counts(self, workflow: str, *, most: int) -> Mapping[str, int]:
        return self.index.counts(workflow, most=most)

    def _pause(self) -> None:
        self._kernel.pause(self._kernel.random.randint(1, 6))


Function = Callable[[Any], Any]


class Lambda:
    """Invokes functions by name, each time in a process that may crash.

    Attributes:
        dead: the functions whose processes crash before they have done anything.
        raised: how often invocations ended with an exception, by its name: each is one in the metric `Errors`.
        overhear: is given what an execution sends and hears, all of which its history keeps.
    """

    def __init__(self, kernel: Kernel, faults: Faults, functions: Mapping[str, Function]) -> None:
        self.kernel, self.faults, self.functions = kernel, faults, dict(functions)
        self.dead = set[str]()
        self.raised: Counter[str] = Counter()
        self.overhear: Callable[[str], None] = lambda text: None

    def doom(self) -> int | None:
        """Return at which pause an invocation dies, if it does."""
        return self.kernel.random.randint(1, 12) if self.kernel.chance(self.faults.crash) else None

    def invoke(self, name: str, payload: Any, heard: Callable[[Ended], None]) -> None:
        """Call a function with a copy of a payload; `heard` is told how it ended, unless that is lost."""
        kernel, function = self.kernel, self.functions[name]
        sent = json.dumps(payload)
        self.overhear(sent)

        def ended(how: Ended, *, is_answer: bool) -> None:
            self.overhear(json.dumps(how.result) if how.error is None else str(how.error))
            if how.error is not None:
                self.raised[type(how.error).__name__] += 1
            if is_answer:
                heard(how)

        for again in (False, True):
            if again and not kernel.chance(self.faults.invoked_twice):
                return
            kernel.spawn(
                f"lambda {name}",
                lambda: function(json.loads(sent)),
                after=kernel.random.choice((5, 15, 600)) + (kernel.random.choice((0, 40, 2_000)) if again else 0),
                doom=1 if name in self.dead else self.doom(),
                on_end=partial(ended, is_answer=not again),
            )


class StepFunctions:
    """Implements `durable.store.machines.Machines`.

    Args:
        machines: by name; those in `express` are of that type.
        status_changed: is told of the end of Standard executions, as EventBridge would: (machine, name, state).
    """

    def __init__(
        self,
        kernel: Kernel,
        faults: Faults,
        lambdas: Lambda,
        machines: Mapping[str, Machine],
        express: frozenset[str],
        status_changed: Callable[[str, str, ExecutionState], Any],
        count: Counter[str],
    ) -> None:
        self.kernel, self.faults, self.lambdas, self.count = kernel, faults, lambdas, count
        self.machines, self.express, self.status_changed = machines, express, status_changed
        self.executions: dict[tuple[str, str], Running] = {}
        self.tokens: dict[str, Running] = {}

    def start(self, workflow: str, name: str, input: Mapping[str, Any], *, version: str | None = None) -> None:
        self.kernel.pause(self.kernel.random.randint(3, 20))
        if self.kernel.current is not None and self.kernel.chance(self.faults.start_busy):
            raise MachinesBusy
        given = json.dumps(input)
        self.lambdas.overhear(given)
        for _ in range(2 if self.kernel.chance(self.faults.start_lost) else 1):
            self._accept(workflow, name, given)
        self.kernel.pause(self.kernel.random.randint(1, 5))

    def _accept(self, machine: str, name: str, given: str) -> None:
        if machine not in self.express:
            if (machine, name) not in self.executions:
                self.count["standard"] += 1
                self.executions[machine, name] = Running(self, machine, name, json.loads(given))
            return
        if self.kernel.chance(self.faults.never):
            return
        for _ in range(2 if self.kernel.chance(self.faults.twice) else 1):
            self.count["express"] += 1
            delay = self.kernel.random.choice((5, 20, 300, 5_000))
            self.kernel.after(delay, lambda: self._begin(machine, name, given))

    def _begin(self, machine: str, name: str, given: str) -> None:
        Running(self, machine, name, json.loads(given))

    def stop(self, workflow: str, name: str) -> None:
        self.kernel.pause(5)
        running = self.executions.get((workflow, name))
        if running is not None:
            running.hear(Aborted())

    def describe(self, workflow: str, name: str) -> ExecutionState | None:
        self.kernel.pause(5)
        running = self.executions.get((workflow, name))
        return None if running is None else running.state()

    def sleeps(self, workflow: str, name: str) -> tuple[()]:
        return ()

    def succeed(self, token: str, output: Any) -> bool:
        return self._answer(token, TaskSucceeded(token, output))

    def fail(self, token: str, error: str, cause: str) -> bool:
        return self._answer(token, TaskFailed(token, error, cause))

    def _answer(self, token: str, event: TaskSucceeded | TaskFailed) -> bool:
        self.kernel.pause(4)
        self.lambdas.overhear(str(event))
        running = self.tokens.get(token)
        if running is None or running.execution.closed is not None:
            return False
        del self.tokens[token]
        running.hear(event)
        return True


class Running:
    """An execution, interpreted."""

    def __init__(self, service: StepFunctions, machine: str, name: str, given: Any) -> None:
        self.service, self.kernel, self.machine, self.name = service, service.kernel, machine, name
        self.silent = machine in service.express
        self.dead = False
        self.timers: dict[str, int] = {}
        if self.silent:
            self.kernel.after(EXPRESS_MS, self.die)
            if self.kernel.chance(service.faults.dies):
                self.kernel.after(self.kernel.random.choice((10, 50, 200, 2_000, 20_000)), self.die)
        turn = start(
            service.machines[machine],
            name=name,
            input=given,
            now_ms=self.kernel.clock.now(),
            random=self.kernel.random,
        )
        self.execution: Execution = turn.execution
        self._perform(turn)

    def die(self) -> None:
        self.dead = True

    def state(self) -> ExecutionState:
        closed = self.execution.closed
        if closed is None:
            return ExecutionState("RUNNING")
        return ExecutionState(closed.status.value, closed.output, closed.error, closed.cause)

    def hear(self, event: Event) -> None:
        if not self.dead and self.execution.closed is None:
            self._perform(advance(self.execution, event, self.kernel.clock.now()))

    def _perform(self, turn: Turn) -> None:
        for action in turn.actions:
            match action:
                case Invoke():
                    self._invoke(action)
                case SetTimer(token, at_ms):
                    self.timers[token] = at_ms
                    self.kernel.after(at_ms - self.kernel.clock.now(), partial(self._fired, action))
                case Cancel(token):
                    self.timers.pop(token, None)
                case Continue():
                    self.kernel.after(0, lambda: self.hear(Continued()))
        if self.execution.closed is not None and not self.silent:
            self._say()

    def _fired(self, timer: SetTimer) -> None:
        if self.timers.get(timer.token) == timer.at_ms:
            self.hear(TimerFired(timer.token))

    def _say(self) -> None:
        faults, kernel = self.service.faults, self.kernel
        if kernel.chance(faults.event_lost):
            return
        for _ in range(2 if kernel.chance(faults.event_twice) else 1):
            kernel.spawn(
                "status event",
                lambda: self.service.status_changed(self.machine, self.name, self.state()),
                after=kernel.random.choice((100, SECOND, 90 * SECOND)),
                doom=self.service.lambdas.doom(),
            )

    def _invoke(self, call: Invoke) -> None:
        if self.kernel.chance(self.service.faults.lambda_busy):
            self.kernel.after(50, lambda: self.hear(TaskFailed(call.token, "Lambda.TooManyRequestsException", "{}")))
            return
        if call.task_token is not None:
            self.service.tokens[call.task_token] = self
        arguments = call.arguments
        self.service.lambdas.invoke(
            arguments["FunctionName"], arguments["Payload"], lambda ended: self._ended(call, ended)
        )

    def _ended(self, call: Invoke, ended: Ended) -> None:
        after = self.kernel.random.choice((20, 1_500)) if ended.killed else 1
        self.kernel.after(after, lambda: self.hear(_reported(call, ended)))


def _reported(call: Invoke, ended: Ended) -> Event:
    """Return what Lambda reports of an invocation."""
    if ended.killed:
        return TaskFailed(call.token, "Lambda.Unknown", "{}")
    if ended.error is not None:
        name = type(ended.error).__name__
        cause = {"errorMessage": str(ended.error), "errorType": name, "stackTrace": []}
        return TaskFailed(call.token, name, json.dumps(cause))
    if call.task_token is not None:
        return TaskSubmitted(call.token, ended.result)
    return TaskSucceeded(call.token, ended.result)


def _table(table: DynamoDB) -> Table:
    """DynamoDB is a Table: checked by mypy."""
    return table
