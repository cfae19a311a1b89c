"""The bindings: what a workflow's steps and a worker may be granted."""

from durable.bindings.auth import IAM, JWT, ApiKeys, Authorizer
from durable.bindings.base import Binding, Bindings
from durable.bindings.bucket import Bucket
from durable.bindings.compute import Compute, Network
from durable.bindings.database import Database
from durable.bindings.domain import Domain
from durable.bindings.email import Email, SendEmail
from durable.bindings.kv import KeyPage, KVNamespace, Versioned
from durable.bindings.limits import Concurrency
from durable.bindings.queue import Queue
from durable.bindings.retention import Retention
from durable.bindings.secret import Secret
from durable.bindings.service import AWSService
from durable.bindings.throttle import Throttle
from durable.bindings.var import Var
from durable.bindings.worker import Worker
from durable.bindings.workflow import (
    BatchResult,
    Created,
    RunEvent,
    RunHistory,
    RunPage,
    RunStatus,
    RunSummary,
    Sent,
    Start,
    StepStatus,
    Workflow,
)

__all__ = [
    "IAM",
    "JWT",
    "AWSService",
    "ApiKeys",
    "Authorizer",
    "BatchResult",
    "Binding",
    "Bindings",
    "Bucket",
    "Compute",
    "Concurrency",
    "Created",
    "Database",
    "Domain",
    "Email",
    "KVNamespace",
    "KeyPage",
    "Network",
    "Queue",
    "Retention",
    "RunEvent",
    "RunHistory",
    "RunPage",
    "RunStatus",
    "RunSummary",
    "Secret",
    "SendEmail",
    "Sent",
    "Start",
    "StepStatus",
    "Throttle",
    "Var",
    "Versioned",
    "Worker",
    "Workflow",
]
