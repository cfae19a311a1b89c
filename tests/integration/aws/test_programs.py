"""Programs with loops, handlers, branches and maps on moto's interpreter: a second opinion on what they compile to.

CPython says how each ends; the embedded engine is held to the same in tests/unit/compiler.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import pytest
from moto.awslambda.models import LambdaFunction
from moto.core.config import default_user_config
from pydantic_core import to_jsonable_python

from durable.compiler import Compiled, compile_workflow
from durable.errors import StepError
from durable.testing.native import Functions, Steps, run_natively
from tests.integration.aws.interpreter import lend_jsonata, skip_delays, tell_ends
from tests.integration.aws.resources import Clients, empty_zip
from tests.sweeps import sweep
from tests.unit.compiler.sample import EmailTakenError, OutOfStockError, User
from tests.unit.compiler.test_gathers import PROGRAMS as GATHERS
from tests.unit.compiler.test_loops import PROGRAMS as LOOPS
from tests.unit.compiler.test_tries import PROGRAMS as TRIES
from tests.unit.compiler.written import written

NOW_MS: Final = 1_767_225_600_000
RUN: Final = {"workflow": "workflow", "instance": "instance", "epoch": 1, "createdAt": "2026-01-01T00:00:00.000Z"}
ANN: Final = User(user_id="ann", tags=["a", "b", "c"], age=3, pairs=[[1], [2, 3]])


def failing(error: Exception) -> Callable[[str], str]:
    def fail(value: str) -> str:
        raise error

    return fail


PROGRAMS: Final[Mapping[str, tuple[str, Functions]]] = {
    **{
        f"loop: {name}": (LOOPS[name], {}) for name in ("count", "for with break and continue", "steps in nested loops")
    },
    "loop: raise": (LOOPS["raise from a loop"], {}),
    **{f"try: {name}": (TRIES[name], {}) for name in ("one handler", "a loop in it", "nested")},
    "try: a handler for a": (TRIES["several handlers"], {"a": failing(EmailTakenError())}),
    "try: a handler for b": (TRIES["several handlers"], {"b": failing(OutOfStockError())}),
    "try: an error that no handler names": (TRIES["one handler"], {"a": failing(StepError())}),
    **{f"gather: {name}": (GATHERS[name], {}) for name in ("steps", "branches", "in a loop", "try in a branch")},
    "gather: raise": (GATHERS["raise in a branch"], {}),
    **{f"map: {name}": (GATHERS[name], {}) for name in ("map", "map of map", "gather in a map")},
}


class Machines:
    """Makes machines of compiled programs on moto and runs them, each step a call in moto's own thread."""

    def __init__(self, aws: Clients, role: str, patches: pytest.MonkeyPatch) -> None:
        self._aws, self._role = aws, role
        self._steps, self._compiled = Steps(), Compiled({}, "", ())
        self._ended = threading.Event()
        lend_jsonata(patches)
        skip_delays(patches, lambda seconds: None)
        tell_ends(patches, self._ended.set)
        patches.setattr(LambdaFunction, "_invoke_lambda", lambda function, event: self._invoke(event))
        aws.functions.create_function(
            FunctionName="step", Runtime="python3.13", Role=role, Handler="a.b", Code={"ZipFile": empty_zip()}
        )

    def run(self, name: str, compiled: Compiled, payload: Any, functions: Functions) -> dict[str, Any]:
        """Return how an execution is described when it has ended."""
        self._steps, self._compiled = Steps(functions), compiled
        text = compiled.text
        for use in compiled.steps:
            text = text.replace(f"${{{use.placeholder}}}", "step")
        states = self._aws.states
        machine = states.create_state_machine(name=name, definition=text, roleArn=self._role)["stateMachineArn"]
        given = json.dumps({"run": RUN, "payload": to_jsonable_python(payload, by_alias=True)})
        execution = states.start_execution(stateMachineArn=machine, input=given)["executionArn"]
        assert self._ended.wait(30)
        return dict(states.describe_execution(executionArn=execution))

    def _invoke(self, event: Any) -> tuple[str, bool, str]:
        use = next(each for each in self._compiled.steps if each.name == event["step"])
        try:
            result = self._steps.attempt(event["step"], use.signature, event["input"])
        except Exception as error:
            return json.dumps({"errorType": type(error).__name__, "errorMessage": ""}), True, ""
        return json.dumps({"result": result, "at": NOW_MS}), False, ""


@pytest.fixture
def machines(aws: Clients, role: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machines]:
    monkeypatch.setitem(default_user_config["stepfunctions"], "execute_state_machine", True)
    yield Machines(aws, role, monkeypatch)
    aws.functions.delete_function(FunctionName="step")


@pytest.mark.parametrize("name", sweep(PROGRAMS, quick=6))
def test_a_program_ends_as_it_does_in_python(name: str, machines: Machines) -> None:
    body, functions = PROGRAMS[name]
    workflow = written(body)
    native = run_natively(workflow, ANN, functions)
    machine = "".join(each if each.isalnum() else "-" for each in name)
    told = machines.run(machine, compile_workflow(workflow), ANN, functions)
    assert told["status"] == ("SUCCEEDED" if native.error is None else "FAILED"), told
    assert told.get("error") == native.error
    if native.error is None:
        output = told["output"]  # in moto a string stands for itself
        assert (output if isinstance(native.output, str) else json.loads(output)) == native.output
