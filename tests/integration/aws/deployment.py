"""The synthesised template, deployed to moto: what a test does with it; its Lambdas are handlers in this process."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Any, Final

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from moto.core.utils import unix_time_millis
from moto.sqs.models import sqs_backends
from moto.stepfunctions.models import stepfunctions_backends

from durable.aws.entry import entry
from durable.aws.environment import Handler
from durable.aws.machines import StepFunctionsMachines
from durable.aws.session import client
from durable.aws.table import DynamoDBTable
from durable.clock import VirtualClock
from durable.runs.runs import Runs
from durable.store.begun import Leased
from durable.store.keys import StepKey
from durable.store.record import StepRecord
from durable.wire import StepEvent
from tests.integration.aws.events import ACCOUNT, REGION, batch, status_change
from tests.integration.aws.lambdas import Invoked, invoke
from tests.integration.aws.resources import Clients, Resources
from tests.integration.cdk.template import Template, what_runs
from tests.integration.cdk.test_workflow import tasks
from tests.unit.http.doors import Answered, answered, proxy_event

STEP: Final = "functions.onboarding."
CONSUMER: Final = f"{STEP}deliver_email:deliver_email"
SIGN_UP: Final = {"email": "User@Example.com", "name": "John Doe", "avatarUrl": None}
SECONDS: Final = 1_000
"""In milliseconds, which clocks count."""


class Deployment(Resources):
    """One deployment of the template, on a clock that the test moves."""

    def __init__(self, template: Template, aws: Clients, environment: pytest.MonkeyPatch) -> None:
        self.clock = VirtualClock()
        environment.setattr("durable.clock.SystemClock.now", lambda _: self.clock.now())
        super().__init__(template, aws)
        self._environment = environment
        self._handlers: dict[str, Handler] = {}
        self.invoked = 0

    # What Lambda does.

    def handler(self, function: str) -> Handler:
        """Return a Lambda's handler, made from its environment on first use."""
        if function not in self._handlers:
            variables = self.environment(function)
            for name, value in variables.items():
                self._environment.setenv(name, value)
            self._handlers[function] = entry(os.environ)
            for name in variables:
                if name.startswith("DURABLE_"):
                    self._environment.delenv(name)
        return self._handlers[function]

    def start_all(self) -> None:
        """Make the handlers of all steps, before a test changes what they call."""
        for name in self.template.functions():
            self.handler(name)

    def invoke(self, function: str, event: Mapping[str, Any]) -> Invoked:
        """Invoke a Lambda by what it runs; it takes a millisecond."""
        answer = invoke(self.handler(function), self.function_name(function), event)
        self.invoked += 1
        self.later(1)
        return answer

    def invoke_named(self, name: str, event: Mapping[str, Any]) -> Invoked:
        """Invoke a Lambda by its physical name."""
        functions = self.template.of("Lambda::Function").items()
        return self.invoke(next(what_runs(each) for logical, each in functions if self.names[logical] == name), event)

    # What is around them.

    @property
    def runs(self) -> Runs:
        """The runs as a Lambda with the machine's ARN sees them."""
        table = DynamoDBTable(self.physical("DynamoDB::Table", "Instances"), self.clock)
        return Runs(table, StepFunctionsMachines({"onboarding": self.machine}), self.clock)

    def later(self, milliseconds: int) -> None:
        self.clock.advance_to(self.clock.now() + milliseconds)

    def ask(self, method: str, path: str, body: Any = None, *, to: str = "worker", **headers: str) -> Answered:
        """Send a request through API Gateway."""
        sent = {"Content-Type": "application/json"} | {name.replace("_", "-"): each for name, each in headers.items()}
        text = b"" if body is None else json.dumps(body).encode()
        answer = self.invoke(to, proxy_event(method, path, text, sent, stage="dev"))
        assert answer.error is None, answer.payload
        return answered(answer.payload)

    def sign_up(self, body: Any = SIGN_UP, **headers: str) -> str:
        """Start a sign-up and return the run's id."""
        answer = self.ask("POST", "/api/workflow/start", body, **headers)
        assert answer.status in (200, 201), answer.text
        started: str = answer.json["workflowId"]
        return started

    def status(self, id: str) -> dict[str, Any]:
        """Return what the status route says."""
        answer = self.ask("GET", f"/api/workflow/status/{id}")
        assert answer.status == 200, answer.text
        told: dict[str, Any] = answer.json
        return told

    def instance(self, id: str) -> dict[str, Any]:
        """Return what the operators' route says."""
        answer = self.ask("GET", f"/api/workflows/onboarding/instances/{id}", to="operations")
        assert answer.status == 200, answer.text
        told: dict[str, Any] = answer.json
        return told

    def executions(self) -> list[dict[str, Any]]:
        """Return all executions of the machine, as DescribeExecution tells of them."""
        found = self.aws.states.list_executions(stateMachineArn=self.machine)["executions"]
        return [dict(self.aws.states.describe_execution(executionArn=each["executionArn"])) for each in found]

    def execution(self) -> dict[str, Any]:
        """Return the one execution."""
        (found,) = self.executions()
        return found

    def task(self, state: str, execution: Mapping[str, Any], given: Mapping[str, Any]) -> tuple[str, StepEvent]:
        """Return the step that a Task of the definition invokes, and what it sends for these arguments."""
        arguments = dict(tasks(self.definition))[state]["Arguments"]
        payload = arguments["Payload"]
        assert payload["input"].keys() == given.keys()
        input = json.loads(execution["input"])
        sent: StepEvent = payload | {"run": input["run"], "execution": execution["name"], "input": dict(given)}
        name = arguments["FunctionName"].split(":")[-2]
        return next(each for each in self.template.functions() if self.function_name(each) == name), sent

    def step(self, state: str, execution: Mapping[str, Any], **given: Any) -> Invoked:
        """Invoke a step as its Task does."""
        function, event = self.task(state, execution, given)
        return self.invoke(function, event)

    def steps(self, execution: Mapping[str, Any]) -> dict[str, Any]:
        """Run all steps by hand, and return the machine's output."""
        payload = json.loads(execution["input"])["payload"]
        user = self.step("validate-user", execution, sign_up=payload).result
        profile = self.step("create-profile", execution, user=user).result
        assert self.step("send-welcome-email", execution, profile=profile).result is None
        assert self.step("initialize-settings", execution, profile=profile).result is None
        return {"userId": profile["userId"], "message": f"Welcome, {profile['name']}!"}

    @property
    def queue(self) -> str:
        """The URL of the queue of e-mails."""
        return self.names[self.template.queue()[0]]

    def send(self, body: str) -> None:
        """Put a message of another sender into the queue."""
        self.aws.sqs.send_message(QueueUrl=self.queue, MessageBody=body)

    def hidden_seconds(self, message: str) -> int:
        """Return for how long, to the second, a message of the queue cannot be had."""
        (found,) = [each for each in self._messages() if each.id == message]
        seconds: float = (found.visible_at - unix_time_millis()) / SECONDS
        return round(seconds)

    def _messages(self) -> list[Any]:
        queue = sqs_backends[ACCOUNT][REGION].queues[self.queue.rpartition("/")[2]]
        return list(queue._messages)

    def received(self) -> dict[str, Any]:
        """Take what is in the queue, and return it as the event source does."""
        found = self.aws.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10, AttributeNames=["All"])
        return batch(found.get("Messages", []), self.arns[self.template.queue()[0]])

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return all rows of the one table whose logical id holds this part."""
        found: list[dict[str, Any]] = self.aws.dynamodb.scan(TableName=self.physical("DynamoDB::Table", table))["Items"]
        return found

    def lease(self, event: StepEvent) -> None:
        """Take the lease of a step, as an invocation that is still under way does."""
        key = StepKey.of(event)
        begun = self._record.begin(key, event["step"], owner="another", limit=9, input_hash="")
        assert isinstance(begun, Leased)

    def renew(self, event: StepEvent) -> None:
        """Renew that lease."""
        assert self._record.renew(StepKey.of(event), "another")

    @property
    def _record(self) -> StepRecord:
        return StepRecord(DynamoDBTable(self.physical("DynamoDB::Table", "Instances"), self.clock), self.clock)

    def finish(self, output: Any = None, **fields: Any) -> dict[str, Any]:
        """End the one execution as the test says, and return how it is described then; nobody is told."""
        arn = self.execution()["executionArn"]
        execution = stepfunctions_backends[ACCOUNT][REGION].describe_execution(arn)
        ends = fields or {"status": "SUCCEEDED", "output": json.dumps(output)}
        for name, value in ends.items():
            setattr(execution, name, value)
        return self.execution()

    @contextmanager
    def throttled(self, service: str, operation: str, *, but: bytes | None = None) -> Iterator[None]:
        """Have AWS refuse one operation, but for requests that say this: it is asked too often."""
        name = f"before-call.{service}.{operation}"
        events = client(service).meta.events

        def refuse(params: Mapping[str, Any], **_: Any) -> Any:
            if but is not None and but in params["body"]:
                return None
            return AWSResponse("", 400, HTTPHeaders(), BytesIO()), {
                "Error": {"Code": "ThrottlingException"},
                "ResponseMetadata": {},
            }

        events.register(name, refuse)
        try:
            yield
        finally:
            events.unregister(name, refuse)

    def status_change(self, execution: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
        """Return the event of an execution's end."""
        return status_change(execution, self.machine, self.clock.now(), **changes)

    def close(self, execution: Mapping[str, Any], **changes: Any) -> None:
        """Send the event of an execution's end to the completion."""
        answer = self.invoke("completion", self.status_change(execution, **changes))
        assert answer.error is None, answer.payload

    def reconcile(self) -> None:
        """Send the schedule's event to the reconciler."""
        answer = self.invoke("reconciler", {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}})
        assert answer.error is None, answer.payload


def only(steps: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, int]]:
    """Return of each step its name, its status and its attempts."""
    told = [(each["name"], each["status"], each["attempts"]) for each in steps]
    return [(name, status, len(each) if isinstance(each, list) else each) for name, status, each in told]
