"""A rehearsal of a project that has no API: what the CDK CLI leaves behind then, and what is checked."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from durable.cdk import toolkit
from durable.cdk.rehearsal.cdk import Cdk
from durable.cdk.rehearsal.rehearsal import Rehearsal, answers
from durable.cdk.rehearsal.server import MiniStack
from durable.project import Project


def test_a_stack_without_outputs_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The CLI writes an empty object where no stack has an output.
    cli = ["sh", "-c", f"echo '{{}}' > {tmp_path / 'out.outputs.json'}"]
    monkeypatch.setattr(toolkit, "command", lambda cache, *arguments: cli)
    assert Cdk(tmp_path, {}, "rehearsal", tmp_path / "out").deploy() == {}


def test_a_project_without_an_api_is_deployed_and_nothing_is_called() -> None:
    said: list[str] = []
    server = cast("MiniStack", None)  # nothing asks it
    assert answers(Rehearsal(Project("app", ()), server, {}, said.append))
    assert said == ["it is deployed; nothing is called, since no Worker of app.py has url=True"]
