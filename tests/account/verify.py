"""What only an account of AWS can show: deploy a stage, run workflows on it, break one, and take the stage down.

`make verify-aws` runs it with your credentials; it takes some fifteen minutes and costs under a dollar. CI has no
account and does not run it: tests/unit/test_verify.py runs the checks on stubs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import boto3

from durable.cli.operations import Operations
from durable.cli.stage import StageTransport
from durable.clock import SystemClock, pause
from durable.compiler import Compiled, compile_workflow
from durable.compiler.asl.placeholders import filled
from durable.compiler.asl.segments import express, standard
from durable.project import load

STAGE: Final = "verify"
SENDER: Final = "MAIL_SENDER"
_ARN: Final = "arn:aws:lambda:us-east-1:123456789012:function:step:1"
_WAIT_SECONDS: Final = 300
_THROTTLED_SECONDS: Final = 30
_EXPENSE: Final = {"purpose": "A train", "cents": 25_900}
_OPEN: Final = ("queued", "running", "waiting")

Say = Callable[[str], None]


class Unexpected(Exception):
    """Something is not as it must be; the message says what was wanted and what was seen."""


def definitions(compiled: Mapping[str, Compiled]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield the name, the type and the definition of each state machine of these workflows."""
    for name, program in compiled.items():
        whole = dict(program.definition)
        yield name, "STANDARD", standard(whole)
        yield name, "EXPRESS", express(whole)


def validate(states: Any, compiled: Mapping[str, Compiled], say: Say) -> None:
    """Have Step Functions validate each definition.

    Raises:
        Unexpected: it finds an error, with what it says.
    """
    for name, kind, definition in definitions(compiled):
        text = json.dumps(filled(definition, _Everywhere()))
        answer = states.validate_state_machine_definition(definition=text, type=kind)
        errors = [each for each in answer["diagnostics"] if each["severity"] == "ERROR"]
        if answer["result"] != "OK" or errors:
            raise Unexpected(f"{name} ({kind}) must be valid; Step Functions says {errors}")
        say(f"{name}: {kind} is valid")


def evaluate(states: Any, say: Say) -> None:
    """Have Step Functions evaluate an expression as compiled programs have them.

    Raises:
        Unexpected: the result is another.
    """
    state = {"Type": "Pass", "QueryLanguage": "JSONata", "Output": {"sum": "{% $sum($states.input.n) %}"}, "End": True}
    answer = states.test_state(definition=json.dumps(state), input='{"n": [1, 2, 3]}')
    if answer["status"] != "SUCCEEDED" or json.loads(answer["output"]) != {"sum": 6}:
        raise Unexpected(f'an expression must give {{"sum": 6}}; TestState says {answer}')
    say("an expression is evaluated as here")


class Runs:
    """Runs of a deployed stage, followed to their ends."""

    def __init__(self, operations: Operations, say: Say, wait: Callable[[int], None] = pause) -> None:
        self._operations = operations
        self._say = say
        self._wait = wait

    def until(self, workflow: str, id: str, *, status: str) -> Mapping[str, Any]:
        """Return a run when it has a status.

        Raises:
            Unexpected: it ended with another, or has it not after five minutes.
        """
        for _ in range(_WAIT_SECONDS):
            run = self._operations.describe(workflow, id)
            if run["status"] == status:
                self._say(f"{workflow} {id} is {status}")
                return run
            if run["status"] not in _OPEN:
                raise Unexpected(f"{workflow} {id} must become {status}; it is {run['status']}: {run.get('error')}")
            self._wait(1)
        raise Unexpected(f"{workflow} {id} must become {status} within {_WAIT_SECONDS} s; it is {run['status']}")

    def sign_up(self, address: str) -> None:
        """A sign-up completes, with four steps of one attempt each."""
        started = self._operations.start("onboarding", {"email": address, "name": "John Doe"}, None)
        run = self.until("onboarding", started["id"], status="complete")
        attempts = [each["attempts"] for each in run["steps"]]
        if attempts != [1, 1, 1, 1]:
            raise Unexpected(f"a sign-up must have four steps of one attempt; it has {attempts}")

    def approval(self, address: str) -> None:
        """An expense waits for its approval, and is paid after it."""
        params = {"employee": address, "manager": address, **_EXPENSE}
        id = self._operations.start("expense", params, None)["id"]
        self.until("expense", id, status="waiting")
        self._operations.send_event("expense", id, "decision", {"payload": {"approved": True}})
        run = self.until("expense", id, status="complete")
        if run["output"]["outcome"] != "paid":
            raise Unexpected(f"an approved expense must be paid; it is {run['output']}")

    def kill(self, address: str, functions: Any, step: str) -> None:
        """A sign-up completes although Lambda refuses one of its steps for half a minute.

        Args:
            step: the name of the step's Lambda.
        """
        functions.put_function_concurrency(FunctionName=step, ReservedConcurrentExecutions=0)
        try:
            id = self._operations.start("onboarding", {"email": address, "name": "Jane Doe"}, None)["id"]
            self._wait(_THROTTLED_SECONDS)
            run = self._operations.describe("onboarding", id)
            if run["status"] not in _OPEN:
                raise Unexpected(f"a run whose step cannot begin must be open; it is {run['status']}")
        finally:
            functions.delete_function_concurrency(FunctionName=step)
        self.until("onboarding", id, status="complete")


class _Everywhere(dict[str, str]):
    """The ARN of some Lambda for every placeholder."""

    def __missing__(self, _: str) -> str:
        return _ARN

    def __contains__(self, _: object) -> bool:
        return True


def step_function(functions: Any, step: str) -> str:
    """Return the name of the Lambda of this stage that runs a step's function, as `module:function`."""
    for page in functions.get_paginator("list_functions").paginate():
        for each in page["Functions"]:
            variables = each.get("Environment", {}).get("Variables", {})
            if variables.get("DURABLE_FUNCTION") == step and variables.get("DURABLE_STAGE") == STAGE:
                name: str = each["FunctionName"]
                return name
    raise Unexpected(f"there must be a Lambda that runs {step} in the stage {STAGE}")


def main() -> None:
    """Deploy, verify and destroy."""
    address = os.environ.get(SENDER)
    if address is None:
        sys.exit(f"set {SENDER} to an address that SES has verified in this account: it sends and receives")
    say: Say = print
    states, functions = boto3.client("stepfunctions"), boto3.client("lambda")
    validate(states, {each.name: compile_workflow(each.workflow) for each in load("app").workflows}, say)
    evaluate(states, say)
    durable = [sys.executable, "-m", "durable"]
    try:
        subprocess.run([*durable, "deploy", "--stage", STAGE, "--", "--require-approval", "never"], check=True)
        runs = Runs(Operations(StageTransport(STAGE)), say)
        unique = SystemClock().now()
        local, _, domain = address.partition("@")
        runs.sign_up(f"{local}+{unique}@{domain}")
        runs.approval(address)
        step = step_function(functions, "functions.onboarding.create_profile:create_profile")
        runs.kill(f"{local}+{unique + 1}@{domain}", functions, step)
    finally:
        subprocess.run([*durable, "destroy", "--stage", STAGE, "--", "--force"], check=True)
    say("all is as it must be, and the stage is gone")


if __name__ == "__main__":
    main()
