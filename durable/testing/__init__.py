"""What an author's tests import."""

from durable.testing.bucket import MemoryBucket
from durable.testing.contents import KVContents, QueueContents
from durable.testing.execution import ExecutionOutcome, TaskContext, TaskFailure, execute
from durable.testing.outbox import SentEmail
from durable.testing.routes import Response
from durable.testing.runs import NotReached, Run, RunError, StepRun
from durable.testing.sandbox import Sandbox
from durable.testing.stubs import EventStub, Stub

__all__ = [
    "EventStub",
    "ExecutionOutcome",
    "KVContents",
    "MemoryBucket",
    "NotReached",
    "QueueContents",
    "Response",
    "Run",
    "RunError",
    "Sandbox",
    "SentEmail",
    "StepRun",
    "Stub",
    "TaskContext",
    "TaskFailure",
    "execute",
]
