"""Durable workflows on AWS, in Python."""

from durable.bindings import Email, KVNamespace, Queue, SendEmail, Worker, Workflow
from durable.context import StepContext
from durable.errors import NonRetryableError, StepError, StepTimeoutError, WorkflowError
from durable.retries import Retries
from durable.workflow import WorkflowEntrypoint, WorkflowEvent, WorkflowStep

__all__ = [
    "Email",
    "KVNamespace",
    "NonRetryableError",
    "Queue",
    "Retries",
    "SendEmail",
    "StepContext",
    "StepError",
    "StepTimeoutError",
    "Worker",
    "Workflow",
    "WorkflowEntrypoint",
    "WorkflowError",
    "WorkflowEvent",
    "WorkflowStep",
]
