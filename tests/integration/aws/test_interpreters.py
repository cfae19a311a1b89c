"""Onboarding's machine on moto's Step Functions and on the embedded engine: the same inputs, the same ends."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import TypeAdapter

from durable.build import Build
from durable.clock import milliseconds_of
from durable.errors import StepTimeoutError
from durable.runs.description import Description
from durable.steps.attempt import Hang
from durable.testing.host import VirtualHost
from tests.integration.aws.deployment import SIGN_UP
from tests.integration.aws.interpreter import Interpreter
from tests.sweeps import sweep

STEPS: Final = ("validate-user", "create-profile", "send-welcome-email", "initialize-settings")
FIRST: Final = "functions.onboarding.validate_user.NewUser"
LAST: Final = "functions.onboarding.initialize_settings.Settings"
TAKEN: Final = {"name": "EmailTakenError", "message": "This e-mail address belongs to another account."}
FAILED: Final = {"name": "StepError", "message": "The step failed."}
TIMED_OUT: Final = {"name": "StepTimeoutError", "message": "The step took longer than its timeout."}

Fault = Callable[[Callable[..., Any]], Callable[..., Any]]
"""Given what a step calls, what it calls in its place."""


def raising(error: BaseException, *, times: int) -> Fault:
    """Fail so many calls."""

    def fault(original: Callable[..., Any]) -> Callable[..., Any]:
        calls = itertools.count()

        def call(*args: Any, **kwargs: Any) -> Any:
            if next(calls) < times:
                raise error
            return original(*args, **kwargs)

        return call

    return fault


def with_name(name: str) -> Fault:
    """Give the user another name."""
    return lambda original: lambda **fields: original(**fields | {"name": name})


def instead(value: Any) -> Fault:
    return lambda original: lambda **fields: value


@dataclass(frozen=True)
class Case:
    """A run, and how it must end on both."""

    status: str
    attempts: tuple[int, ...]
    error: Mapping[str, str] | None = None
    payload: Any = field(default_factory=lambda: dict(SIGN_UP))
    before: Any = None
    """The payload of a run that is complete before this one."""
    faults: Mapping[str, Fault] = field(default_factory=dict)
    retries: Collection[int] = (0,)
    """How often a step may be invoked again; delays with jitter are random."""


def named(name: str, message: str, step: str) -> dict[str, str]:
    return {"name": name, "message": message, "step": step}


NO_INPUT: Final = "The step was given input that does not fit its signature."
NO_RESULT: Final = "The step returned something that does not fit its signature, or is too large."
TOO_LARGE: Final = (
    "result (larger than 245760 bytes of JSON); what run only passes on may be larger, and this is read by"
    " `profile.userId`"
)

CASES: Final = {
    "a fresh address": Case("complete", (1, 1, 1, 1)),
    "texts that quote": Case(
        "complete", (1, 1, 1, 1), payload=dict(SIGN_UP) | {"name": '\\"J\\u00e4ne" {% $x %}\t\u2028 \U0001f600'}
    ),
    "a taken address": Case(
        "errored",
        (1, 1),
        TAKEN | {"step": "create-profile"},
        before=dict(SIGN_UP) | {"email": "USER@example.com"},
    ),
    "an error that goes away": Case(
        "complete", (1, 1, 1, 2), faults={LAST: raising(ConnectionError("jane@example.com"), times=1)}, retries=(1,)
    ),
    "an error that stays": Case(
        "errored",
        (1, 1, 1, 6),
        FAILED | {"step": "initialize-settings"},
        faults={LAST: raising(ConnectionError("jane@example.com"), times=99)},
        retries=(5,),
    ),
    "a time-out that goes away": Case(
        "complete", (2, 1, 1, 1), faults={FIRST: raising(StepTimeoutError(), times=1)}, retries=(1,)
    ),
    "a time-out that stays": Case(
        "errored",
        (6,),
        TIMED_OUT | {"step": "validate-user"},
        faults={FIRST: raising(StepTimeoutError(), times=99)},
        retries=(5,),
    ),
    "input that does not fit": Case(
        "errored",
        (1,),
        named("InvalidInput", f"{NO_INPUT} sign_up.name (missing).", "validate-user"),
        payload={"email": "user@example.com"},
    ),
    "a result of another type": Case(
        "errored",
        (1,),
        named("InvalidResult", f"{NO_RESULT} result (model_type, got str).", "validate-user"),
        faults={FIRST: instead("jane@example.com")},
    ),
    "a result of 300 KB": Case(
        "errored",
        (1, 1),
        named("InvalidResult", f"{NO_RESULT} {TOO_LARGE}.", "create-profile"),
        faults={FIRST: with_name("x" * 300_000)},
    ),
    "a result of 240,000 bytes": Case("complete", (1, 1, 1, 1), faults={FIRST: with_name("x" * 120_000)}),
    "a step that means to exit": Case(
        "complete", (1, 1, 1, 2), faults={LAST: raising(SystemExit(1), times=1)}, retries=(1,)
    ),
}


def break_steps(case: Case, patches: pytest.MonkeyPatch) -> None:
    for target, fault in case.faults.items():
        module, _, name = target.rpartition(".")
        original = getattr(__import__(module, fromlist=[name]), name)
        patches.setattr(target, fault(original))


def on_aws(case: Case, aws: Interpreter) -> dict[str, Any]:
    deployment = aws.deployment
    deployment.start_all()
    ids = ["before", "run"] if case.before else ["run"]
    with pytest.MonkeyPatch.context() as patches:
        for id in ids:
            if id == "run":
                break_steps(case, patches)
            deployment.runs.create("onboarding", case.before if id == "before" else case.payload, id=id)
            deployment.close(aws.run(id))
    return deployment.instance("run")


def on_one_machine(case: Case, host: VirtualHost) -> dict[str, Any]:
    if case.before:
        host.run_workflow("onboarding", case.before, id="before")
    with pytest.MonkeyPatch.context() as patches:
        break_steps(case, patches)
        host.host.runs.create("onboarding", case.payload, id="run")
        host.run()
    told = host.host.operator.queries.describe("onboarding", "run")
    dumped: dict[str, Any] = TypeAdapter(Description).dump_python(told, mode="json", by_alias=True)
    return dumped


def timeless(told: Any) -> Any:
    """Return what is told without when and where it happened, which is nobody's to repeat."""
    if isinstance(told, Mapping):
        hidden = ("execution", "frames", "$value", "outputUrl")
        return {name: timeless(each) for name, each in told.items() if not name.endswith("At") and name not in hidden}
    if isinstance(told, str):  # ids derived from the run, which is another one in each world
        return re.sub(r"user_[0-9a-f]{24}", "user_…", told)
    return [timeless(each) for each in told] if isinstance(told, list) else told


