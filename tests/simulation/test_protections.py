"""Each protection of the protocol is worth its place: with it switched off, seeds break a promise; with it, none does.

What only saves time or money is not here: the conditions on the position of a run (an execution that is not the
current one may move it: its steps hear what is recorded), a queue for timers (the reconciler finds what is due), the
recognition of a wake whose answer was lost (the reconciler starts the same execution).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

import durable.store.record
from durable.operations.segment_reconciler import Reconciled, SegmentReconciler
from durable.steps.parked import ParkingHandler
from durable.store.table import Row
from tests.simulation.aws import CALM, STORM, Faults
from tests.simulation.story import Script, Story

Off = Callable[[pytest.MonkeyPatch], frozenset[str]]
TWINS = replace(STORM, twice=1.0, crash=0.0, dies=0.0, never=0.0)
"""Each execution runs twice at once."""


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


def look_again(patch: pytest.MonkeyPatch) -> frozenset[str]:
    """Whoever parks a run looks for an outcome once more."""
    patch.setattr(ParkingHandler, "_look_again", lambda self, key: None)
    return frozenset()


def reconciler(patch: pytest.MonkeyPatch) -> frozenset[str]:
    """What was lost is found."""
    patch.setattr(SegmentReconciler, "reconcile", lambda self, workflows: Reconciled(0, 0))
    return frozenset()


@pytest.mark.parametrize(
    ("protection", "workflow", "script", "faults", "seeds"),
    [
        (flag, "trial", "terminate", STORM, range(12)),
        (fence, "trial", "restart", TWINS, range(12)),
        (renewal, "trial", "none", TWINS, range(12)),
        (look_again, "waiter", "none", CALM, range(12)),
        (reconciler, "child", "none", STORM, range(12)),
    ],
)
def test_a_promise_breaks_without(
    protection: Off,
    workflow: str,
    script: Script,
    faults: Faults,
    seeds: range,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert [seed for seed in seeds if Story(seed, workflow, script, faults).play().trouble] == []
    with monkeypatch.context() as patch:
        off = protection(patch)
        assert any(Story(seed, workflow, script, faults, off).play().trouble for seed in seeds)
