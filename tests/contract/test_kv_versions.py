"""The contract of KVNamespace where several write the same key: no write is lost, and none counts twice."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto.core.models import botocore_stubber

from durable import KVNamespace
from durable.aws.kv import DynamoDBKVNamespace
from durable.clients.kv import MOST_TRIES, KVContended
from durable.local.bindings.kv import SQLiteKVNamespace
from durable.local.storage.schema import KV
from tests.contract.worlds import AWS, Moto, OneMachine, World

FRESH_KEYS = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],  # each example has its own key
)


class SoldOut(Exception):
    """There is nothing left."""


@dataclass
class Sale:
    """Somebody who takes some of the stock; others come between each of its reads and the write that follows."""

    quantity: int
    between: list[Sale] = field(default_factory=list)

    def run(self, stock: KVNamespace[int], key: str) -> int:
        """Return how much was sold by this one and by those that came between."""
        others, sold = iter(self.between), [0]

        def take(left: int | None) -> int:
            other = next(others, None)
            if other is not None:
                sold[0] += other.run(stock, key)
            if left is None or left < self.quantity:
                raise SoldOut
            return left - self.quantity

        try:
            stock.update(key, take)
        except SoldOut:
            return sold[0]
        return sold[0] + self.quantity


SALES = st.recursive(
    st.builds(Sale, st.integers(1, 4)),
    lambda inner: st.builds(Sale, st.integers(1, 4), st.lists(inner, max_size=3)),
    max_leaves=8,
)
KEYS = iter(range(10**9))


@pytest.fixture
def namespace(world: World) -> KVNamespace[Any]:
    return world.namespace()


@pytest.mark.sweep
@FRESH_KEYS
@given(stock=st.integers(0, 12), sales=st.lists(SALES, max_size=4))
def test_what_is_sold_and_what_is_left_is_what_there_was(
    namespace: KVNamespace[Any], stock: int, sales: list[Sale]
) -> None:
    key = f"stock-{next(KEYS)}"
    namespace.put(key, stock)
    sold = sum(each.run(namespace, key) for each in sales)
    assert namespace.get(key) == stock - sold >= 0


def test_threads_that_sell_at_once_sell_no_more_than_there_is(world: World) -> None:
    world.namespace(name="shop").put("stock", 25)
    sold: list[int] = []

    def sell() -> None:
        shop = world.namespace(name="shop")
        sold.extend(Sale(2).run(shop, "stock") for _ in range(6))

    threads = [threading.Thread(target=sell) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sum(sold), world.namespace(name="shop").get("stock")) == (24, 1)


def test_a_write_by_version_is_made_over_that_version_only(namespace: KVNamespace[Any]) -> None:
    assert namespace.get_with_version("a") is None
    namespace.put("a", 1)
    first = namespace.get_with_version("a")
    assert first is not None
    assert first.value == 1
    assert namespace.put("a", 2, if_version=first.version) is True
    assert namespace.put("a", 3, if_version=first.version) is False
    second = namespace.get_with_version("a")
    assert second is not None
    assert (second.value, second.version == first.version) == (2, False)


@pytest.mark.parametrize("again", [lambda kv: kv.put("a", 1), lambda kv: kv.put("a", 1, if_absent=True)])
def test_the_same_value_written_anew_has_another_version(namespace: KVNamespace[Any], again: Any) -> None:
    namespace.put("a", 1)
    before = namespace.get_with_version("a")
    namespace.delete("a")
    assert before is not None
    assert namespace.put("a", 2, if_version=before.version) is False
    assert again(namespace) is True
    assert namespace.put("a", 2, if_version=before.version) is False
    assert namespace.get("a") == 1


def test_a_value_whose_time_is_over_has_no_version(world: World) -> None:
    namespace = world.namespace()
    namespace.put("a", 1, ttl="1 second")
    before = namespace.get_with_version("a")
    assert before is not None
    world.clock.advance_to(world.clock.now() + 1_000)
    assert namespace.get_with_version("a") is None
    assert namespace.put("a", 2, if_version=before.version) is False


def test_two_conditions_at_once_are_refused(namespace: KVNamespace[Any]) -> None:
    with pytest.raises(ValueError, match="name one condition"):
        namespace.put("a", 1, if_absent=True, if_version="x")


def test_an_update_makes_a_value_where_there_is_none(namespace: KVNamespace[Any]) -> None:
    assert namespace.update("a", lambda there: [there, 1]) == [None, 1]
    assert namespace.get("a") == [None, 1]


def test_an_update_whose_function_raises_writes_nothing(namespace: KVNamespace[Any]) -> None:
    namespace.put("a", 1)
    with pytest.raises(ZeroDivisionError):
        namespace.update("a", lambda _: 1 // 0)
    assert namespace.get("a") == 1


def test_an_update_keeps_the_time_of_a_value_unless_it_gives_it_another(world: World) -> None:
    namespace = world.namespace()
    namespace.put("a", 1, ttl="10 seconds")
    namespace.put("b", 1, ttl="10 seconds")
    world.clock.advance_to(world.clock.now() + 6_000)
    namespace.increment("a")
    namespace.increment("b", ttl="10 seconds")
    world.clock.advance_to(world.clock.now() + 4_000)
    assert (namespace.get("a"), namespace.get("b")) == (None, 2)
    assert namespace.increment("a", 5) == 5


def test_an_update_that_always_meets_another_write_gives_up(namespace: KVNamespace[Any]) -> None:
    calls: list[Any] = []

    def slow(there: Any) -> str:
        calls.append(there)
        namespace.put("a", len(calls))
        return "mine"

    if isinstance(namespace, DynamoDBKVNamespace):
        namespace._pause = lambda _: None
    with pytest.raises(KVContended, match="100 tries"):
        namespace.update("a", slow)
    assert (len(calls), namespace.get("a")) == (MOST_TRIES, MOST_TRIES)


def test_counters_count(namespace: KVNamespace[Any]) -> None:
    assert [namespace.increment("a"), namespace.increment("a", 10), namespace.increment("a", -12)] == [1, 11, -1]
    namespace.put("b", "text")
    with pytest.raises(TypeError, match="of type str is no whole number"):
        namespace.increment("b")
    namespace.put("c", True)
    with pytest.raises(TypeError, match="of type bool is no whole number"):
        namespace.increment("c")


def test_a_value_of_a_former_release_has_a_version_that_can_be_named(world: World) -> None:
    namespace = world.namespace()
    _write_as_formerly(world, namespace, "a", "1")
    found = namespace.get_with_version("a")
    assert found is not None
    assert found.value == 1
    assert namespace.increment("a") == 2
    assert namespace.put("a", 9, if_version=found.version) is False


def _write_as_formerly(world: World, namespace: KVNamespace[Any], key: str, text: str) -> None:
    if isinstance(world, OneMachine):
        assert isinstance(namespace, SQLiteKVNamespace)
        world.journal.flush()
        world.journal.put(KV, (namespace.name, key), (text, None, ""))
    else:
        assert isinstance(namespace, DynamoDBKVNamespace)
        item = {"pk": {"S": "kv"}, "sk": {"S": key}, "value": {"S": text}}
        namespace._client.put_item(TableName=namespace._table, Item=item)


class LostAnswers:
    """Loses the answer to the first of a kind of requests, which is carried out; so boto3 sends it again.

    A transaction that comes again under its token is answered as the first time, as by DynamoDB; moto has no tokens.
    """

    def __init__(self, aws: AWS, operation: str) -> None:
        self._event = f"before-send.dynamodb.{operation}"
        self._events = aws.dynamodb.meta.events
        self._answers: dict[str, Any] = {}
        self.sent = 0

    def __call__(self, request: Any, **_: Any) -> Any:
        token = json.loads(request.body).get("ClientRequestToken")
        self.sent += 1
        if token in self._answers:
            return self._answers[token]
        answer = botocore_stubber("before-send", request)
        if token is not None:
            self._answers[token] = answer
        if self.sent == 1:
            raise ConnectionClosedError(endpoint_url=request.url)
        return answer

    def __enter__(self) -> LostAnswers:
        self._events.register_first(self._event, self)
        return self

    def __exit__(self, *_: object) -> None:
        self._events.unregister(self._event, self)


@pytest.fixture
def on_aws(aws: AWS) -> KVNamespace[Any]:
    return Moto(aws).namespace()


def test_a_sale_whose_answer_is_lost_is_made_once(aws: AWS, on_aws: KVNamespace[Any]) -> None:
    on_aws.put("stock", 10)
    with LostAnswers(aws, "TransactWriteItems") as requests:
        assert on_aws.increment("stock", -1) == 9
    assert (requests.sent, on_aws.get("stock")) == (2, 9)


def test_a_first_write_whose_answer_is_lost_is_known_to_be_ones_own(aws: AWS, on_aws: KVNamespace[Any]) -> None:
    with LostAnswers(aws, "PutItem") as requests:
        assert on_aws.put("claim", "me", if_absent=True) is True
    assert (requests.sent, on_aws.get("claim")) == (2, "me")
    with LostAnswers(aws, "PutItem") as requests:
        assert on_aws.put("claim", "you", if_absent=True) is False
    assert (requests.sent, on_aws.get("claim")) == (2, "me")
