"""Programs drawn at random give the same compiled as in CPython: output, error, and calls in order."""

from __future__ import annotations

import os
import zlib
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from durable.compiler import compile_workflow
from durable.errors import NonRetryableError, StepTimeoutError
from durable.testing.native import Functions, NativeOutcome, run_natively
from tests.unit.compiler.both import EVALUATION_ERROR, PYTHON_ERRORS, run_compiled
from tests.unit.compiler.generator import Generator
from tests.unit.compiler.sample import EmailTakenError, OutOfStockError
from tests.unit.compiler.test_expressions import USERS
from tests.unit.compiler.written import written

SAFE_USERS = [each.model_copy(update={"age": min(each.age, 10**12)}) for each in USERS]
"""Those whose numbers stay exact in what programs do to them."""
# how many programs: a few on every run, always the same; more, and others each time, where asked for
PROGRAMS = int(os.environ.get("DURABLE_PROGRAMS", "60"))
FAILURES = (EmailTakenError, OutOfStockError, StepTimeoutError, NonRetryableError, ValueError)


def behaviour(seed: int, steps: list[str]) -> Functions:
    """Return what the steps do: the same each time it is asked, and another thing for another attempt."""
    attempts: Counter[str] = Counter()

    def step(name: str) -> Callable[..., Any]:
        def do(value: Any) -> Any:
            key = f"{name} {value + 0.0 if isinstance(value, (int, float)) else value}"
            attempts[key] += 1
            chance = Random(zlib.crc32(f"{seed} {key} {attempts[key]}".encode()))
            if not name.startswith("safe") and chance.random() < 0.25:
                raise chance.choice(FAILURES)
            return _answer(value, chance)

        return do

    return {name: step(name) for name in steps}


def _answer(value: Any, chance: Random) -> Any:
    if isinstance(value, bool):
        return chance.random() < 0.5
    if isinstance(value, str):
        return chance.choice([value, value + "x", "", "plain"])
    return value + chance.randint(-2, 2) if isinstance(value, (int, float)) else chance.choice(["x", None])


def _numbers(functions: Functions, workflow_steps: dict[str, Any]) -> Functions:
    """Return the functions with lists out of the steps that return lists."""

    def listed(do: Callable[..., Any]) -> Callable[..., Any]:
        return lambda value: [do(value)] * (abs(value) % 3)

    lists = {name for name, function in workflow_steps.items() if function.__name__ == "numbers"}
    return {name: listed(do) if name in lists else do for name, do in functions.items()}


@settings(max_examples=PROGRAMS, deadline=None, suppress_health_check=list(HealthCheck), derandomize=PROGRAMS <= 60)
@given(seed=st.integers(0, 2**32), size=st.integers(1, 5))
def test_generated_programs_agree(seed: int, size: int) -> None:
    generator = Generator(Random(seed), size)
    body = generator.program()
    workflow = written(body)
    compiled = compile_workflow(workflow)
    steps = {each.name: each.function for each in compiled.steps}
    for number, user in enumerate(SAFE_USERS):
        native = run_natively(workflow, user, _numbers(behaviour(seed + number, list(steps)), steps))
        other = run_compiled(compiled, user, _numbers(behaviour(seed + number, list(steps)), steps))
        _same(native, other, body, ordered=not generator.branches)


def _same(native: NativeOutcome, other: NativeOutcome, body: str, *, ordered: bool) -> None:
    error = EVALUATION_ERROR if native.error in PYTHON_ERRORS else native.error
    if (other.error, other.output) != (error, native.output):
        pytest.fail(f"{body}\n\nnative: {native}\n\ncompiled: {other}")
    if ordered:
        assert other.calls == native.calls, body
    elif native.error is None:
        found, expected = (_by_step(each) for each in (other, native))
        for step in found.keys() | expected.keys():
            assert found.get(step) == expected.get(step) or step.startswith("safe"), body


def _by_step(outcome: NativeOutcome) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for call in outcome.calls:
        found.setdefault(call.step, []).append(call.input)
    return found
