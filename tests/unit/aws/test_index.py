"""Under which partitions of the index of statuses runs are found: one takes a thousand writes a second."""

from __future__ import annotations

from collections import Counter

import pytest

from durable.aws.expression import action, index_partitions
from durable.store.table import Key, Write


def listed(status: str, instance: str) -> str:
    """Return the partition of the index that a run is written to."""
    fields = {"workflow": "shop", "status": status, "updated": 1}
    values = action("t", Write(Key(f"shop#{instance}", "run"), fields), None, 0).parameters["ExpressionAttributeValues"]
    (found,) = [each["S"] for each in values.values() if each.get("S", "").startswith("shop#")]
    return str(found)


@pytest.mark.parametrize("status", ["queued", "running", "waiting", "complete"])
def test_runs_of_a_busy_status_are_spread_evenly(status: str) -> None:
    counted = Counter(listed(status, str(number)) for number in range(4_000))
    assert set(counted) == set(index_partitions("shop", status))
    assert max(counted.values()) < 4_000 / 8 * 1.3


def test_runs_of_a_rare_status_are_found_by_one_query() -> None:
    assert {listed("errored", str(number)) for number in range(100)} == set(index_partitions("shop", "errored"))
    assert len(index_partitions("shop", "errored")) == 1
