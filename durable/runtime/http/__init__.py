"""What an API is written with."""

from durable.runtime.http.api import Api
from durable.runtime.http.body import Accepted, Body
from durable.runtime.http.endpoint import IdempotencyKey, InstanceId, Parameter, Reply, accepts
from durable.runtime.http.problems import FieldError, Problem, described
from durable.runtime.http.statuses import RunError, Started, Step, WorkflowStatus

__all__ = [
    "Accepted",
    "Api",
    "Body",
    "FieldError",
    "IdempotencyKey",
    "InstanceId",
    "Parameter",
    "Problem",
    "Reply",
    "RunError",
    "Started",
    "Step",
    "WorkflowStatus",
    "accepts",
    "described",
]
