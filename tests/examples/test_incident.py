"""An alarm goes from person to person, and does not forget who took it."""

from __future__ import annotations

from datetime import timedelta

from durable.testing import Sandbox
from examples.incident import IncidentWorkflow

ALARM = {"service": "shop", "people": ["ann", "bob"]}


def test_the_second_person_takes_it_and_is_reminded_until_it_is_solved() -> None:
    sandbox = Sandbox(IncidentWorkflow)
    run = sandbox.start(ALARM)
    sandbox.advance("15 minutes")
    run.send_event("taken", {"by": "bob"})
    sandbox.advance("150 minutes")
    run.send_event("solved")
    sandbox.settle()

    assert run.output == {"status": "solved", "by": "bob", "calls": 2, "reminders": 2}
    assert [each.person for each in sandbox.queue("calls").waiting] == ["ann", "bob", "bob", "bob"]


def test_all_are_called_twice() -> None:
    run = Sandbox(IncidentWorkflow).run(ALARM)

    assert run.output == {"status": "nobody answered", "calls": 4}
    assert run.elapsed == timedelta(minutes=40)
