"""What `durable dev` says at its start."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from durable import IAM, Secret, Worker
from durable.local.serve import _greet
from durable.project import Project


def test_secrets_without_a_value_are_named_with_what_to_set_and_apis_that_are_open_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOOK_KEY", "s3cret")
    caplog.set_level(logging.INFO, logger="durable")
    project = Project(
        "app", (Secret("card-key"), Secret("hook-key"), Worker("web", "functions.api", url=True, auth=IAM()))
    )

    _greet(project, 8787, tmp_path, 1, again=False)

    assert [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING] == [
        "Worker('web') wants signed requests on AWS; this machine lets everybody in",
        "Secret card-key has no value; set CARD_KEY, or write CARD_KEY=… into .env",
    ]
    assert f"data in {tmp_path}, 1 run goes on" in caplog.text
    assert "s3cret" not in caplog.text
    caplog.clear()
    _greet(project, 8787, tmp_path, 0, again=True)
    assert [each.getMessage() for each in caplog.records] == [
        "reloaded",
        "Secret card-key has no value; set CARD_KEY, or write CARD_KEY=… into .env",
    ]
