"""Definitions to test with: factories with a noun."""

from __future__ import annotations

from typing import Any

from durable.asl import Machine

LAMBDA = "arn:aws:states:::lambda:invoke"
CALLBACK = "arn:aws:states:::lambda:invoke.waitForTaskToken"


def definition(start_at: str = "S", /, **states: dict[str, Any]) -> dict[str, Any]:
    """A JSONata definition of states that each say their Next, or end."""
    return {"QueryLanguage": "JSONata", **program(start_at, **states)}


def program(start_at: str = "S", /, **states: dict[str, Any]) -> dict[str, Any]:
    """A program as a branch or a processor holds it."""
    return {"StartAt": start_at, "States": {name: _ended(state) for name, state in states.items()}}


def machine(start_at: str = "S", /, **states: dict[str, Any]) -> Machine:
    return Machine.load(definition(start_at, **states))


def task(function: str = "work", **fields: Any) -> dict[str, Any]:
    """A Task that gives its function's result on."""
    arguments = {"FunctionName": function, "Payload": fields.pop("payload", "{% $states.input %}")}
    defaults = {"Resource": LAMBDA, "Arguments": arguments, "Output": "{% $states.result.Payload %}"}
    return {"Type": "Task", **defaults, **fields}


def a_pass(**fields: Any) -> dict[str, Any]:
    return {"Type": "Pass", **fields}


def _ended(state: dict[str, Any]) -> dict[str, Any]:
    ends = state["Type"] not in ("Choice", "Succeed", "Fail") and "Next" not in state
    return {**state, "End": True} if ends else state
