"""Whatever is drawn arrives as it was sent: at a step, in an event, at a child and from it; or it is refused."""

from __future__ import annotations

import itertools
import linecache
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from durable.adapters import adapter_of
from durable.compiler.types.roundtrip import loss
from durable.errors import InvalidInput
from durable.store.values import Misfit, difference, dump, holds_secret, load
from durable.testing import Sandbox
from durable.workflow import WorkflowEntrypoint
from tests.contract.drawn_values import EXAMPLES, types

_TEXT = """\
from durable import WorkflowEntrypoint, WorkflowEvent, WorkflowStep


def echo(it: T) -> T:
    seen.append(it)
    return it


class Child(WorkflowEntrypoint[T]):
    async def run(self, event: WorkflowEvent[T], step: WorkflowStep) -> T:
        return await step.do("in the child", echo, event.payload)


class Journey(WorkflowEntrypoint[T]):
    async def run(self, event: WorkflowEvent[T], step: WorkflowStep) -> T:
        first = await step.do("first", echo, event.payload)
        grown = await step.call("child", Child, first)
        news = await step.wait_for_event("news", type="news", payload=T)
        await step.do("grown", echo, grown)
        return await step.do("last", echo, news)
"""
_STOPS = 4
MODULE = sys.modules[__name__]
_numbers = itertools.count()
DRAWN = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@given(st.data())
@DRAWN
def test_what_is_drawn_travels_through_a_run_or_is_refused(data: st.DataObject) -> None:
    type_, values = data.draw(types())
    value, seen = data.draw(values), list[Any]()
    if loss(type_) is not None or holds_secret(adapter_of(type_)):  # neither may be returned by `run`
        return
    with Sandbox(_journey(type_, seen)) as sandbox:
        if _is_refused(type_, value):
            with pytest.raises(InvalidInput, match=r"payload|params"):
                sandbox.start(value)
            return
        run = sandbox.start(value)
        run.send_event("news", value)
        sandbox.settle()
        assert run.status == "complete", (run.status, run.error)
        arrived = load(adapter_of(type_), run.output, "output")
    assert len(seen) == _STOPS
    assert difference(value, arrived, "output", exactly=True) is None
    assert [difference(value, each, "value", exactly=True) for each in seen] == [None] * _STOPS


def _is_refused(type_: Any, value: Any) -> bool:
    try:
        dump(adapter_of(type_), value, "payload")
    except Misfit:
        return True
    return False


def _journey(type_: Any, seen: list[Any]) -> type[WorkflowEntrypoint[Any]]:
    file = f"journey_{next(_numbers)}.py"
    linecache.cache[file] = (len(_TEXT), None, _TEXT.splitlines(keepends=True), file)
    names: dict[str, Any] = {"__name__": __name__, "T": type_, "seen": seen}
    exec(compile(_TEXT, file, "exec", dont_inherit=True), names)
    MODULE.__dict__["echo"] = names["echo"]  # a step is imported by its name
    journey: type[WorkflowEntrypoint[Any]] = names["Journey"]
    return journey
