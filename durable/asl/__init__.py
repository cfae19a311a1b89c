"""The Amazon States Language with JSONata, interpreted without I/O."""

from durable.asl.errors import DefinitionError, Problem
from durable.asl.execution import Execution, StartContext, Turn, execution_name
from durable.asl.interpreter import advance, start
from durable.asl.machine import Machine
from durable.asl.turn import (
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
