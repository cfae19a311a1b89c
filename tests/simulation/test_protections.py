"""Each protection of the protocol is worth its place: with it switched off, seeds break a promise; with it, none does.

These only save time or money, and nothing breaks without one of them:

- the conditions on the position of a run, but for that on its end: an execution that is not the current one may move
  it, and its steps hear what is recorded;
- the queue of timers: the reconciler finds what is due;
- the recognition of a lease of one's own: without it an attempt is lost with the answer;
- the recognition of a wake whose answer was lost, and the second start of an execution that never began: the reconciler
  revives the run;
- the close as stopped where a park is refused, and the report to the parent when a child ends: the index of what is due
  brings both about;
- patience in writing an outcome, and no beginning of a step shortly before its execution ends: the attempt is made once
  more, under the same key;
- the return from Standard to Express: it is the price of the states that follow.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

import durable.operations.lifecycle
import durable.operations.segment_reconciler
import durable.runs.outcome
import durable.runs.runs
import durable.steps.lending
import durable.steps.step
import durable.steps.turn
import durable.store.record
from durable.operations.lifecycle import Lifecycle
from durable.operations.segment_reconciler import Reconciled, SegmentReconciler
from durable.runs.segments import Segments
from durable.runs.watches import Watches
from durable.steps.callbacks import Callbacks
from durable.steps.events import Events
from durable.steps.parked import ParkedTokens, ParkingHandler
from durable.steps.turn import Park, TurnHandler
from durable.store.callback_tokens import CallbackKey
from durable.store.failure import failure_of
from durable.store.keys import StepKey
from durable.store.large_values import goes_by_reference
from durable.store.large_values import lend as lend_at_once
from durable.store.record import StepRecord
from durable.store.rows import Header
from durable.store.table import Absent, Condition, Equals, Key, Row, Write
from durable.testing.large_values import MemoryValues
from durable.wire import Run
from tests.simulation.aws import CALM, STORM, DynamoDB, Faults
from tests.simulation.slow import SlowValues
from tests.simulation.story import Script, Story

Off = Callable[[pytest.MonkeyPatch], frozenset[str]]
TWINS = replace(STORM, twice=1.0, crash=0.0, dies=0.0, never=0.0)
"""Each execution runs twice at once."""
SILENT = Faults(message_lost=1.0)
"""No message of the queue of wakes arrives."""
DYING = replace(CALM, dies=0.5)


def flag(patch: pytest.MonkeyPatch) -> frozenset[str]:
    """A step that begins looks whether its run is to stop."""
    patch.setattr(durable.store.record, "halts", lambda flag, generation: False)
    return frozenset()


def fence(patch: pytest.MonkeyPatch) -> frozenset[str]:
    """An execution of an earlier generation begins no step."""

    def halts(flag: Row | None, generation: int) -> bool:
        return flag is not None and "want" in flag

    patch.setattr(durable.store.record, "halts", halts)
    return frozenset()


def renewal(patch: pytest.MonkeyPatch) -> frozenset[str]:
    """A lease is renewed while its step works."""
    return frozenset({"renew"})


def without_outcome(patch: pytest.MonkeyPatch) -> frozenset[str]:
    """A run is parked for an outcome only where there is none."""
    park = Segments.park

    def parked(self: Segments, *arguments: Any, wait: Key | None = None, **options: Any) -> Header | None:
        return park(self, *arguments, **options)

    patch.setattr(Segments, "park", parked)
    # A minute later it would be found by the look for senders that have died.
    patch.setattr(ParkingHandler, "_look_for_senders", lambda self, parked: None)
    return frozenset()


def reconciler(patch: pytest.MonkeyPatch) -> frozenset[str]:
    """What was lost is found."""
    patch.setattr(SegmentReconciler, "reconcile", lambda self, workflows: Reconciled(0, 0))
    return frozenset()


def due_index(patch: pytest.MonkeyPatch) -> frozenset[str]:
    """A parked run is woken when it is due, though its message was lost."""
    patch.setattr(DynamoDB, "due", lambda self, until, *, limit=100: ())
    return frozenset()


def watch(patch: pytest.MonkeyPatch) -> frozenset[str]:
    """Whoever has a run execute has the reconciler look at its workflow before."""
    patch.setattr(Watches, "begin", lambda self, workflow: None)
    return frozenset()


def revival(patch: pytest.MonkeyPatch) -> frozenset[str]:
    """A run of which an execution died goes on."""
    patch.setattr(Segments, "revive", lambda self, header: None)
    return frozenset()


def sender_wakes(patch: pytest.MonkeyPatch) -> frozenset[str]:
    """Whoever brings what a parked run waits for wakes it."""
    patch.setattr(ParkedTokens, "_woken", lambda self, token: token.startswith("parked:"))
    patch.setattr(Events, "_wake_with", lambda self, header, id, event: False)
    return frozenset()


def cap(patch: pytest.MonkeyPatch) -> frozenset[str]:
    """The record counts attempts before they begin, so a step that ends its process each time has a last one."""
    patch.setattr(durable.store.record, "_FEWEST_ATTEMPTS", 10**6)
    return frozenset()


def incarnation(patch: pytest.MonkeyPatch) -> frozenset[str]:
    """A run under an id that was used before is another run."""
    patch.setattr("durable.runs.runs.os", SimpleNamespace(urandom=bytes))
    return frozenset()


def tombstone(patch: pytest.MonkeyPatch) -> frozenset[str]:
    """An execution that begins after its run was deleted begins no step."""
    patch.setattr(durable.operations.lifecycle, "_LATE_SECONDS", 0)
    return frozenset()


def current_execution_ends(patch: pytest.MonkeyPatch) -> frozenset[str]:
    """Only the current execution of a run brings it to its end."""

    def equals(field: str, value: str | int | bool) -> Condition:
        return Absent("nothing") if field == "execution" else Equals(field, value)

    patch.setattr(durable.runs.runs, "Equals", equals)
    return frozenset()


def forgotten_wait(patch: pytest.MonkeyPatch) -> frozenset[str]:
    """A wait that was forgotten begins anew, with a deadline of its own."""
    patch.setattr(Callbacks, "_is_open", staticmethod(lambda row: True))
    return frozenset()


def one_token(patch: pytest.MonkeyPatch) -> frozenset[str]:
    """All attempts of a step with a callback are given one token: whoever has the first may complete the last."""
    made = itertools.count()

    def secret(record: StepRecord, key: CallbackKey) -> str:
        drawn = f"secret {next(made)}"
        record.write(Write(key.row, {"secret": drawn}))
        return drawn

    patch.setattr(StepRecord, "secret", secret)
    return frozenset()


def verdict(patch: pytest.MonkeyPatch) -> frozenset[str]:
    """A state that fails each time without a reason that the record knows is not tried for ever."""
    patch.setattr(durable.steps.turn, "_MOST_UNEXPLAINED", 10**6)
    return frozenset()


def hand_over(patch: pytest.MonkeyPatch) -> frozenset[str]:
    """A run whose execution has no time left goes on at once in another one: that is nothing to be explained."""
    park = TurnHandler._park

    def unexplained(self: TurnHandler, run: Run, execution: str, asked: Park) -> None:
        nothing: Park = {**asked, "error": "unknown", "cause": None, "step": ""}
        park(self, run, execution, nothing)

    patch.setattr(TurnHandler, "_park", unexplained)
    return frozenset()


def value_first(patch: pytest.MonkeyPatch) -> frozenset[str]:
    """A large value is durable before the outcome that refers to it is recorded."""

    def lend(values: SlowValues, key: StepKey, value: object) -> object:
        kept = MemoryValues()
        reference = lend_at_once(kept, key, value)
        ((run, data),) = kept.kept.items()
        ((name, text),) = data.items()
        # As by a process that writes it meanwhile, and may die before it has.
        if Random(name).random() < 0.5:
            MemoryValues.write(values, run, name, text)
        return reference

    patch.setattr(durable.steps.lending, "lend", lend)
    return frozenset()


def secrets_by_reference(patch: pytest.MonkeyPatch) -> frozenset[str]:
    """What a sensitive step returns travels by reference, however short it is."""

    def only_where_large(value: object, *, sensitive: bool, inline_bytes: int) -> bool:
        return goes_by_reference(value, sensitive=False, inline_bytes=inline_bytes)

    patch.setattr(durable.steps.lending, "goes_by_reference", only_where_large)
    return frozenset()


def secret_messages(patch: pytest.MonkeyPatch) -> frozenset[str]:
    """Nothing is kept of what the exception of a sensitive step says."""
    patch.setattr(durable.steps.step, "failure_of", lambda error, errors, sensitive: failure_of(error, errors))
    return frozenset()


def values_go_with_the_run(patch: pytest.MonkeyPatch) -> frozenset[str]:
    """The large values of a run are deleted with it, and swept where they were written late."""
    patch.setattr(SlowValues, "delete", lambda self, run: None)
    return frozenset()


def late_step(patch: pytest.MonkeyPatch) -> frozenset[str]:
    """A step whose block was left by an `except` looks whether its run is over by now."""
    patch.setattr(durable.store.record, "end_of_run", lambda table, key: None)
    return frozenset()


def result_by_hand(patch: pytest.MonkeyPatch) -> frozenset[str]:
    """A step that was given a result by hand has it."""
    patch.setattr(Lifecycle, "_give", lambda self, header, row, result: None)
    return frozenset()


def told_why(patch: pytest.MonkeyPatch) -> frozenset[str]:
    """Whoever started a run that a PublicError has ended is told why."""
    patch.setattr(durable.runs.outcome, "_is_public", lambda state, row: False)
    return frozenset()


def output_with_its_run(patch: pytest.MonkeyPatch) -> frozenset[str]:
    """A sweep leaves the large values of runs that are there."""
    patch.setattr("durable.operations.large_values.load_header", lambda table, workflow, instance: None)
    return frozenset()


def rows_of_late_executions(patch: pytest.MonkeyPatch) -> frozenset[str]:
    """Who finds a run closed gives the rows of that their time: one may have come late, or have another by mistake."""
    for module in ("durable.runs.runs", "durable.runs.segments", "durable.operations.waker"):
        patch.setattr(f"{module}.expire_again", lambda table, header: None)
    return frozenset()


PROTECTIONS = [
    (flag, "trial", "terminate", STORM, range(12, 24)),
    (late_step, "breaker", "none", STORM, range(24, 32)),
    (result_by_hand, "child", "restart after", STORM, range(4)),
    (told_why, "trip", "none", CALM, range(2)),
    (output_with_its_run, "keeper", "pause", CALM, range(12)),
    (rows_of_late_executions, "trial", "restart from", STORM, range(10, 14)),
    (fence, "trial", "restart", TWINS, range(12)),
    (renewal, "trial", "none", TWINS, range(12)),
    (without_outcome, "waiter", "none", CALM, range(36, 48)),
    (reconciler, "child", "none", STORM, range(12)),
    (due_index, "child", "none", SILENT, range(2)),
    (revival, "child", "none", DYING, range(6)),
    (watch, "child", "none", DYING, range(6)),
    (sender_wakes, "waiter", "none", SILENT, range(4)),
    (cap, "doomed", "none", CALM, range(1)),
    (incarnation, "child", "again", CALM, range(12)),
    (current_execution_ends, "child", "restart", TWINS, range(20)),
    (tombstone, "child", "again", STORM, range(50_010, 50_040)),
    (value_first, "lender", "none", CALM, range(12)),
    (values_go_with_the_run, "lender", "delete", CALM, range(8)),
    (secrets_by_reference, "vault", "none", CALM, range(2)),
    (secret_messages, "vault", "none", CALM, range(2)),
    (one_token, "hook", "none", CALM, range(12)),
    (forgotten_wait, "trial", "restart from", CALM, range(8)),
]
"""Each with stories that need it: a workflow, what is done to it, the faults, and the seeds to play."""


@pytest.fixture
def unwatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the reconciler look only where it was told to: else it finds within an hour what nobody watches."""
    monkeypatch.setattr(durable.operations.segment_reconciler, "_ALL_MS", 10**12)


