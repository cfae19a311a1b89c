"""Step Functions as the seam that starts, shows and stops executions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from durable.runtime.aws.session import client, code_of
from durable.runtime.machines import ExecutionState, MachinesBusy, execution_state

_BUSY: Final = frozenset({"ThrottlingException", "TooManyRequestsException", "ExecutionLimitExceeded"})
_GONE: Final = frozenset({"ExecutionDoesNotExist"})


class StepFunctionsMachines:
    """Implements `durable.runtime.machines.Machines`.

    Args:
        machines: the ARN of each workflow's state machine.
    """

    def __init__(self, machines: Mapping[str, str]) -> None:
        self._machines = dict(machines)

    @property
    def _client(self) -> Any:
        return client("stepfunctions")

    def start(self, workflow: str, name: str, input: Mapping[str, Any]) -> None:
        text = json.dumps(input, separators=(",", ":"))
        try:
            self._client.start_execution(stateMachineArn=self._machines[workflow], name=name, input=text)
        except self._client.exceptions.ClientError as error:
            code = code_of(error)
            if code in _BUSY:
                raise MachinesBusy from None
            if code != "ExecutionAlreadyExists":
                raise

    def stop(self, workflow: str, name: str) -> None:
        try:
            self._client.stop_execution(executionArn=self._arn(workflow, name))
        except self._client.exceptions.ClientError as error:
            if code_of(error) not in _GONE:
                raise

    def describe(self, workflow: str, name: str) -> ExecutionState | None:
        try:
            found = self._client.describe_execution(executionArn=self._arn(workflow, name))
        except self._client.exceptions.ClientError as error:
            code = code_of(error)
            if code in _GONE:
                return None
            if code in _BUSY:
                raise MachinesBusy from None
            raise
        return execution_state(found)

    def _arn(self, workflow: str, name: str) -> str:
        return f"{self._machines[workflow].replace(':stateMachine:', ':execution:')}:{name}"
