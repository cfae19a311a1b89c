"""The contract of Queue, as far as sending goes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from durable.durations import Duration
from tests.contract.worlds import World


class Letter(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    send_to: str


def test_a_message_is_json_by_alias(world: World) -> None:
    letters = world.queue(Letter)
    letters.send(Letter(send_to="Zoë 🎉"))
    assert [json.loads(body) for body in world.received(letters)] == [{"sendTo": "Zoë 🎉"}]
    assert world.received(letters) == []


@pytest.mark.parametrize("message", [None, False, 0, "", [], {}, "\x00 \ufffe \uffff \n"])
def test_messages_that_are_falsy_or_odd_arrive(world: World, message: Any) -> None:
    queue = world.queue()
    queue.send(message)
    assert [json.loads(body) for body in world.received(queue)] == [message]


def test_a_batch_arrives_whole(world: World) -> None:
    queue = world.queue()
    queue.send_batch(range(35))
    assert sorted(json.loads(body) for body in world.received(queue)) == list(range(35))


def test_a_batch_of_large_messages_arrives_whole(world: World) -> None:
    queue = world.queue()
    queue.send_batch([f"{number}" + "x" * 127_000 for number in range(5)])
    assert sorted(json.loads(body)[0] for body in world.received(queue)) == list("01234")


def test_an_empty_batch_is_nothing(world: World) -> None:
    queue = world.queue()
    queue.send_batch([])
    assert world.received(queue) == []


def test_a_batch_is_limited(world: World) -> None:
    queue = world.queue()
    with pytest.raises(ValueError, match="101 messages in one batch; it takes 100 at most"):
        queue.send_batch(range(101))
    assert world.received(queue) == []
    queue.send_batch(range(100))


def test_a_message_is_limited_in_bytes(world: World) -> None:
    queue = world.queue()
    largest = "é" * 63_999
    queue.send(largest)
    with pytest.raises(ValueError, match="128,001 bytes of JSON; it takes 128,000 at most"):
        queue.send(largest + "x")
    with pytest.raises(ValueError, match="128,001 bytes"):
        queue.send_batch(["fine", largest + "x"])
    assert [json.loads(body) for body in world.received(queue)] == [largest]


def test_a_message_of_another_type_is_refused_without_the_data(world: World) -> None:
    with pytest.raises(TypeError, match="value of type dict does not fit Letter") as raised:
        world.queue(Letter).send({"send_to": "secret"})
    assert "secret" not in str(raised.value)


def test_a_delayed_message_is_not_there_at_once(world: World) -> None:
    queue = world.queue()
    queue.send("later", delay="1 minute")
    queue.send_batch(["later"], delay="15 minutes")
    queue.send("now")
    assert world.received(queue) == ['"now"']


@pytest.mark.parametrize("delay", ["15.01 minutes", "1 hour"])
def test_a_delay_is_limited(world: World, delay: Duration) -> None:
    with pytest.raises(ValueError, match="it is 15 minutes at most"):
        world.queue().send(1, delay=delay)
