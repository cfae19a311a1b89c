"""The Amazon States Language with JSONata, interpreted without I/O."""

from durable.local.asl.errors import DefinitionError, Problem
from durable.local.asl.execution import Execution, StartContext, Turn, execution_name
from durable.local.asl.interpreter import advance, start
from durable.local.asl.machine import Machine
from durable.local.asl.turn import (
    EXECUTION_TIMER,
    Aborted,
    Action,
    Cancel,
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

__all__ = [
    "EXECUTION_TIMER",
    "Aborted",
    "Action",
    "Cancel",
    "DefinitionError",
    "Event",
    "Execution",
    "Heartbeat",
    "HistoryEvent",
    "Invoke",
    "Machine",
    "Outcome",
    "Problem",
    "SetTimer",
    "StartContext",
    "Status",
    "TaskFailed",
    "TaskSubmitted",
    "TaskSucceeded",
    "TimerFired",
    "Turn",
    "advance",
    "execution_name",
    "start",
]
