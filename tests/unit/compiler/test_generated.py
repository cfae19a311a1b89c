"""Programs drawn at random give the same compiled as in CPython: output, error, and the calls of each branch."""

from __future__ import annotations

import os
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from durable.compiler import compile_workflow
from durable.errors import CompileError, NonRetryableError, StepTimeoutError
from durable.testing.native import Call, Functions, NativeOutcome, run_natively
from tests.unit.compiler import sample
from tests.unit.compiler.both import EVALUATION_ERROR, PYTHON_ERRORS, catches_of, run_compiled
from tests.unit.compiler.generator import Generator
from tests.unit.compiler.sample import EmailTakenError, OutOfStockError, User
from tests.unit.compiler.segmented import run_segments
from tests.unit.compiler.test_expressions import USERS
from tests.unit.compiler.worlds import UNDONE, run_in_sandbox
from tests.unit.compiler.writing import TITLED, Group
from tests.unit.compiler.written import written

SAFE_USERS = [each.model_copy(update={"age": min(each.age, 10**12)}) for each in USERS]
"""Those whose numbers stay exact in what programs do to them."""
SHARDS = 4
FEW = 1_000
# how many programs, on every run the same; more and larger ones where asked for, each time others
PROGRAMS = int(os.environ.get("DURABLE_PROGRAMS", FEW))
SEGMENTED = 3
# of how many programs of every run one is run in segments too
LARGEST = 3 if PROGRAMS <= FEW else 5
ACCEPTED = (
    "sees in Python only",  # an expression that may fail, drawn in a `try` that catches everything
    "is not what CPython says",  # the text of what an expression fails with
    "of a step, and not one of `run`",  # the same class from a step and from an expression
    "in place",  # a list that grows, and that another name was drawn for
)
FAILURES = (EmailTakenError, OutOfStockError, StepTimeoutError, NonRetryableError, ValueError)


@dataclass
class Behaviour:
    """What steps do: the same for the same seed, and another thing for another attempt."""

    seed: int
    failed: bool = False
    attempts: Counter[str] = field(default_factory=Counter)

    def functions(self, steps: dict[str, str]) -> Functions:
        """Return what each step does; `steps` tells the names of their functions."""
        return {name: self._step(name, function) for name, function in steps.items()}

    def _step(self, name: str, function: str) -> Callable[..., Any]:
        is_safe = name.startswith("safe")  # then it may be at work several times at once, in any order

        def do(value: Any, **given: Any) -> Any:
            key = f"{name} {value + 0.0 if isinstance(value, (int, float)) else value}"
            self.attempts[key] += not is_safe
            chance = Random(zlib.crc32(f"{self.seed} {key} {self.attempts[key]}".encode()))
            if not is_safe and chance.random() < 0.25:
                self.failed = True
                raise chance.choice(FAILURES)
            return _answer(function, value, chance)

        return do


