"""Whatever is drawn, it arrives as it was sent, in both worlds, or it is refused by name before it is stored."""

from __future__ import annotations

import itertools
import sys
from contextlib import nullcontext
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from durable.adapters import adapter_of
from durable.compiler.types.roundtrip import loss
from durable.signature import signature_of
from durable.steps.step import StepHandler
from durable.store.record import StepRecord
from durable.store.values import Misfit, difference, dump, load, load_text, unordered
from durable.wire import StepEvent
from tests.contract.drawn_values import EXAMPLES, types
from tests.contract.worlds import World
from tests.unit.record.conftest import Lines

MODULE = sys.modules[__name__]
DRAWN = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_runs = itertools.count()


@given(st.data())
@DRAWN
def test_what_is_drawn_arrives_or_is_refused(world: World, data: st.DataObject) -> None:
    type_, values = data.draw(types())
    value = data.draw(values)
    if (refused := loss(type_)) is not None:
        assert "; " in refused
        return
    adapter = adapter_of(type_)
    misfit: Misfit | None = None
    try:
        dumped = dump(adapter, value, "result")
    except Misfit as error:
        misfit = error
    if misfit is not None:
        assert all(each.startswith("result") and each.endswith(")") for each in misfit.fields)
        assert "FAILED" not in _through_kv(world, type_, value)
        return
    assert _same(value, load(adapter, dumped, "value"))
    assert _same(value, _through_step(world, type_, value, dumped))
    assert _through_kv(world, type_, value) == "same"
    assert _same(value, _through_queue(world, type_, value))


def _same(sent: Any, arrived: Any) -> bool:
    return difference(sent, arrived, "value", exactly=True) is None


def _through_kv(world: World, type_: Any, value: Any) -> str:
    """Return whether a value is refused, or comes back the same from a namespace, or not."""
    namespace = world.namespace(type_)
    try:
        namespace.put("key", value)
    except TypeError:
        return "refused"
    return "same" if _same(value, namespace.get("key")) else "FAILED"


def _through_queue(world: World, type_: Any, value: Any) -> Any:
    queue = world.queue(type_)
    queue.send(value)
    (body,) = world.received(queue)
    return load_text(adapter_of(type_), body, "message")


def _through_step(world: World, type_: Any, value: Any, dumped: Any) -> Any:
    """Return what a step is given that returns it; once from the step, and once from the record."""
    taken: list[Any] = []

    def echo(it: Any) -> Any:
        taken.append(it)
        return it

    echo.__qualname__ = "echo"
    echo.__annotations__ = {"it": type_, "return": type_}
    MODULE.__dict__["echo"] = echo
    record = StepRecord(world.table(), world.clock)
    handler = StepHandler(signature_of(echo), {}, record, world.clock, lambda seconds: nullcontext(), Lines())
    event: StepEvent = {
        "run": {
            "workflow": "shop",
            "instance": f"run-{next(_runs)}",
            "epoch": 1,
            "createdAt": "2026-01-01T00:00:00.000Z",
        },
        "execution": "one.x",
        "step": "echo",
        "attempts": 1,
        "timeout": 60,
        "input": {"it": dumped},
    }
    first = handler(event, "a")
    assert handler(event, "b") == first
    assert unordered(first["result"]) == unordered(dumped)  # a set is written in any order
    assert list(map(type, taken)) == [type(value)]
    assert _same(value, taken[0])
    return load(adapter_of(type_), first["result"], "result")
