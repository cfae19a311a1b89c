"""What somebody sent stays where it is needed: in no log line, no error, no row but the payload, inputs and results."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

import app
from durable.local.log import logger
from durable.testing import Sandbox
from functions.onboarding.models import Profile, WelcomeEmail

NAME, ADDRESS = "Jane Secretary", "jane.secretary@example.com"
JANE = {"email": ADDRESS, "name": NAME, "avatarUrl": None}
CARRIES_DATA = ("payload", "input", "result", "output", "error", "history")
"""The fields of the record that hold what travels between steps: a retry needs it; and why a step failed."""


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    monkeypatch.setattr(logger, "propagate", True)
    caplog.set_level("DEBUG")
    return caplog


def kept(folder: Path) -> str:
    """Return all rows of the data folder but the fields that carry data."""
    with sqlite3.connect(folder / "durable.sqlite3") as database:
        record = [json.loads(data) for (data,) in database.execute("SELECT data FROM record")]
        executions = database.execute("SELECT name, data FROM execution").fetchall()
    return json.dumps([_without(row) for row in record]) + str(executions)


def _without(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in CARRIES_DATA}


def leaks(text: str) -> bool:
    return "secretary" in text.casefold()


def test_the_reader_of_rows_would_see_a_leak(tmp_path: Path) -> None:
    with Sandbox(app.onboarding, folder=tmp_path) as sandbox:
        sandbox.run(JANE, id="secretary")

    assert leaks(kept(tmp_path))


@pytest.mark.parametrize("step", ["validate-user", "create-profile", "send-welcome-email", "initialize-settings"])
def test_an_exception_that_quotes_the_user_is_shown_to_operators_alone(
    step: str, tmp_path: Path, lines: pytest.LogCaptureFixture
) -> None:
    """Its message is data of the run: the record, the console and one's own terminal have it, nobody else has."""
    with Sandbox(app.onboarding, folder=tmp_path) as sandbox:
        sandbox.stub(step).raises(ConnectionError(f"cannot reach the mailbox {ADDRESS} of {NAME}"))
        run = sandbox.run(JANE, id="run-1")
        status = sandbox.runs()[0]

    assert (run.status, run.step(step).attempts) == ("errored", 6)
    assert "run-1 step" in lines.text
    assert "ConnectionError" in lines.text
    assert leaks(lines.text)
    assert run.error is not None
    public = f"{run.error.name} {run.error.message} {status.error}"
    assert not leaks(public + kept(tmp_path))


def test_a_taken_address_is_not_named(tmp_path: Path, lines: pytest.LogCaptureFixture) -> None:
    with Sandbox(app.onboarding, folder=tmp_path) as sandbox:
        sandbox.run(JANE)
        run = sandbox.run(JANE | {"email": ADDRESS.upper()})

    assert run.status == "errored"
    assert "EmailTakenError" in lines.text
    assert not leaks(lines.text + str(run.error) + kept(tmp_path))


def test_a_result_that_does_not_fit_is_named_by_its_field(tmp_path: Path, lines: pytest.LogCaptureFixture) -> None:
    with Sandbox(app.onboarding, folder=tmp_path) as sandbox:
        wrong: dict[str, Any] = {"user_id": ADDRESS, "email": ADDRESS, "name": [NAME], "avatar_url": None}
        sandbox.stub("create-profile").does(lambda **arguments: Profile.model_construct(**wrong))
        run = sandbox.run(JANE)

    assert run.error is not None
    assert run.error.name == "InvalidResult"
    assert not leaks(lines.text + str(run.error) + kept(tmp_path))


def test_a_message_that_cannot_be_delivered_is_named_by_its_id(
    tmp_path: Path, lines: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Sandbox(app.onboarding, folder=tmp_path) as sandbox:
        sandbox.queue(app.emails).send(WelcomeEmail(id="message-1", to="no address secretary", name=NAME))
        sandbox.settle()
        (dead,) = sandbox.queue(app.emails).dead

    assert dead.name == NAME
    assert "queue emails message" in lines.text
    assert not leaks(lines.text)
