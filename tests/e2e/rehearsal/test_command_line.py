"""The command line against a deployment: found by its stack, asked with signed requests."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.rehearsal.conftest import Deployed, command

pytestmark = pytest.mark.ministack


def durable(deployed: Deployed, *arguments: str) -> tuple[int, Any]:
    return command(deployed.cdk, deployed.server, *arguments)


def test_a_run_is_started_followed_listed_and_described(deployed: Deployed) -> None:
    params = json.dumps({"email": "grace@example.com", "name": "Grace"})
    code, run = durable(deployed, "start", "onboarding", "--params", params, "--id", "by-command", "--follow")
    assert (code, run["status"]) == (0, "complete")
    assert run["output"]["message"] == "Welcome, Grace!"
    assert [len(step["attempts"]) for step in run["steps"]] == [1, 1, 1, 1]
    code, page = durable(deployed, "list", "onboarding", "--status", "complete")
    assert "by-command" in [each["id"] for each in page["instances"]]
    assert durable(deployed, "describe", "onboarding", "by-command") == (0, run)
    code, workflows = durable(deployed, "list")
    assert "onboarding" in [each["name"] for each in workflows]


def test_what_does_not_fit_is_an_exit_code(deployed: Deployed) -> None:
    code, said = durable(deployed, "describe", "onboarding", "nobody")
    assert (code, said["status"]) == (3, 404)
    params = json.dumps({"email": "ada@example.com", "name": "Ada"})
    assert durable(deployed, "start", "onboarding", "--params", params, "--id", "done", "--follow")[0] == 0
    code, said = durable(deployed, "pause", "onboarding", "done")
    assert (code, said) == (4, {"error": "The run is complete: there is nothing to pause.", "status": 409})
    code, said = durable(deployed, "start", "onboarding", "--params", '{"email": 1}')
    assert code == 2
    assert "params.email" in said["error"]
