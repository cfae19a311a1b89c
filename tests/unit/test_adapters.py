from __future__ import annotations

from dataclasses import dataclass

import pytest
from pydantic import BaseModel

from durable.adapters import adapter_of
from durable.errors import SignatureError


@dataclass(frozen=True)
class Pair:
    left: int
    right: bytes


class Cat(BaseModel):
    name: str


class Dog(BaseModel):
    name: str


def test_the_adapter_of_a_class_is_made_once() -> None:
    assert adapter_of(Pair, "the result of a") is adapter_of(Pair, "the result of b")
    assert adapter_of(Pair).validate_json('{"left": 1, "right": "abc="}') == Pair(1, b"abc=")


def test_equal_unions_keep_the_order_of_their_members() -> None:
    one, other = Cat | Dog, Dog | Cat
    assert one == other
    assert [type(adapter_of(each).validate_json('{"name": "Rex"}')) for each in (one, other)] == [Cat, Dog]


def test_a_class_that_was_refused_is_read_again_when_its_module_has_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    class Late(BaseModel):
        later: Later  # type: ignore[name-defined]  # noqa: F821 - defined below, as an author may

    with pytest.raises(SignatureError, match=r"names `Later`, and its module has no such name"):
        adapter_of(Late, "a value")
    monkeypatch.setitem(globals(), "Later", int)
    assert adapter_of(Late).validate_python({"later": 1}).later == 1


def test_the_message_names_the_place_of_each_use() -> None:
    class Unreadable:
        pass

    for what in ("the result of a", "the payload of b"):
        with pytest.raises(SignatureError, match=what):
            adapter_of(Unreadable, what)