@pytest.mark.parametrize("case", sweep(CASES.values(), quick=4), ids=CASES.keys())
def test_a_run_ends_alike_on_step_functions_and_on_one_machine(
    case: Case, interpreter: Interpreter, onboarding: Build, tmp_path: Path
) -> None:
    told = timeless(on_aws(case, interpreter))
    assert (told["status"], told["error"]) == (case.status, case.error)
    attempts = {each["name"]: len(each["attempts"]) for each in told["steps"]}
    assert attempts == dict(zip(STEPS, case.attempts, strict=False))
    assert len(interpreter.delays) in case.retries
    with VirtualHost(onboarding, tmp_path / "data") as host:
        assert unordered(timeless(on_one_machine(case, host))) == unordered(told)


@pytest.mark.slow
@pytest.mark.parametrize(("deaths", "attempts", "status"), [(1, 2, "complete"), (2, 3, "complete"), (99, 6, "errored")])
def test_a_step_whose_process_dies_is_tried_again_within_a_minute_and_as_often_as_one_that_fails(
    deaths: int, attempts: int, status: str, interpreter: Interpreter
) -> None:
    case = Case(status, (), faults={LAST: raising(Hang(), times=deaths)})
    run = on_aws(case, interpreter)
    assert run["status"] == status
    assert run["error"] == (FAILED | {"step": "initialize-settings"} if status == "errored" else None)
    (step,) = (each for each in run["steps"] if each["name"] == "initialize-settings")
    assert len(step["attempts"]) == attempts
    began = [milliseconds_of(each["startedAt"]) for each in step["attempts"]]
    assert all(later - earlier < 60_000 for earlier, later in itertools.pairwise(began))


def unordered(told: dict[str, Any]) -> dict[str, Any]:
    """Return what is told with its steps by name: those side by side begin in any order."""
    return told | {"steps": sorted(told["steps"], key=lambda step: str(step["name"]))}
