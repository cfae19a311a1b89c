"""What `python -m durable cost` assumes of a Lambda is what is deployed."""

from __future__ import annotations

from durable.cdk.foundation.function import MEMORY_MIB
from durable.cost import MEMORY_GB


def test_the_memory_is_the_one_that_is_deployed() -> None:
    assert MEMORY_GB * 1024 == MEMORY_MIB
