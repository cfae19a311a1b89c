"""Durable workflows on AWS, in Python."""

from durable.bindings import (
    IAM,
    JWT,
    ApiKeys,
    Authorizer,
    AWSService,
    Bucket,
    Compute,
    Concurrency,
    Database,
    Domain,
    Email,
    KVNamespace,
    Network,
    Queue,
    Retention,
    Secret,
    SendEmail,
    Throttle,
    Var,
    Worker,
    Workflow,
)
from durable.callback import Callback
from durable.context import StepContext
from durable.errors import (
    CallbackFailed,
    ChildWorkflowError,
    NonRetryableError,
    PublicError,
    StepError,
    StepTimeoutError,
    WorkflowError,
)
from durable.retries import Retries, RetryAfter
from durable.schedules import Schedule
from durable.workflow import WorkflowEntrypoint, WorkflowEvent, WorkflowStep

__version__ = "0.1.0"

__all__ = [
    "IAM",
    "JWT",
    "AWSService",
    "ApiKeys",
    "Authorizer",
    "Bucket",
    "Callback",
    "CallbackFailed",
    "ChildWorkflowError",
    "Compute",
    "Concurrency",
    "Database",
    "Domain",
    "Email",
    "KVNamespace",
    "Network",
    "NonRetryableError",
    "PublicError",
    "Queue",
    "Retention",
    "Retries",
    "RetryAfter",
    "Schedule",
    "Secret",
    "SendEmail",
    "StepContext",
    "StepError",
    "StepTimeoutError",
    "Throttle",
    "Var",
    "Worker",
    "Workflow",
    "WorkflowEntrypoint",
    "WorkflowError",
    "WorkflowEvent",
    "WorkflowStep",
]
