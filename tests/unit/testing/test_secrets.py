"""Secrets arrive as they were sent, and what holds them is marked, so that it is shown to nobody."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from durable.compiler import compile_workflow
from durable.testing import Sandbox
from tests.unit.testing.logins import Login, SignIn


def test_secrets_arrive_as_they_were_sent() -> None:
    sandbox = Sandbox(SignIn)
    run = sandbox.start(Login(user="anna", password=SecretStr("hunter")))
    run.send_event("code", SecretStr("**********"))
    sandbox.settle()
    assert run.output == ["hunter2", "**********"]


def test_payloads_and_events_may_be_given_as_json() -> None:
    sandbox = Sandbox(SignIn)
    run = sandbox.start({"user": "anna", "password": "hunter"})
    run.send_event("code", "1234")
    sandbox.settle()
    assert run.output == ["hunter2", "1234"]


def test_steps_and_waits_that_carry_a_secret_are_sensitive() -> None:
    states: dict[str, Any] = compile_workflow(SignIn).definition["States"]
    payloads = [each["Arguments"]["Payload"] for each in states.values() if each["Type"] == "Task"]
    assert {each["step"]: each.get("sensitive", False) for each in payloads} == {
        "note": False,
        "change": True,
        "code": True,
        "is right": True,
    }
