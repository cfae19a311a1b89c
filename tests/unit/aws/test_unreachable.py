"""A service that cannot be reached, or does not answer, is one to ask again: the call may have been carried out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from durable.aws import machines, tokens, wakes
from durable.aws.email import SESEmail
from durable.aws.machines import StepFunctionsMachines
from durable.aws.table import DynamoDBTable
from durable.aws.tokens import StepFunctionsTokens
from durable.aws.wakes import SQSTimers
from durable.bindings.email import Email
from durable.clients.email import EmailNotSent
from durable.clock import VirtualClock
from durable.store.machines import MachinesBusy
from durable.store.table import Key, TableBusy, Write

pytestmark = pytest.mark.slow

ERRORS = (EndpointConnectionError, ReadTimeoutError, ConnectionClosedError)
KEY = Key("p", "s")
ARNS = {"shop": "arn:aws:states:eu-west-1:123456789012:stateMachine:shop"}


@pytest.fixture(params=ERRORS, ids=lambda error: error.__name__)
def silent(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Makes clients of services of which no request is answered."""

    def fail(**_: Any) -> None:
        raise request.param(endpoint_url="https://aws", error="")

    def client(service: str) -> Any:
        made = boto3.client(  # type: ignore[call-overload]  # the name is not a literal
            service, region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test"
        )
        made.meta.events.register("before-send", fail)
        return made

    for module in (machines, tokens, wakes):
        monkeypatch.setattr(module, "client", client)
    return client


def test_the_table_is_busy(silent: Callable[[str], Any]) -> None:
    table = DynamoDBTable("t", VirtualClock(), dynamodb=silent("dynamodb"))
    for ask in (
        lambda: table.get(KEY),
        lambda: table.query("p"),
        lambda: table.write(Write(KEY, {"a": 1})),
        lambda: table.write(Write(KEY, {"a": 1}), Write(Key("p", "t"), {"a": 1})),
        lambda: table.counts("shop", most=1),
    ):
        with pytest.raises(TableBusy):
            ask()


@pytest.mark.usefixtures("silent")
def test_machines_and_tokens_are_busy() -> None:
    asked, answers = StepFunctionsMachines(ARNS), StepFunctionsTokens()
    for ask in (
        lambda: asked.start("shop", "one.x", {}),
        lambda: asked.stop("shop", "one.x"),
        lambda: asked.describe("shop", "one.x"),
        lambda: answers.succeed("t", 1),
        lambda: answers.fail("t", "e", "c"),
    ):
        with pytest.raises(MachinesBusy):
            ask()


def test_an_email_was_not_sent(silent: Callable[[str], Any]) -> None:
    mail = SESEmail("mail", sender="shop@example.com", clock=VirtualClock(), ses=silent("sesv2"))
    with pytest.raises(EmailNotSent):
        mail.send(Email(to="jane@example.com", subject="Hello", text="Hello"), id="one")


@pytest.mark.usefixtures("silent")
def test_a_timer_that_cannot_be_set_is_left_to_the_reconciler() -> None:
    SQSTimers("https://sqs/queue").at("shop", "one", 0)
