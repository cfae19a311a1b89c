"""The contract of Bucket."""

from __future__ import annotations

import pytest

from durable import Bucket
from durable.testing import MemoryBucket
from tests.contract.worlds import Moto, OneMachine, World

KEYS = [
    "Z",
    "a",
    "A",
    "a/1",
    "a/10",
    "a/2",
    "a.b",
    ".b",
    "...",
    "/",
    "b=",
    "~",
    "%41",
    "z z",
    "é",
    "日本",
    "🎉",
    "k" * 1024,
]


@pytest.fixture(params=["one_machine", "moto", "memory"])
def bucket(request: pytest.FixtureRequest) -> Bucket:
    if request.param == "memory":
        return MemoryBucket("files", {})
    if request.param == "moto":
        return Moto(request.getfixturevalue("aws")).bucket()
    machine: OneMachine = request.getfixturevalue("one_machine")
    return machine.bucket()


def test_an_object_is_read_back_overwritten_and_deleted(bucket: Bucket) -> None:
    assert (bucket.get("a"), bucket.get_text("a")) == (None, None)
    bucket.delete("a")
    bucket.put("a", b"\x00\xff")
    assert bucket.get("a") == b"\x00\xff"
    bucket.put("a", "Zoë 🎉\r\n")
    assert (bucket.get("a"), bucket.get_text("a")) == ("Zoë 🎉\r\n".encode(), "Zoë 🎉\r\n")
    bucket.put("a", b"")
    assert bucket.get("a") == b""
    bucket.delete("a")
    assert bucket.get("a") is None
    assert bucket.list().keys == ()


def test_bytes_that_are_no_text_are_not_read_as_one(bucket: Bucket) -> None:
    bucket.put("a", b"\xff")
    with pytest.raises(UnicodeDecodeError):
        bucket.get_text("a")


def test_keys_of_any_form_are_told_apart(bucket: Bucket) -> None:
    for key in KEYS:
        bucket.put(key, key)
    assert {key: bucket.get_text(key) for key in KEYS} == {key: key for key in KEYS}
    assert bucket.list().keys == tuple(sorted(KEYS, key=str.encode))
    for key in KEYS:
        bucket.delete(key)
    assert bucket.list().keys == ()


@pytest.mark.sweep
@pytest.mark.parametrize("limit", [1, 3, 1000])
@pytest.mark.parametrize("prefix", ["", "a", "a/", "é", "k", "none"])
def test_list_is_in_the_order_of_bytes_in_pages_by_prefix(bucket: Bucket, prefix: str, limit: int) -> None:
    for key in KEYS:
        bucket.put(key, b"")
    found, cursor = list[str](), None
    while True:
        page = bucket.list(prefix, limit=limit, cursor=cursor)
        assert len(page.keys) <= limit
        found += page.keys
        cursor = page.cursor
        if cursor is None:
            break
    assert found == sorted((key for key in KEYS if key.startswith(prefix)), key=str.encode)


def test_what_is_out_of_bounds_is_refused(bucket: Bucket) -> None:
    for key, size in (("", 0), ("é" * 513, 1026)):
        for call in (bucket.get, bucket.delete, lambda key: bucket.put(key, b"")):
            with pytest.raises(ValueError, match=f"Bucket files: a key is {size} bytes of UTF-8; it takes 1 to 1024"):
                call(key)
    with pytest.raises(ValueError, match="a part of a key is"):
        bucket.put("a/../b", b"")
    with pytest.raises(TypeError, match="an object is of type dict"):
        bucket.put("a", {})  # type: ignore[arg-type]  # on purpose
    with pytest.raises(ValueError, match="limit is 1001"):
        bucket.list(limit=1001)
    with pytest.raises(ValueError, match="the cursor is of another prefix"):
        bucket.list("a", cursor="b")


def test_an_object_that_is_too_large_is_refused(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("durable.clients.bucket.MAX_OBJECT_BYTES", 4)
    bucket.put("a", "éé")
    with pytest.raises(ValueError, match="an object is 5 bytes; it takes 4 at most"):
        bucket.put("a", "ééx")
    assert bucket.get_text("a") == "éé"


def test_clients_of_one_name_share_their_objects(world: World) -> None:
    world.bucket(name="shared").put("a", "1")
    assert world.bucket(name="shared").get_text("a") == "1"
    assert world.bucket(name="other").get_text("a") is None


def test_a_write_that_is_cut_off_leaves_what_was_there(
    one_machine: OneMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = one_machine.bucket()
    bucket.put("a", "whole")
    monkeypatch.setattr("os.fsync", _fails)
    with pytest.raises(OSError, match="disk is full"):
        bucket.put("a", "half")
    assert bucket.get_text("a") == "whole"
    assert bucket.list().keys == ("a",)


def _fails(handle: int) -> None:
    raise OSError("the disk is full")
