"""The definitions that were recorded on AWS, against what AWS answered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from durable.testing.execution import execute

CASES = Path(__file__).parents[4] / "shared" / "asl-cases" / "cases.jsonl"
KNOWN: dict[str, str] = {}
"""Cases that do not pass, by id, with the reason."""


def cases() -> list[Any]:
    if not CASES.exists():
        skipped = pytest.mark.skip(reason=f"the recorded cases are not at {CASES}")
        return [pytest.param({}, id="absent", marks=skipped)]
    lines = CASES.read_text().splitlines()
    return [pytest.param(case, id=case["id"]) for case in map(json.loads, lines)]


@pytest.mark.parametrize("restarts", [False, True], ids=["", "restarts"])
@pytest.mark.parametrize("case", cases())
def test_an_execution_ends_as_on_aws(case: dict[str, Any], restarts: bool) -> None:
    if case["id"] in KNOWN:
        pytest.xfail(KNOWN[case["id"]])
    functions = {name: lambda event: event for name in case["functions"]}
    outcome = execute(case["definition"], case["input"], functions, restarts=restarts)
    expected = case["expected"]
    assert (outcome.status, outcome.error, outcome.cause) == (expected["status"], expected["error"], expected["cause"])
    assert outcome.output == _parsed(expected["output"])
    assert case["history"] is None or outcome.event_types == case["history"]


def _parsed(output: Any) -> Any:
    return json.loads(output) if isinstance(output, str) else output
