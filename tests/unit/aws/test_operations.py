"""The Lambda of the operators' routes: what it asks AWS for before its first request."""

from __future__ import annotations

import json
from typing import Any

import pytest

from durable.aws.entries.operations import handler_of


def test_no_parameter_is_read_before_a_request_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cold start would read one for each workflow, and Parameter Store answers 40 requests a second."""
    asked: list[str] = []

    def client(service: str) -> Any:
        asked.append(service)
        raise AssertionError(service)

    monkeypatch.setattr("durable.aws.registry.client", client)
    described = {
        "class": "statemachines.onboarding:OnboardingWorkflow",
        "events": {},
        "retention": 86_400,
        "kind": "express",
        "parameter": "/shop-dev/workflows/onboarding",
    }
    handler_of({"DURABLE_TABLE": "runs", "DURABLE_WORKFLOWS": json.dumps({"onboarding": described})})
    assert asked == []
