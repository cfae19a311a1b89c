"""Writing the API of a Worker: routes, parameters, replies and problems."""

from durable.http.api import Api
from durable.http.body import Accepted, Body
from durable.http.endpoint import IdempotencyKey, Parameter, Reply, RunId, accepts
from durable.http.messages import Caller, Request
from durable.http.problems import FieldError, Problem, described
from durable.http.statuses import RunError, Started, Step, WorkflowStatus

__all__ = [
    "Accepted",
    "Api",
    "Body",
    "Caller",
    "FieldError",
    "IdempotencyKey",
    "Parameter",
    "Problem",
    "Reply",
    "Request",
    "RunError",
    "RunId",
    "Started",
    "Step",
    "WorkflowStatus",
    "accepts",
    "described",
]
