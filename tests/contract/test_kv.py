"""The contract of KVNamespace."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from durable import KVNamespace
from durable.durations import Duration
from durable.errors import DurationError
from tests.contract.worlds import World


class Pet(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    pet_name: str
    born: date | None = None
    friends: dict[str, int] = {}


@pytest.fixture
def namespace(world: World) -> KVNamespace[Any]:
    return world.namespace()


def test_a_value_is_read_back_and_overwritten(namespace: KVNamespace[Any]) -> None:
    assert namespace.get("a") is None
    assert namespace.put("a", {"x": [1]}) is True
    assert namespace.get("a") == {"x": [1]}
    assert namespace.put("a", "other") is True
    assert namespace.get("a") == "other"


@pytest.mark.parametrize("value", [None, False, 0, "", [], {}, 1.5, "Zoë 日本 🎉 \n\x00 \uffff", 2**60])
def test_values_that_are_falsy_or_odd_come_back(namespace: KVNamespace[Any], value: Any) -> None:
    namespace.put("a", value)
    assert namespace.get("a") == value
    assert namespace.put("a", 1, if_absent=True) is False
    assert namespace.list().keys == ("a",)


def test_a_model_is_written_by_alias_and_read_as_itself(world: World) -> None:
    pets = world.namespace(Pet, name="pets")
    rex = Pet(pet_name="Rex", born=date(2020, 2, 29))
    pets.put("rex", rex)
    assert pets.get("rex") == rex
    assert world.namespace(name="pets").get("rex") == {"petName": "Rex", "born": "2020-02-29", "friends": {}}


def test_what_no_longer_fits_its_type_is_an_error_without_the_data(world: World) -> None:
    world.namespace(name="pets").put("rex", {"petName": 7, "born": "secret", "friends": {"Jane Roe": "secret"}})
    with pytest.raises(ValidationError) as raised:
        world.namespace(Pet, name="pets").get("rex")
    text = f"{raised.value} {raised.value.errors()}"
    assert "petName" in text
    assert "date" in text
    assert "secret" not in text
    assert "Jane" not in text
    assert raised.value.__cause__ is raised.value.__context__ is None


def test_a_value_of_another_type_is_refused_without_the_data(world: World) -> None:
    pets = world.namespace(Pet, name="pets")
    with pytest.raises(TypeError, match="value of type str does not fit Pet") as raised:
        pets.put("rex", "secret")
    assert "secret" not in str(raised.value)
    assert pets.get("rex") is None


def test_delete(namespace: KVNamespace[Any]) -> None:
    namespace.delete("a")
    namespace.put("a", 1)
    namespace.delete("a")
    assert namespace.get("a") is None
    assert namespace.list().keys == ()
    assert namespace.put("a", 2, if_absent=True) is True


def test_if_absent_does_not_overwrite(namespace: KVNamespace[Any]) -> None:
    assert namespace.put("a", 1, if_absent=True) is True
    assert namespace.put("a", 2, if_absent=True) is False
    assert namespace.get("a") == 1


def test_of_many_that_race_on_if_absent_exactly_one_wins(world: World) -> None:
    start = threading.Barrier(4)
    won: list[tuple[int, int]] = []

    def race(number: int) -> None:
        namespace = world.namespace(name="race")
        start.wait()
        won.extend((round, number) for round in range(10) if namespace.put(str(round), number, if_absent=True))

    world.namespace(name="race")
    threads = [threading.Thread(target=race, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(round for round, _ in won) == list(range(10))
    assert all(world.namespace(name="race").get(str(round)) == number for round, number in won)


@pytest.mark.parametrize("ttl", ["1 second", "90 seconds", timedelta(milliseconds=1_234)])
def test_a_value_reads_as_absent_after_its_time(world: World, ttl: Duration) -> None:
    namespace = world.namespace()
    world.clock.advance_to(world.clock.now() + 567)
    namespace.put("a", 1, ttl=ttl)
    namespace.put("b", 2)
    lasts = {"1 second": 1_000, "90 seconds": 90_000}.get(str(ttl), 1_234)
    world.clock.advance_to(world.clock.now() + lasts - 1)
    assert namespace.get("a") == 1
    assert namespace.put("a", 9, if_absent=True) is False
    assert namespace.list().keys == ("a", "b")
    world.clock.advance_to(world.clock.now() + 1)
    assert namespace.get("a") is None
    assert namespace.list().keys == ("b",)
    assert namespace.put("a", 3, if_absent=True) is True
    world.clock.advance_to(world.clock.now() + 10**9)
    assert namespace.get("a") == 3


def test_a_put_without_ttl_ends_the_earlier_ones(world: World) -> None:
    namespace = world.namespace()
    namespace.put("a", 1, ttl="1 second")
    namespace.put("a", 2)
    world.clock.advance_to(world.clock.now() + 5_000)
    assert namespace.get("a") == 2


@pytest.mark.parametrize("ttl", ["0 seconds", "0.5 seconds", timedelta(0), timedelta(milliseconds=999)])
def test_a_ttl_under_a_second_is_refused(namespace: KVNamespace[Any], ttl: Duration) -> None:
    with pytest.raises(ValueError, match=r"ttl is .*; it is 1 second at least"):
        namespace.put("a", 1, ttl=ttl)
    assert namespace.get("a") is None


def test_a_ttl_of_another_form_is_refused(namespace: KVNamespace[Any]) -> None:
    with pytest.raises(DurationError):
        namespace.put("a", 1, ttl="soon")


def test_keys_are_limited_in_bytes(namespace: KVNamespace[Any]) -> None:
    longest = "é" * 256
    namespace.put(longest, 1)
    assert namespace.get(longest) == 1
    assert namespace.list().keys == (longest,)
    for key, size in (("", 0), (longest + "x", 513)):
        for call in (namespace.get, namespace.delete, lambda key: namespace.put(key, 1)):
            with pytest.raises(
                ValueError, match=f"{namespace.name}: a key is {size} bytes of UTF-8; it takes 1 to 512"
            ):
                call(key)
    with pytest.raises(ValueError, match="half a surrogate pair"):
        namespace.get("\ud800")
    with pytest.raises(TypeError, match="of type int"):
        namespace.get(7)  # type: ignore[arg-type]  # on purpose


def test_values_are_limited_in_bytes_of_json(namespace: KVNamespace[Any]) -> None:
    largest = "é" * 189_999
    namespace.put("a", largest)
    assert namespace.get("a") == largest
    with pytest.raises(ValueError, match="a value is 380,001 bytes of JSON; it takes 380,000 at most"):
        namespace.put("a", largest + "x")
    assert namespace.get("a") == largest


KEYS = ["Z", "a", "a/1", "a/10", "a/2", "b", "z", "ÿ", "é", "日本", "\ue000", "🎉", "a%", "a_", "a\x00", "\uffff"]


@pytest.mark.sweep
@pytest.mark.parametrize("limit", [1, 3, 1000])
@pytest.mark.parametrize("prefix", ["", "a", "a/", "é", "🎉", "none", "\uffff"])
def test_list_is_in_the_order_of_bytes_in_pages_by_prefix(world: World, prefix: str, limit: int) -> None:
    namespace = world.namespace()
    for key in KEYS:
        namespace.put(key, 0)
    expected = sorted((key for key in KEYS if key.startswith(prefix)), key=str.encode)
    page = namespace.list(prefix, limit=limit)
    found = list(page.keys)
    while page.cursor is not None:
        assert len(page.keys) == limit
        page = namespace.list(prefix, limit=limit, cursor=page.cursor)
        found += page.keys
    assert found == expected


def test_a_page_goes_on_after_a_key_that_is_gone(namespace: KVNamespace[Any]) -> None:
    for key in "abcd":
        namespace.put(key, 0)
    page = namespace.list(limit=2)
    namespace.delete("b")
    assert namespace.list(cursor=page.cursor).keys == ("c", "d")


def test_expired_keys_do_not_shorten_a_page(world: World) -> None:
    namespace = world.namespace()
    for number in range(10):
        namespace.put(f"{number}", 0, ttl="1 second" if number % 3 else None)
    world.clock.advance_to(world.clock.now() + 1_000)
    page = namespace.list(limit=3)
    assert page.keys == ("0", "3", "6")
    assert namespace.list(limit=3, cursor=page.cursor).keys == ("9",)


def test_list_goes_past_what_dynamodb_reads_at_once(namespace: KVNamespace[Any]) -> None:
    for number in range(6):
        namespace.put(str(number), "x" * 300_000)
    assert namespace.list().keys == tuple("012345")


@pytest.mark.parametrize("limit", [0, -1, 1_001])
def test_a_limit_out_of_bounds_is_refused(namespace: KVNamespace[Any], limit: int) -> None:
    with pytest.raises(ValueError, match=f"limit is {limit}; list takes 1 to 1,000"):
        namespace.list(limit=limit)


def test_a_cursor_of_another_prefix_is_refused(namespace: KVNamespace[Any]) -> None:
    with pytest.raises(ValueError, match="cursor"):
        namespace.list("a/", cursor="b/1")


def test_namespaces_share_nothing(world: World) -> None:
    one, two = world.namespace(), world.namespace()
    one.put("a", 1)
    assert two.get("a") is None
    assert two.list().keys == ()
