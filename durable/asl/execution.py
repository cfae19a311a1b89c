"""The live state of one execution, and its form in JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random, SystemRandom
from typing import Any, Final

from durable.asl.flow import Flow, ForkWait, TaskWait, TimerWait, restore_flow
from durable.asl.functions import BoundValues
from durable.asl.machine import Machine
from durable.asl.turn import EXECUTION_TIMER, Action, Continue, HistoryEvent, Invoke, Outcome, SetTimer, Status
from durable.asl.values import instant

_ARN: Final = "arn:aws:states:us-east-1:000000000000"
_MACHINE: Final = "StateMachine"
ROLE_ARN: Final = "arn:aws:iam::000000000000:role/local"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartContext:
    """What does not change in an execution: what StartExecution was called with, as the context object shows it."""

    name: str
    input: Any
    started_ms: int

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "input": self.input, "started": self.started_ms}

    @classmethod
    def from_json(cls, members: Mapping[str, Any]) -> StartContext:
        """Read what to_json gave."""
        return cls(name=members["name"], input=members["input"], started_ms=members["started"])

    def section(self) -> dict[str, Any]:
        """Return $states.context.Execution."""
        return {
            "Id": f"{_ARN}:execution:{_MACHINE}:{self.name}",
            "Input": self.input,
            "Name": self.name,
            "RoleArn": ROLE_ARN,
            "StartTime": instant(self.started_ms),
            "RedriveCount": 0,
        }

    def machine_section(self) -> dict[str, Any]:
        """Return $states.context.StateMachine."""
        return {"Id": f"{_ARN}:stateMachine:{_MACHINE}", "Name": _MACHINE}


@dataclass(slots=True, eq=False, repr=False)
class Execution:
    """One execution. Belongs to one thread at a time; `start` and `advance` change it.

    `events` counts history events, `tokens` the tokens given out; `waiting` finds the thread of control by token.
    `ready` holds the threads of control that are about to enter a state; the last goes first. It is empty between
    turns, unless a turn reached its limit: `continues` then says that Continue was asked for.
    """

    machine: Machine
    start: StartContext
    random: Random
    collects_history: bool = False
    events: int = 0
    tokens: int = 0
    root: Flow | None = None
    closed: Outcome | None = None
    waiting: dict[str, Flow] = field(default_factory=dict)
    ready: list[Flow] = field(default_factory=list)
    continues: bool = False
    sections: dict[str, Any] = field(default_factory=dict)
    bound: BoundValues = field(default_factory=BoundValues)

    def __post_init__(self) -> None:
        self.sections = {"Execution": self.start.section(), "StateMachine": self.start.machine_section()}

    @property
    def timeout_at_ms(self) -> int | None:
        """When the machine's TimeoutSeconds end the execution."""
        seconds = self.machine.timeout_seconds
        return None if seconds is None else self.start.started_ms + seconds * 1000

    def new_token(self) -> str:
        """Return a token that is new within the execution."""
        # The count is in the snapshot: after a restart no token is given out a second time.
        self.tokens += 1
        return str(self.tokens)

    def new_task_token(self) -> str:
        """Return a task token: new anywhere, not to be guessed, and leading back to the execution by its name.

        Whoever has the token ends the task. So `random` has to be a SystemRandom wherever tokens leave the process: the
        next numbers of a Mersenne Twister follow from those in some two hundred tokens.
        """
        # 96 bits: nobody finds one by trying. The name leads to the execution (`execution_name`), and may hold colons.
        return f"{self.start.name}:{self.new_token()}:{self.random.getrandbits(96):024x}"

    def snapshot(self) -> dict[str, Any]:
        """Return the state as JSON values, to be written before the turn's actions are performed.

        Values are shared with the execution: serialise them before the next event.
        """
        saved: dict[str, Any] = {"events": self.events, "tokens": self.tokens, "start": self.start.to_json()}
        if self.root is not None:
            saved["flow"] = self.root.to_json()
        # By paths: after a restart the threads of control are other objects.
        if self.ready:
            saved["ready"] = [flow.path() for flow in self.ready if flow.alive]
        if self.closed is not None:
            saved["closed"] = _outcome_to_json(self.closed)
        return saved

    @classmethod
    def restore(
        cls,
        machine: Machine,
        snapshot: Mapping[str, Any],
        *,
        random: Random | None = None,
        collects_history: bool = False,
    ) -> tuple[Execution, list[Action]]:
        """Rebuild an execution from its snapshot, and the actions to perform again: calls and timers not over yet."""
        execution = cls(
            machine=machine,
            start=StartContext.from_json(snapshot["start"]),
            random=random or SystemRandom(),
            collects_history=collects_history,
            events=snapshot["events"],
            tokens=snapshot["tokens"],
        )
        if "closed" in snapshot:
            execution.closed = _outcome_from_json(snapshot["closed"])
        if "flow" in snapshot:
            execution.root = restore_flow(execution, snapshot["flow"], machine.program, execution.start.input)
            execution.ready = [execution.root.inner(path) for path in snapshot.get("ready", ())]
            execution.continues = bool(execution.ready)
        return execution, execution.pending_actions()

    def pending_actions(self) -> list[Action]:
        """Return the calls and timers that the execution waits for, and Continue if it need not wait."""
        if self.closed is not None:
            return []
        actions: list[Action] = []
        if self.timeout_at_ms is not None:
            actions.append(SetTimer(EXECUTION_TIMER, self.timeout_at_ms))
        # A call that was under way when the process ended is asked for again: whoever performs it has to expect that.
        for flow in _flows(self.root):
            actions.extend(_pending(flow))
        if self.ready:
            actions.append(Continue())
        return actions