@pytest.mark.usefixtures("unwatched")
@pytest.mark.parametrize(("protection", "workflow", "script", "faults", "seeds"), PROTECTIONS)
def test_a_promise_breaks_without(
    protection: Off, workflow: str, script: Script, faults: Faults, seeds: range, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        off = protection(patch)
        breaks = (seed for seed in seeds if Story(seed, workflow, script, faults, off).play().trouble)
        broken = next(breaks, None)
    assert broken is not None
    # The protection, and not the schedule, makes the difference.
    assert Story(broken, workflow, script, faults).play().trouble == []


@pytest.mark.slow
@pytest.mark.usefixtures("unwatched")
@pytest.mark.parametrize(("workflow", "script", "faults", "seeds"), [each[1:] for each in PROTECTIONS])
def test_no_promise_breaks_with_all_of_them(workflow: str, script: Script, faults: Faults, seeds: range) -> None:
    assert [seed for seed in seeds if Story(seed, workflow, script, faults).play().trouble] == []


def test_a_lambda_that_cannot_begin_fails_its_run_by_the_verdict_of_standard(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story(1, "child", dead="child:First")
    world = story.play()
    assert (world.trouble, world.count["express"], world.count["standard"]) == ([], 9, 1)
    verdict(monkeypatch)
    assert Story(1, "child", dead="child:First").play().trouble


def test_a_run_that_works_for_long_stays_on_express(monkeypatch: pytest.MonkeyPatch) -> None:
    for workflow in ("loop", "grinder"):
        world = Story(1, workflow).play()
        assert (world.trouble, world.count["standard"]) == ([], 0)
    hand_over(monkeypatch)
    assert Story(1, "grinder").play().count["standard"] > 0
