"""`except` of classes that a step's module does not name: built-in ones, and those of the libraries it calls."""

from __future__ import annotations

import json
import subprocess

import pytest

from durable import (
    NonRetryableError,
    Retries,
    StepError,
    WorkflowEntrypoint,
    WorkflowError,
    WorkflowEvent,
    WorkflowStep,
)
from durable.compiler import compile_workflow
from durable.errors import CompileError
from durable.testing import Sandbox
from tests.unit.compiler.both import agree
from tests.unit.compiler.written import written

ONCE = Retries(limit=0)
TWICE = Retries(limit=2, delay="1 second", jitter=False, retry_if=(ConnectionError, json.JSONDecodeError))


def work(kind: str) -> str:
    if kind == "value":
        raise ValueError("no such order")
    if kind == "json":
        json.loads("{")
    if kind == "reset":
        raise ConnectionResetError(104, "reset")
    if kind == "process":
        subprocess.run(["false"], check=True)
    if kind == "final":
        raise NonRetryableError("never")
    if kind == "other":
        raise LookupError
    return kind


class CatchingWorkflow(WorkflowEntrypoint[str]):
    """Catches what its step raises, the narrower first."""

    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> list[str]:
        said = []
        try:
            try:
                said.append(await step.do("work", work, event.payload, retries=ONCE))
            except (json.JSONDecodeError, subprocess.CalledProcessError) as error:
                said.append(f"library: {type(error).__name__}")
            except ValueError as error:
                said.append(f"value: {error}")
        except OSError as error:
            said.append(f"system: {type(error).__name__}: {error}")
        except StepError as error:
            said.append(f"step: {type(error).__name__}")
        return said


class NestedWorkflow(WorkflowEntrypoint[str]):
    """Where the narrower `except` stands outside, the wider one inside of it catches first, as in Python."""

    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> str:
        try:
            try:
                return await step.do("work", work, event.payload, retries=ONCE)
            except StepError as error:
                if str(error) == "no such order":
                    raise
                return f"inside: {type(error).__name__}"
        except ValueError:
            return "outside"


class RetryingWorkflow(WorkflowEntrypoint[str]):
    """Tries what a connection does again, and nothing else."""

    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> str:
        try:
            return await step.do("work", work, event.payload, retries=TWICE)
        except StepError as error:
            raise WorkflowError(f"gave up: {type(error).__name__}") from error


class AgainWorkflow(WorkflowEntrypoint[str]):
    """Ends with the error that it caught."""

    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> str:
        try:
            return await step.do("work", work, event.payload, retries=ONCE)
        except ValueError:
            raise


KINDS = ["fine", "value", "json", "reset", "process", "final", "other"]


@pytest.mark.parametrize("workflow", [CatchingWorkflow, NestedWorkflow, RetryingWorkflow, AgainWorkflow])
def test_an_error_is_caught_by_its_class_as_in_python(workflow: type[WorkflowEntrypoint[str]]) -> None:
    sandbox = Sandbox(workflow)
    for kind in KINDS:
        native = agree(workflow, kind)
        run = sandbox.run(kind)
        assert (run.output, run.error and run.error.name) == (native.output, native.error)


def test_what_is_caught() -> None:
    outputs = {kind: agree(CatchingWorkflow, kind).output for kind in KINDS}
    assert outputs == {
        "fine": ["fine"],
        "value": ["value: no such order"],
        "json": ["library: JSONDecodeError"],
        "reset": ["system: OSError: [Errno 104] reset"],
        "process": ["library: CalledProcessError"],
        "final": ["step: NonRetryableError"],
        "other": ["step: StepError"],
    }
    attempts = {kind: len(agree(RetryingWorkflow, kind).calls) for kind in KINDS}
    assert attempts == {"fine": 1, "value": 1, "json": 3, "reset": 3, "process": 1, "final": 1, "other": 1}


def test_what_cannot_be_asked_before_is_not_caught() -> None:
    body = """
        try:
            return await step.do("a", flag, 2**event.payload.age > 5)
        except {}:
            return "none"
    """
    for name in ("ValueError", "Exception"):
        with pytest.raises(CompileError, match=f"`except {name}` sees in Python only"):
            compile_workflow(written(body.format(name)))
    compile_workflow(written(body.format("KeyError")))
    with pytest.raises(CompileError, match="write `except StepTimeoutError`"):
        compile_workflow(written(body.format("TimeoutError")))
