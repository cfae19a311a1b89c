"""Step Functions as the seam that answers tasks by their token."""

from __future__ import annotations

import json
from typing import Any, Final

from durable.aws.session import client, code_of, unreachable
from durable.store.machines import MachinesBusy

_BUSY: Final = frozenset({"ThrottlingException", "TooManyRequestsException"})
_OVER: Final = frozenset({"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"})  # the first also says: was answered


class StepFunctionsTokens:
    """Implements `durable.store.tokens.Tokens`."""

    def succeed(self, token: str, output: Any) -> bool:
        return self._told("send_task_success", taskToken=token, output=json.dumps(output, separators=(",", ":")))

    def fail(self, token: str, error: str, cause: str) -> bool:
        return self._told("send_task_failure", taskToken=token, error=error, cause=cause)

    def _told(self, call: str, **arguments: str) -> bool:
        states: Any = client("stepfunctions")
        try:
            getattr(states, call)(**arguments)
        except states.exceptions.ClientError as error:
            code = code_of(error)
            if code in _BUSY:
                raise MachinesBusy from None
            if code not in _OVER:
                raise
            return False
        except unreachable():
            raise MachinesBusy from None
        return True
