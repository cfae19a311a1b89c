"""Programs with loops and maps on MiniStack's Step Functions: a third opinion on what they compile to.

What it is known not to do is left out: it ignores what a Parallel assigns and puts out, and reports every exception of
a Python function under one name, so that no handler matches.
"""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from durable.cdk.rehearsal.server import MiniStack, ministack
from durable.compiler import compile_workflow
from durable.testing.native import run_natively
from tests.unit.compiler.sample import User
from tests.unit.compiler.test_gathers import PROGRAMS as GATHERS
from tests.unit.compiler.test_loops import PROGRAMS as LOOPS
from tests.unit.compiler.written import written

pytestmark = pytest.mark.ministack

ROOT = Path(__file__).resolve().parents[3]
ANN: Final = User(user_id="ann", tags=["a", "", "c"], age=3, pairs=[[1], [2, 3]])
RUN: Final = {"workflow": "workflow", "instance": "instance", "epoch": 1, "createdAt": "2026-01-01T00:00:00.000Z"}
ROLE: Final = "arn:aws:iam::000000000000:role/step"
STEP: Final = """
def handler(event, context):
    (value,) = event["input"].values()  # the steps of these programs add one, or give a text back
    return {"result": value + 1 if isinstance(value, int) else value, "at": 1767225600000}
"""
PROGRAMS: Final = {
    **{
        name: LOOPS[name]
        for name in ("count", "for with break and continue", "steps in nested loops", "a loop in an arm")
    },
    **{name: GATHERS[name] for name in ("map", "map of map")},
}


@pytest.fixture(scope="module")
def server() -> Iterator[MiniStack]:
    """A server with one function, which does every step."""
    with ministack(ROOT / ".cache") as running:
        running.client("iam").create_role(RoleName="step", AssumeRolePolicyDocument="{}")
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("step.py", STEP)
        running.client("lambda").create_function(
            FunctionName="step",
            Runtime="python3.13",
            Handler="step.handler",
            Role=ROLE,
            Code={"ZipFile": packed.getvalue()},
        )
        yield running


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_ends_as_it_does_in_python(name: str, server: MiniStack) -> None:
    workflow = written(PROGRAMS[name])
    compiled = compile_workflow(workflow)
    text = compiled.text
    for use in compiled.steps:
        text = text.replace(f"${{{use.placeholder}}}", "step")
    told = _run(
        server, name.replace(" ", "-"), text, {"run": RUN, "payload": ANN.model_dump(mode="json", by_alias=True)}
    )
    native = run_natively(workflow, ANN)
    assert told["status"] == "SUCCEEDED", told
    assert json.loads(told["output"]) == native.output


def _run(server: MiniStack, name: str, definition: str, given: Any) -> dict[str, Any]:
    states = server.client("stepfunctions")
    machine = states.create_state_machine(name=name, definition=definition, roleArn=ROLE)["stateMachineArn"]
    execution = states.start_execution(stateMachineArn=machine, input=json.dumps(given))["executionArn"]
    for _ in range(300):
        told: dict[str, Any] = states.describe_execution(executionArn=execution)
        if told["status"] != "RUNNING":
            return told
        threading.Event().wait(0.05)
    raise AssertionError(f"{name} still runs")
