"""Transitions of one workflow's runs, made by a Lambda that may: a worker, a step or a consumer asks it.

A transition reaches further than the run: its executions, the runs that it called, the run that waits for it. Who asks
for one is allowed to invoke the operator of that workflow, and nothing of all this.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any, Final

from durable.aws.session import code_of
from durable.clients.workflow import Transitions
from durable.errors import DurableError, InvalidInput, RunConflict, RunNotFound, Throttled, public_message
from durable.runs.transitions import From, Given, Order

_REFUSALS: Final = {each.__name__: each for each in (RunNotFound, RunConflict, InvalidInput, Throttled)}
_BUSY: Final = frozenset({"TooManyRequestsException", "ThrottlingException", "EC2ThrottledException"})
_SECONDS: Final = 30
"""Longer than the operator may take."""


class Operator:
    """Carries out transitions of the runs of one workflow, for what `RemoteTransitions` sends."""

    def __init__(self, workflow: str, transitions: Transitions) -> None:
        self._workflow = workflow
        self._transitions = transitions

    def __call__(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return {} when it was done, or why it was refused: {"refused": {"name", "message"}}."""
        start = event.get("start")
        # A caller of a former deployment sends no result.
        given = event.get("result")
        order = Order(
            event["transition"], event["rollback"], start and From(**start), event["latest"], given and Given(**given)
        )
        try:
            self._transitions.carry_out(self._workflow, event["instance"], order)
        except (RunNotFound, RunConflict, InvalidInput, Throttled) as refused:
            return {"refused": {"name": type(refused).__name__, "message": str(refused)}}
        return {}


class RemoteTransitions:
    """Asks the operator of a workflow.

    Args:
        function: the operator's name; None where the Lambda was granted no transition.
    """

    def __init__(self, function: str | None) -> None:
        self._function = function

    def carry_out(self, workflow: str, instance: str, order: Order) -> None:
        """Do what is wanted, or have it done when the execution has stopped.

        Raises:
            RunNotFound, RunConflict, InvalidInput, Throttled: as Lifecycle does.
        """
        if self._function is None:
            raise DurableError(
                f"this Lambda was granted no {order.transition} of {workflow!r}: its code names none on the parameter;"
                f" write parameter.{order.transition}(…) in the function that the binding is injected into"
            )
        start = None if order.start is None else {"name": order.start.name, "count": order.start.count}
        given = None if order.result is None else {"value": order.result.value}
        asked = {"instance": instance, "transition": order.transition, "rollback": order.rollback, "result": given}
        answer = self._invoked(self._function, asked | {"start": start, "latest": order.latest})
        if "refused" in answer:
            # The same class as where Lifecycle is called directly: a caller cannot tell the worlds apart.
            raise _REFUSALS[answer["refused"]["name"]](answer["refused"]["message"])

    def _invoked(self, function: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
        aws = _lambda()
        try:
            # Synchronously, since the caller is told what was refused.
            answer = aws.invoke(FunctionName=function, Payload=json.dumps(event))
        except aws.exceptions.ClientError as error:
            if code_of(error) in _BUSY:
                raise Throttled(public_message(Throttled)) from None
            raise
        if "FunctionError" in answer:
            # It died, or met a fault of AWS: not all may be done, and the same call goes on with it.
            raise Throttled(public_message(Throttled))
        told: Mapping[str, Any] = json.loads(answer["Payload"].read())
        return told


@functools.cache
def _lambda() -> Any:
    """Return the process's client of Lambda. It never repeats a call by itself: the second `terminate` is refused."""
    import boto3
    from botocore.config import Config

    patience = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=_SECONDS)
    return boto3.client("lambda", config=patience)
