"""How long runs are kept after their end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from durable.durations import Duration, whole_seconds


@dataclass(frozen=True, slots=True)
class Retention:
    """How long runs are kept after their end, by how they ended.

    Attributes:
        completed: runs that completed, in whole seconds.
        failed: runs that ended with an error, and those that were terminated.
    """

    completed: Duration = "30 days"
    failed: Duration = "30 days"

    def __post_init__(self) -> None:
        # To report a wrong length where it is declared, and not when the first run ends.
        for each in (self.completed, self.failed):
            whole_seconds(each)

    def seconds(self, status: str) -> int:
        """Return how long a run of a final status is kept."""
        return whole_seconds(self.completed if status == "complete" else self.failed)

    def registered(self) -> dict[str, Any]:
        """Return it as JSON for the Lambdas of a deployment, which read former versions of this too."""
        completed, failed = whole_seconds(self.completed), whole_seconds(self.failed)
        return {"retention": completed} | ({} if failed == completed else {"retention_failed": failed})

    @classmethod
    def from_registered(cls, registered: Mapping[str, Any]) -> Self:
        completed = registered["retention"]
        return cls(completed, registered.get("retention_failed", completed))
