"""Errors that `run` raises, of classes that word their message themselves."""

from __future__ import annotations

import pytest

from durable import WorkflowEntrypoint, WorkflowError, WorkflowEvent, WorkflowStep
from durable.testing import Sandbox
from tests.unit.compiler.both import agree


class TooFewError(WorkflowError):
    """Too few are left."""

    def __init__(self, missing: int, of: str = "pens") -> None:
        """Say how many."""
        self.missing = missing
        super().__init__(f"{missing} {of} are missing")


class StillTooFewError(TooFewError):
    """A class that inherits how it is worded."""


class LoudError(WorkflowError):
    def __str__(self) -> str:
        return f"{self.args[0]}!"


class FixedError(WorkflowError):
    def __init__(self) -> None:
        super().__init__("always the same")


class RaisingWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> list[str]:
        said: list[str] = []
        for number in range(event.payload):
            try:
                if number == 0:
                    raise TooFewError(number + 1)
                if number == 1:
                    raise StillTooFewError(event.payload, of="books")
                if number == 2:
                    raise LoudError("stop")
                raise FixedError
            except TooFewError as error:
                said = [*said, error.message]
            except WorkflowError as error:
                said = [*said, f"{error}"]
        return said


class TooFewWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> None:
        raise TooFewError(event.payload)


def test_an_error_says_what_its_class_makes_of_its_arguments() -> None:
    outcome = agree(RaisingWorkflow, 4)
    assert outcome.output == ["1 pens are missing", "4 books are missing", "stop!", "always the same"]


@pytest.mark.parametrize("missing", [0, 7])
def test_a_run_that_ends_with_an_error_shows_what_it_says(missing: int) -> None:
    error = Sandbox(TooFewWorkflow).run(missing).error
    assert error is not None
    assert (error.name, error.message) == ("TooFewError", f"{missing} pens are missing")
