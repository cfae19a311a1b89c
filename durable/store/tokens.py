"""The seam to what holds task tokens: Step Functions, or the embedded engine."""

from __future__ import annotations

from typing import Any, Final, Protocol

PARKED_TOKEN: Final = "parked:"
"""How the token of a wait begins whose run is parked: to answer it is to wake the run, which may be done twice."""


class Tokens(Protocol):
    """Answers tasks by their token, and says whether the task still waited for an answer."""

    def succeed(self, token: str, output: Any) -> bool:
        """End the task with a result.

        Raises:
            MachinesBusy: it was not delivered; the same call may succeed later.
        """

    def fail(self, token: str, error: str, cause: str) -> bool:
        """End the task with an error.

        Raises:
            MachinesBusy: it was not delivered; the same call may succeed later.
        """
