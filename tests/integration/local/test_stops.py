"""Runs that are stopped anywhere and go on end as those that are not: no arm is taken that they had not taken."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from durable.build import Build, build
from durable.errors import RunConflict
from durable.project import Project, declarations
from durable.runs.transitions import Order
from durable.testing.host import VirtualHost
from tests.integration.local import journeys

BUILT: Build = build(Project("journeys", tuple(declarations(sys.modules[journeys.__name__]))))
KEYS = (
    *("first", "first-arm", "left", "left-arm", "left-end", "last"),
    *(f"legs[{number}]/{step}" for number in range(3) for step in ("leg", "detour")),
)
ARMS = {"first-arm": "first", "left-arm": "left"} | {
    f"legs[{number}]/detour": f"legs[{number}]/leg" for number in range(3)
}
"""The steps in an `except`, by whose failure they come to run."""

fates = st.dictionaries(
    st.sampled_from(KEYS),
    st.lists(st.sampled_from(["ok", "odd", "blocked"]), min_size=1, max_size=2),
    max_size=6,
)


@dataclass(frozen=True)
class Ended:
    """How a run ended, and the calls of its steps, in no order."""

    output: object
    error: object
    calls: tuple[str, ...]


def stop(host: VirtualHost, verb: str = "pause") -> None:
    with contextlib.suppress(RunConflict):
        host.host.operator.lifecycle.carry_out("journey", "one", Order(verb))  # type: ignore[arg-type]  # a name


def travel(
    fates: Mapping[str, Sequence[str]], turns: Sequence[int] = (), inside: frozenset[int] = frozenset(), seed: int = 0
) -> Ended:
    """Run a journey to its end; stop it after so many turns each, and while the calls of these numbers are made."""
    journeys.calls.clear()
    journeys.fates.clear()
    journeys.fates.update({key: list(each) for key, each in fates.items()})
    with VirtualHost(BUILT, seed=seed) as host:
        journeys.on_call[:] = [lambda number: stop(host) if number in inside else None]
        host.start("journey", 2, id="one")
        for some in turns:
            with contextlib.suppress(RuntimeError):
                host.run(turns=some)
            stop(host)
            host.run()
            stop(host, "resume")
        _go_on(host)
        status = host.status("journey", "one")
    journeys.on_call.clear()
    assert status.status in ("complete", "errored")
    error = status.error and (status.error["name"], status.error.get("step"))
    return Ended(status.output, error, tuple(sorted(journeys.calls)))


def _go_on(host: VirtualHost) -> None:
    """Let a run come to rest, and go on with it whenever it was paused there."""
    host.run()
    while host.status("journey", "one").status == "paused":
        stop(host, "resume")
        host.run()


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    fates=fates,
    turns=st.lists(st.integers(1, 12), max_size=4),
    inside=st.frozensets(st.integers(1, 20), max_size=4),
    seed=st.integers(1, 1000),
)
def test_a_run_that_is_stopped_anywhere_ends_as_one_that_is_not(
    fates: dict[str, list[str]], turns: list[int], inside: frozenset[int], seed: int
) -> None:
    whole = travel(fates)
    stopped = travel(fates, turns, inside, seed)
    assert (stopped.output, stopped.error is None) == (whole.output, whole.error is None)
    if whole.error is None:
        assert stopped.calls == whole.calls
    for call in stopped.calls:
        key = call.rpartition(" ")[0]
        assert key not in ARMS or fails(fates.get(ARMS[key], []))


def fails(fate: Sequence[str]) -> bool:
    """Return whether a step with one retry fails for good."""
    return fate[:1] == ["blocked"] or list(fate[:2]) in (["odd", "odd"], ["odd", "blocked"])


def test_a_stop_in_every_step_changes_nothing() -> None:
    fates = {"first": ["odd", "blocked"], "legs[1]/leg": ["blocked"], "left": ["odd", "odd"], "last": ["ok"]}
    whole = travel(fates)
    assert whole.error is None
    assert travel(fates, inside=frozenset(range(1, 30))) == whole
    assert {"first-arm 1", "legs[1]/detour 1", "left-arm 1"} <= set(whole.calls)
