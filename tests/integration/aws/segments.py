"""Step Functions as runs in segments see it: executions of versions, of which moto knows none.

The embedded interpreter executes them, on the deployment's own Lambdas. An execution goes on until it has ended; its
waits move the clock.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from random import Random
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from durable.asl import (
    Action,
    Cancel,
    Continue,
    Continued,
    Event,
    Execution,
    Invoke,
    Machine,
    SetTimer,
    TaskFailed,
    TaskSucceeded,
    TimerFired,
    advance,
    start,
)
from durable.aws.session import client
from tests.integration.aws.deployment import Deployment
from tests.integration.aws.events import batch


@dataclass(frozen=True, slots=True)
class Started:
    """An execution that was asked for; `version` is empty where none was."""

    machine: str
    version: str
    name: str
    input: Mapping[str, Any]


class Segments:
    """Executes what the Lambdas of a deployment start."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.started: list[Started] = []
        self.executed: list[Started] = []
        self.waited_ms: list[int] = []
        """For how long each execution did nothing but wait."""

    @contextmanager
    def accepting(self) -> Iterator[None]:
        """Take each StartExecution in place of moto."""
        events = client("stepfunctions").meta.events
        events.register("before-call.stepfunctions.StartExecution", self._accept)
        try:
            yield
        finally:
            events.unregister("before-call.stepfunctions.StartExecution", self._accept)

    def _accept(self, params: Mapping[str, Any], **_: Any) -> Any:
        asked = json.loads(params["body"])
        machine, _, version = asked["stateMachineArn"].partition(":stateMachine:")[2].partition(":")
        self.started.append(Started(machine, version, asked["name"], json.loads(asked["input"])))
        answer = {"executionArn": asked["name"], "startDate": datetime(2026, 1, 1, tzinfo=UTC)}
        return AWSResponse("", 200, HTTPHeaders(), BytesIO()), answer

    def run(self) -> list[Execution]:
        """Execute what was started, and what that starts, until nothing is left; return how each ended."""
        ended = []
        while self.started:
            each = self.started.pop(0)
            self.executed.append(each)
            self.waited_ms.append(0)
            ended.append(self._execute(each))
        return ended

    def _execute(self, started: Started) -> Execution:
        deployment = self.deployment
        definition = next(
            each for arn, each in deployment.definitions.items() if arn.endswith(f":stateMachine:{started.machine}")
        )
        turn = start(
            Machine.load(definition),
            name=started.name,
            input=started.input,
            now_ms=deployment.clock.now(),
            random=Random(1),
        )
        timers: dict[str, int] = {}
        left = list(turn.actions)
        while turn.execution.closed is None:
            event = self._perform(left.pop(0), timers) if left else self._next(timers)
            if event is not None:
                turn = advance(turn.execution, event, deployment.clock.now())
                left += turn.actions
        return turn.execution

    def _perform(self, action: Action, timers: dict[str, int]) -> Event | None:
        """Do what an execution asks for, and return what it is to hear."""
        match action:
            case Invoke():
                return self._invoke(action)
            case SetTimer(token, at_ms):
                timers[token] = at_ms
            case Cancel(token):
                timers.pop(token, None)
            case Continue():
                return Continued()
        return None

    def _next(self, timers: dict[str, int]) -> Event:
        token = min(timers, key=lambda each: timers[each])
        now, due = self.deployment.clock.now(), timers.pop(token)
        self.waited_ms[-1] += max(0, due - now)
        self.deployment.clock.advance_to(max(now, due))
        return TimerFired(token)

    def _invoke(self, call: Invoke) -> Event:
        function = call.arguments["FunctionName"].split(":")[-2]
        answer = self.deployment.invoke_named(function, call.arguments["Payload"])
        if answer.error is not None:
            return TaskFailed(call.token, answer.error, json.dumps(answer.payload))
        return TaskSucceeded(call.token, answer.payload)

    # The queue of wakes, and the schedule

    def messages(self) -> dict[str, Any]:
        """Take what is in the wake queue now, and return it as the event source does; delays are real time in moto."""
        url = self.deployment.physical("SQS::Queue", "WakesQueue")
        found = self.deployment.aws.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"])
        return batch(found.get("Messages", []), "arn:aws:sqs:us-east-1:123456789012:wakes")

    def minute(self) -> None:
        """Have the minutely reconciler look."""
        answer = self.deployment.invoke("reconciler", {"runs": "segments"})
        assert answer.error is None, answer.payload
