"""What the bindings of a sandbox hold, before and after."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest

from durable import Queue, Var, Workflow, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.errors import DeclarationError
from durable.testing import Sandbox
from tests.unit.testing import parcels
from tests.unit.testing.parcels import Parcel, ParcelsWorkflow


def test_messages_wait_where_there_is_no_consumer() -> None:
    sandbox = Sandbox(ParcelsWorkflow, bindings={"labels": [{"name": "old", "weight": 3}], "weights": {"b": 2}})
    sandbox.run(["a", "b"])
    assert sandbox.queue("labels").waiting == [
        Parcel(name="old", weight=3),
        Parcel(name="a"),
        Parcel(name="b", weight=2),
    ]
    assert sandbox.queue("labels").delivered == []


def test_a_consumer_is_given_again_what_it_lost_and_at_last_no_more() -> None:
    sandbox = Sandbox(parcels, bindings={"lost": {"b": True}})
    sandbox.disable_sleeps()
    run = sandbox.run(["a", "b"], workflow="parcels")
    labels = sandbox.queue(parcels.labels)
    assert (labels.waiting, labels.delivered, labels.dead) == ([], [Parcel(name="a")], [Parcel(name="b")])
    assert [each.subject for each in sandbox.email(parcels.mail).sent] == ["a"]
    assert (run.elapsed, sandbox.elapsed) == (timedelta(0), timedelta(minutes=3))


def test_a_queue_may_be_given_with_its_consumer() -> None:
    labels = Queue[Parcel]("printer", consumer=parcels.post, bindings={"mail": parcels.mail, "lost": parcels.lost})
    sandbox = Sandbox(ParcelsWorkflow, bindings={"labels": labels})
    sandbox.run(["a"])
    assert sandbox.queue("printer").delivered == sandbox.queue("labels").delivered == [Parcel(name="a")]


def test_a_declared_workflow_brings_its_bindings() -> None:
    sandbox = Sandbox(parcels.parcels, bindings={"weights": {"a": 5}})
    sandbox.run(["a"])
    assert sandbox.queue(parcels.labels).delivered == [Parcel(name="a", weight=5)]
    assert sandbox.kv(parcels.weights).contents == {"a": 5}


def test_a_namespace_may_be_changed_between_runs() -> None:
    sandbox = Sandbox(ParcelsWorkflow)
    sandbox.kv("weights").put("a", 4)
    assert sandbox.run(["a"]).step("pack").result == Parcel(name="a", weight=4)
    sandbox.kv("weights").delete("a")
    assert sandbox.run(["a"]).step("pack").result == Parcel(name="a", weight=1)
    assert sandbox.kv("weights").contents == {}


def test_a_namespace_shows_more_than_a_page() -> None:
    many = {f"{number:04}": number for number in range(1_100)}
    assert Sandbox(ParcelsWorkflow, bindings={"weights": many}).kv("weights").contents == many


@dataclass(frozen=True)
class Limits:
    most: int


def cap(wanted: int, limits: Var[Limits]) -> int:
    return min(wanted, limits.value.most)


class CapWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        return await step.do("cap", cap, event.payload)


def test_a_test_gives_a_variable_another_value() -> None:
    limits = Var("limits", Limits(3))
    declared = Workflow("cap", CapWorkflow, bindings={"limits": limits})

    assert Sandbox(declared).run(9).output == 3
    sandbox = Sandbox(declared, bindings={"limits": Limits(5)})
    assert sandbox.run(9).output == 5
    sandbox.restart()
    assert sandbox.run(9).output == 5
    assert Sandbox(declared, bindings={"limits": {"most": 6}}).run(9).output == 6
    assert limits.value == Limits(3)


def test_a_variable_is_given_what_its_step_can_read() -> None:
    declared = Workflow("cap", CapWorkflow, bindings={"limits": Var("limits", Limits(3))})

    with pytest.raises(DeclarationError, match=r"Var\('limits'\) does not fit .* value.most \(missing\)"):
        Sandbox(declared, bindings={"limits": {}})
    with pytest.raises(
        DeclarationError, match=r"limits is a Var: give its declaration in `bindings`, as Var\('limits'"
    ):
        Sandbox(CapWorkflow)
    assert Sandbox(CapWorkflow, bindings={"limits": Var("limits", Limits(4))}).run(9).output == 4
