"""The Amazon States Language with JSONata, interpreted without I/O.

    turn = start(machine, name=…, input=…, now_ms=…, limit=100)
    turn = advance(turn.execution, event, now_ms, limit=100)

A turn takes one event and returns actions, which the caller performs after it has stored `execution.snapshot()`. With a
`limit`, a turn enters that many states at most. If more are left that need not wait, the actions hold `Continue`: the
caller calls `advance` again with `Continued()`, at once or after other work. Each piece is a turn like any other: its
snapshot is complete, its other actions may be performed before the next piece, and other events may come in between.
`Execution.restore` and `pending_actions` return `Continue` again for an execution that was stored between two pieces.
"""

from durable.asl.errors import DefinitionError, Problem
from durable.asl.execution import Execution, Turn, execution_name
from durable.asl.flow import Flow, TaskWait, TimerWait
from durable.asl.interpreter import advance, start
from durable.asl.machine import Machine
from durable.asl.turn import (
    EXECUTION_TIMER,
    Aborted,
    Action,
    Cancel,
    Continue,
    Continued,
    Event,
    Heartbeat,
    HistoryEvent,
    Invoke,
    Outcome,
    SetTimer,
    Status,
    TaskFailed,
    TaskSubmitted,
    TaskSucceeded,
    TimerFired,
)
from durable.asl.values import json_text

__all__ = [
    "EXECUTION_TIMER",
    "Aborted",
    "Action",
    "Cancel",
    "Continue",
    "Continued",
    "DefinitionError",
    "Event",
    "Execution",
    "Flow",
    "Heartbeat",
    "HistoryEvent",
    "Invoke",
    "Machine",
    "Outcome",
    "Problem",
    "SetTimer",
    "Status",
    "TaskFailed",
    "TaskSubmitted",
    "TaskSucceeded",
    "TaskWait",
    "TimerFired",
    "TimerWait",
    "Turn",
    "advance",
    "execution_name",
    "json_text",
    "start",
]
