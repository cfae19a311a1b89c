"""Step Functions as the seam that starts, shows and stops executions."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from durable.aws.session import client, code_of, unreachable
from durable.store.machines import ExecutionState, MachinesBusy, Sleep, execution_state

_BUSY: Final = frozenset({"ThrottlingException", "TooManyRequestsException", "ExecutionLimitExceeded"})
_GONE: Final = frozenset({"ExecutionDoesNotExist"})


class StepFunctionsMachines:
    """Implements `durable.store.machines.WatchedMachines`.

    Args:
        machines: the ARN of each state machine by the name that `durable.store.machines` gives it.
    """

    def __init__(self, machines: Mapping[str, str]) -> None:
        self._machines = machines

    @property
    def _client(self) -> Any:
        return client("stepfunctions")

    def start(self, workflow: str, name: str, input: Mapping[str, Any], *, version: str | None = None) -> None:
        # The same text each time: Step Functions takes a repeated start for the same one only with the same input.
        text = json.dumps(input, separators=(",", ":"))
        machine = self._machines[workflow] if version is None else f"{self._machines[workflow]}:{version}"
        try:
            self._client.start_execution(stateMachineArn=machine, name=name, input=text)
        except self._client.exceptions.ClientError as error:
            code = code_of(error)
            if code in _BUSY:
                raise MachinesBusy from None
            # On Standard: the name was used by one that has ended. While that runs, and its input is the same, there is
            # no error at all.
            if code != "ExecutionAlreadyExists":
                raise
        except unreachable():
            raise MachinesBusy from None

    def stop(self, workflow: str, name: str) -> None:
        self._asked(self._client.stop_execution, executionArn=self._arn(workflow, name))

    def describe(self, workflow: str, name: str) -> ExecutionState | None:
        found = self._asked(self._client.describe_execution, executionArn=self._arn(workflow, name))
        return None if found is None else execution_state(found)

    def sleeps(self, workflow: str, name: str) -> Sequence[Sleep]:
        """Return the Wait states that an execution is in, as far as its latest thousand events tell."""
        found = self._asked(
            self._client.get_execution_history,
            executionArn=self._arn(workflow, name),
            # The latest first: of a long history the end says where the execution is.
            reverseOrder=True,
            maxResults=1000,
            includeExecutionData=False,
        )
        return () if found is None else _sleeps(found["events"])

    def _asked(self, call: Callable[..., Any], **about: Any) -> Any:
        """Return what a call answers for an execution; None where that is unknown."""
        try:
            return call(**about)
        except self._client.exceptions.ClientError as error:
            code = code_of(error)
            if code in _GONE:
                return None
            if code in _BUSY:
                raise MachinesBusy from None
            raise
        except unreachable():
            raise MachinesBusy from None

    def _arn(self, workflow: str, name: str) -> str:
        # Of Standard: an Express execution has another ARN, by which it can be neither looked at nor stopped.
        return f"{self._machines[workflow].replace(':stateMachine:', ':execution:')}:{name}"


def _sleeps(events: Iterable[Mapping[str, Any]]) -> Sequence[Sleep]:
    """Return the Wait states that were entered and not left, given events of an execution with the last one first.

    Iterations of a Map that left the same state are not told apart: there are as many as said, since about then.
    """
    exits: Counter[str] = Counter()
    aborted: set[int] = set()
    found: list[Sleep] = []
    for event in events:
        match event["type"]:
            case "WaitStateExited":
                exits[event["stateExitedEventDetails"]["name"]] += 1
            case "WaitStateAborted":
                aborted.add(event["previousEventId"])
            case "WaitStateEntered" if event["id"] not in aborted:
                name = event["stateEnteredEventDetails"]["name"]
                if not exits[name]:
                    found.append(Sleep(name, int(event["timestamp"].timestamp() * 1000)))
                # Read backwards, an exit comes before the entry that it belongs to.
                exits[name] = max(0, exits[name] - 1)
    return tuple(reversed(found))
