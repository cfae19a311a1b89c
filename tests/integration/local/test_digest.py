"""The nightly digest as `app.py` declares it, on virtual time: by night, across restarts and summer time."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

import app
from durable.local.log import logger
from durable.testing import Sandbox

EVENING = datetime(2026, 3, 27, 18, 0, tzinfo=UTC)
"""Two nights before clocks go forward in Berlin."""


def started(sandbox: Sandbox) -> list[str]:
    """Return the times that digests were started for, in UTC: a run's id begins with it."""
    return [run.id.partition("-")[0] for run in sandbox.runs("digest")]


def test_each_night_one_digest_counts_the_users_and_is_sent() -> None:
    sandbox = Sandbox(app, start=EVENING)
    sandbox.run({"email": "ann@example.com", "name": "Ann"}, workflow="onboarding")
    sandbox.advance("1 day")

    (run,) = sandbox.runs("digest")
    assert (run.status, run.output) == ("complete", 1)
    letter = sandbox.email(app.mail).sent[-1]
    assert (letter.to, letter.text) == ("operator@example.com", "1 user has signed up until now.")


def test_three_in_berlin_is_an_hour_earlier_in_summer() -> None:
    sandbox = Sandbox(app, start=EVENING)
    sandbox.advance("3 days")

    assert started(sandbox) == ["20260328T020000Z", "20260329T010000Z", "20260330T010000Z"]


def test_nothing_is_scheduled_while_nothing_has_time_go_on() -> None:
    sandbox = Sandbox(app, start=EVENING)
    sandbox.settle()

    assert started(sandbox) == []


def test_nights_that_were_missed_are_made_up_for_once_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logger, "propagate", True)
    caplog.set_level("INFO")
    with Sandbox(app, folder=tmp_path, start=EVENING) as sandbox:
        sandbox.advance("1 day")
    with Sandbox(app, folder=tmp_path, start=EVENING.replace(day=31)) as sandbox:
        sandbox.settle()
        made_up = started(sandbox)
        sandbox.advance("12 hours")
        after = started(sandbox)

    assert made_up == ["20260328T020000Z", "20260331T010000Z"]
    assert after == [*made_up, "20260401T010000Z"]
    assert [each for each in caplog.messages if "passed" in each] == [
        "digest: 2026-03-31T01:00:00.000Z passed while nothing ran; it runs once now"
    ]


def test_a_restart_starts_no_night_again(tmp_path: Path) -> None:
    with Sandbox(app, folder=tmp_path, start=EVENING) as sandbox:
        sandbox.advance("1 day")
        sandbox.restart()
        sandbox.settle()

        assert started(sandbox) == ["20260328T020000Z"]
