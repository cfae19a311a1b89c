"""What the bindings of a sandbox hold, before and after."""

from __future__ import annotations

from datetime import timedelta

from durable import Queue
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
