"""The life of a task: the call, its deadlines, its end."""

from __future__ import annotations

from typing import Any

from durable.asl import history
from durable.asl.bookkeeping import Bookkeeping
from durable.asl.decisions import RunTask
from durable.asl.errors import DATA_LIMIT_EXCEEDED, HEARTBEAT_TIMEOUT, RUNTIME, TIMEOUT, StateError
from durable.asl.flow import Flow, TaskWait
from durable.asl.states.base import State
from durable.asl.states.task import Resource, Task
from durable.asl.turn import Cancel, SetTimer
from durable.asl.values import exceeds_limit, exceeds_limit_as_text, json_text


def prepare(run: Bookkeeping, flow: Flow, state: State) -> None:
    """Give a task that waits for its token one, before its Arguments are evaluated."""
    if isinstance(state, Task) and state.resource.waits_for_token:
        flow.task_token = run.execution.new_task_token()


def begin(run: Bookkeeping, flow: Flow, call: RunTask) -> None:
    """Ask for the call; raises StateError if its arguments are too large."""
    resource = flow.task().resource
    events = history.task_events(resource)
    # What goes through unchanged was measured when it came.
    if call.arguments is not flow.input and exceeds_limit(call.arguments):
        raise _too_large(flow.task().name)
    run.record(events.scheduled, lambda: history.task_scheduled(resource, *call))
    run.record(events.started, lambda: history.of_resource(resource))
    token = flow.task_token if flow.task_token is not None else run.execution.new_token()
    run.wait(flow, TaskWait(token, *call, _after(run, call.timeout_seconds), _after(run, call.heartbeat_seconds)))


def submitted(run: Bookkeeping, flow: Flow, wait: TaskWait, output: Any) -> None:
    """Record that the service accepted the request; the task ends later."""
    resource = flow.task().resource
    if not wait.submitted and resource.reports_submission:
        wait.submitted = True
        details = history.of_resource(resource)
        run.record(
            "TaskSubmitted", lambda: {**details, **history.with_text("output", _response(resource, wait, output))}
        )


def heartbeat(run: Bookkeeping, wait: TaskWait) -> None:
    """Put the next heartbeat's deadline off."""
    if wait.heartbeat_seconds is not None:
        wait.heartbeat_at_ms = _after(run, wait.heartbeat_seconds)
        # There is one timer for each token, set for the earlier of both deadlines.
        run.actions.append(SetTimer(wait.token, wait.next_timer_ms() or run.now_ms))


def succeeded(run: Bookkeeping, flow: Flow, output: Any, *, fits: bool = False) -> Any:
    """End the wait; return the state's result. Raises StateError if it is too large."""
    wait, resource = flow.wait, flow.task().resource
    assert isinstance(wait, TaskWait)
    run.resume(flow)
    result = _response(resource, wait, output) if resource.invokes_lambda else output
    problem = None if fits else _problem(resource, output)
    if problem is not None:
        failed(run, flow, problem)
    run.record(
        history.task_events(resource).succeeded,
        lambda: {**history.of_resource(resource), **history.with_text("output", result)},
    )
    return result


def _problem(resource: Resource, output: Any) -> StateError | None:
    name = resource.service or resource.arn
    try:
        return _too_large(name) if exceeds_limit_as_text(json_text(output)) else None
    except (TypeError, ValueError) as error:
        return StateError(RUNTIME, f"The state/task '{name}' returned a result that is not JSON: {error}")


def failed(run: Bookkeeping, flow: Flow, error: StateError) -> None:
    """End the wait and raise the error."""
    resource = flow.task().resource
    run.resume(flow)
    run.record(
        history.task_events(resource).failed,
        lambda: {**history.of_resource(resource), **history.failure(error.error, error.cause)},
    )
    raise error


def timed_out(run: Bookkeeping, flow: Flow, wait: TaskWait) -> bool:
    """Raise StateError if a deadline is over; else set the timer again, and return False."""
    error = _missed(wait, run.now_ms)
    if error is None:
        at_ms = wait.next_timer_ms()
        if at_ms is not None:
            # It was under way when a heartbeat came, or the clock was set back.
            run.actions.append(SetTimer(wait.token, at_ms))
        return False
    resource = flow.task().resource
    run.resume(flow)
    run.actions.append(Cancel(wait.token))
    run.record(
        history.task_events(resource).timed_out,
        lambda: {**history.of_resource(resource), **history.failure(error.error, None)},
    )
    raise error


def _missed(wait: TaskWait, now_ms: int) -> StateError | None:
    """Return the failure if a deadline is over.

    A missed heartbeat is reported as States.Timeout too (recorded on AWS); Retry and Catch also find it by the name
    States.HeartbeatTimeout. Source: AWS Step Functions Developer Guide, "Handling errors", States.HeartbeatTimeout.
    """
    if wait.timeout_at_ms is not None and wait.timeout_at_ms <= now_ms:
        return StateError(TIMEOUT, None)
    if wait.heartbeat_at_ms is not None and wait.heartbeat_at_ms <= now_ms:
        return StateError(TIMEOUT, None, alias=HEARTBEAT_TIMEOUT)
    return None


def _after(run: Bookkeeping, seconds: float | None) -> int | None:
    return None if seconds is None else run.now_ms + round(seconds * 1000)


def _too_large(name: str) -> StateError:
    return StateError(
        DATA_LIMIT_EXCEEDED,
        f"The state/task '{name}' returned a result with a size exceeding the maximum number of bytes service limit.",
    )


def _response(resource: Resource, wait: TaskWait, output: Any) -> Any:
    """Return what lambda:invoke responds with: the function's result is its Payload."""
    if resource.service != "lambda":
        return output
    version, token = _version(wait.arguments), wait.token
    # Written out: it is made for every step.
    return {
        "ExecutedVersion": version,
        "Payload": output,
        "SdkHttpMetadata": {
            "AllHttpHeaders": {
                "Content-Type": ["application/json"],
                "X-Amz-Executed-Version": [version],
                "x-amzn-RequestId": [token],
            },
            "HttpHeaders": {
                "Content-Type": "application/json",
                "X-Amz-Executed-Version": version,
                "x-amzn-RequestId": token,
            },
            "HttpStatusCode": 200,
        },
        "SdkResponseMetadata": {"RequestId": token},
        "StatusCode": 200,
    }


def _version(arguments: Any) -> str:
    """Return the version that ran, as far as the reference to the function says."""
    if not isinstance(arguments, dict):
        return "$LATEST"
    qualifier = str(arguments.get("Qualifier") or str(arguments.get("FunctionName", "")).rpartition(":")[2])
    return qualifier if qualifier.isdigit() else "$LATEST"
