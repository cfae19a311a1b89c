"""The ids of runs that are given none: random, and in the order of their creation."""

from __future__ import annotations

import uuid

from durable.runs.ids import DRAWN_BYTES, random_id
from durable.runs.record import INSTANCE_ID

NOW = 1_764_547_200_123


def test_it_is_a_uuid_of_version_7() -> None:
    id = random_id(NOW)
    found = uuid.UUID(id)
    assert (found.version, found.variant, str(found)) == (7, uuid.RFC_4122, id)
    assert found.int >> 80 == NOW
    assert INSTANCE_ID.fullmatch(id)


def test_those_of_runs_one_after_the_other_are_in_order() -> None:
    ids = [random_id(NOW + number) for number in range(0, 100_000, 997)]
    assert ids == sorted(ids)


def test_every_random_bit_but_six_is_in_it() -> None:
    ids = {random_id(NOW, (1 << bit).to_bytes(DRAWN_BYTES, "big")) for bit in range(74)}
    assert len(ids) == 74
    assert len({random_id(NOW) for _ in range(1_000)}) == 1_000