@dataclass(slots=True)
class Turn:
    """What one step of the interpreter decided: actions in order, the outcome if it closed, events if collected.

    A token is spent by the TaskSucceeded or TaskFailed that ends it, and with it its timer: no Cancel follows.
    Everything else that ends a token (a timeout, a sibling's failure, an abort) gives a Cancel.

    `repeatable` says that the same event would bring the execution from where it was to where it is once more: no
    expression told the time, drew at random or read when a state was entered.
    """

    execution: Execution
    actions: list[Action] = field(default_factory=list)
    closed: Outcome | None = None
    history: list[HistoryEvent] = field(default_factory=list)
    repeatable: bool = True


def execution_name(task_token: str) -> str:
    """Return the name of the execution that gave a task token out."""
    return task_token.rsplit(":", 2)[0]


def _flows(flow: Flow | None) -> Iterator[Flow]:
    if flow is not None:
        yield flow
        if isinstance(flow.wait, ForkWait):
            for position in sorted(flow.wait.flows):
                yield from _flows(flow.wait.flows[position])


def _pending(flow: Flow) -> Iterator[Action]:
    wait = flow.wait
    if isinstance(wait, TimerWait):
        yield SetTimer(wait.token, wait.at_ms)
    elif isinstance(wait, TaskWait):
        # The service has accepted the request: to make it again would do the work twice.
        if not wait.submitted:
            yield invoke_action(flow, wait)
        at_ms = wait.next_timer_ms()
        if at_ms is not None:
            yield SetTimer(wait.token, at_ms)


def invoke_action(flow: Flow, wait: TaskWait) -> Invoke:
    """Return the call that a task waits for."""
    state = flow.task()
    return Invoke(
        wait.token,
        state.resource.arn,
        wait.arguments,
        wait.timeout_seconds,
        wait.heartbeat_seconds,
        wait.token if state.resource.waits_for_token else None,
        state.name,
    )


def _outcome_to_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "status": str(outcome.status),
        "output": outcome.output,
        "error": outcome.error,
        "cause": outcome.cause,
    }


def _outcome_from_json(saved: Mapping[str, Any]) -> Outcome:
    return Outcome(Status(saved["status"]), saved["output"], saved["error"], saved["cause"])
