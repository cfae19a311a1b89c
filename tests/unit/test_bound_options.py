"""Options of declarations that Python would take and nothing could work with are refused in a sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from durable import Concurrency, Queue, Throttle, Worker, Workflow, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.errors import DeclarationError


class Small(WorkflowEntrypoint[None]):
    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> int:
        return 1


def _workflow(**options: Any) -> Workflow[None]:
    return Workflow("small", Small, **options)


@pytest.mark.parametrize(
    ("declare", "said"),
    [
        (lambda: _workflow(schedules="0 * * * *"), r"schedules=\['0 \* \* \* \*'\]"),
        (lambda: _workflow(search="user_id"), r"write a list: search=\['user_id'\]"),
        (lambda: Worker("api", "api", origins="https://a.example"), r"write a list: origins=\['https://a.example'\]"),
        (lambda: _workflow(concurrency="5"), "has the concurrency '5'; write 1 to 1,000"),
        (lambda: _workflow(concurrency=True), "has the concurrency True; write 1 to 1,000"),
        (lambda: _workflow(concurrency=Concurrency(1.5)), "has the concurrency 1.5"),  # type: ignore[arg-type]
        (lambda: _workflow(rate=5), "has the rate 5; write 1 to 1,000 per second"),
        (lambda: Queue("mails", batch_size=0), "batch_size=0; write 1 to 10"),
        (lambda: Queue("mails", batch_size=11), "batch_size=11; write 1 to 10"),
        (lambda: Throttle(rate="5", burst=1), "give whole numbers of at least 1"),  # type: ignore[arg-type]
    ],
    ids=lambda each: "" if callable(each) else str(each)[:24],
)
def test_an_option_that_nothing_can_work_with_is_refused(declare: Callable[[], object], said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        declare()