def _answer(function: str, value: Any, chance: Random) -> Any:
    match function:
        case "begin" | "ask":
            return None
        case "get_user" | "maybe_user":
            found: User | None = chance.choice([*SAFE_USERS, None] if function == "maybe_user" else SAFE_USERS)
            return found
        case "numbers":
            return [value + chance.randint(-2, 2)] * (abs(value) % 3)
        case "pet":
            pets = [sample.Dog(name=value), sample.Cat(name=value, lives=chance.randint(0, 9)), sample.Fish()]
            return chance.choice(pets)
        case "flag":
            return chance.random() < 0.5
        case "text":
            return chance.choice([value, value + "x", "", "plain"])
        case "maybe":
            return chance.choice([value, "x", None])
    return value + chance.randint(-2, 2)


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(SHARDS))
def test_generated_programs_agree(shard: int) -> None:
    @settings(
        max_examples=max(1, PROGRAMS // SHARDS),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=PROGRAMS <= FEW,
        database=None,
    )
    @given(seed=st.integers(0, 2**32), size=st.integers(1, LARGEST))
    def check(seed: int, size: int) -> None:
        _check(seed * SHARDS + shard, size)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # of tests that compare literals
        warnings.filterwarnings("ignore", "coroutine .* was never awaited")  # an argument after it failed
        check()


def _check(seed: int, size: int) -> None:
    generator = Generator(Random(seed), size)
    body = generator.program()
    workflow = written(body, classes=generator.classes)
    try:
        compiled = compile_workflow(workflow)
        children = [compile_workflow(each.workflow) for each in compiled.calls]
    except CompileError as refused:
        if not any(each in str(refused) for each in ACCEPTED):
            raise
        reject()
    uses = [each for every in (compiled, *children) for each in every.steps if not each.name.endswith(UNDONE)]
    steps = {each.name: each.function.__name__ for each in uses}
    user = SAFE_USERS[seed // SHARDS % len(SAFE_USERS)]
    behaviour = Behaviour(seed)
    catches = {step: paths for each in (compiled, *children) for step, paths in catches_of(each.definition).items()}
    native = run_natively(workflow, user, behaviour.functions(steps), generator.events, catches=catches)
    failed = (
        behaviour.failed
        or native.error is not None
        or "raise" in body
        or "assert" in body
        or _waited_in_vain(native, generator)
    )
    wanted = Wanted(native, generator.groups, failed)

    def fail(world: str, other: object) -> None:
        text = f"{body}\n{generator.classes}\n\n{user!r}\n{generator.events}\n\nnative: {native}\n\n{world}: {other}"
        pytest.fail(text, pytrace=False)

    whole = run_compiled(compiled, user, Behaviour(seed).functions(steps), generator.events)
    if not wanted.agrees(whole):
        fail("compiled", whole)
    if PROGRAMS > FEW or seed % SEGMENTED == 0:
        segmented, _ = run_segments(compiled, user, Behaviour(seed).functions(steps), generator.events)
        if not wanted.agrees(segmented):
            fail("in segments", segmented)
    if PROGRAMS > FEW or seed % SEGMENTED == 1:
        functions = Behaviour(seed).functions(steps)
        there = run_in_sandbox(workflow, user, functions, generator.events, generator.undoable, Random(seed))
        if not wanted.agrees(there.outcome, only=steps.keys()) or there.undone != there.to_undo:
            fail("in a sandbox", there)


def _waited_in_vain(native: NativeOutcome, generator: Generator) -> bool:
    waits = Counter(call.input["type"] for call in native.calls if call.input.keys() == {"type"})
    return any(count > len(generator.events[type]) for type, count in waits.items())


@dataclass
class Wanted:
    """What a run came to in CPython, with which another world has to agree.

    Attributes:
        failed: something in it failed, so that branches may have been stopped anywhere.
    """

    native: NativeOutcome
    groups: dict[str, Group]
    failed: bool

    def agrees(self, other: NativeOutcome, only: Collection[str] | None = None) -> bool:
        """Whether the outcome is the same, and the calls are; of these steps, if not of all."""
        native, groups = self.native, self.groups
        if only is not None:  # a sandbox tells steps by their names, of which a part may be computed
            groups = {name: self.groups[name] for name in map(_written, only)}
            native, other = (replace(each, calls=tuple(map(_untitled, each.calls))) for each in (native, other))
        # What an expression fails with ends a run with one name, what `raise` says with its own.
        errors = {native.error, EVALUATION_ERROR} if native.error in PYTHON_ERRORS else {native.error}
        return (
            other.error in errors
            and other.output == native.output
            and _same_calls(native, other, groups, failed=self.failed)
        )


def _same_calls(native: NativeOutcome, other: NativeOutcome, groups: dict[str, Group], *, failed: bool) -> bool:
    """Whether each branch made the same calls in one order; of one that was stopped, whether one began as the other."""
    for group in {id(each): each for each in groups.values()}.values():
        one, two = (
            [call for call in each.calls if groups.get(_written(call.step)) is group] for each in (native, other)
        )
        stopped = failed and group.stoppable
        if not (stopped and (group.again or group.at_once)) and not _agree(one, two, group, stopped=stopped):
            return False
    return True


def _agree(one: list[Call], two: list[Call], group: Group, *, stopped: bool) -> bool:
    if group.at_once:
        return sorted(map(_text, one)) == sorted(map(_text, two))
    size = min(len(one), len(two)) if stopped else max(len(one), len(two))
    return one[:size] == two[:size]


def _written(step: str) -> str:
    """Return what is written of a step's name."""
    return step.partition(TITLED)[0]


def _untitled(call: Call) -> Call:
    return Call(_written(call.step), call.input)


def _text(call: Call) -> str:
    """Return a call as text, in which 2.0 is 2."""
    whole = {name: int(each) for name, each in call.input.items() if isinstance(each, float) and each == int(each)}
    return f"{call.step} {call.input | whole}"
