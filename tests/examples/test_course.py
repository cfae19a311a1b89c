"""The course by e-mail goes on every two days, and stops when the reader says so."""

from __future__ import annotations

from datetime import timedelta

from durable.testing import Sandbox
from examples.course import CourseWorkflow

ANN = {"name": "Ann", "email": "ann@example.com"}


def test_a_lesson_comes_every_two_days_and_then_the_certificate() -> None:
    sandbox = Sandbox(CourseWorkflow)
    run = sandbox.run(ANN)

    assert (run.output, run.elapsed) == ("finished", timedelta(days=6))
    assert [letter.subject for letter in sandbox.email("mail").sent] == [
        "Lesson 1: Hold the bow",
        "Lesson 2: Open strings",
        "Lesson 3: The first scale",
        "Your certificate",
    ]


def test_whoever_unsubscribes_gets_no_more_lessons() -> None:
    sandbox = Sandbox(CourseWorkflow)
    run = sandbox.start(ANN)
    sandbox.advance("3 days")
    run.send_event("unsubscribed")
    sandbox.settle()

    assert run.output == "unsubscribed after lesson 2"
    assert len(sandbox.email("mail").sent) == 2
