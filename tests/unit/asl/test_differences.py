"""The table of differences: every row names a test that is there, or says why there is none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from durable.asl.expression import EvaluationFailed
from tests.unit.asl.test_cases import KNOWN
from tests.unit.asl.test_expression import evaluate

UNIT = Path(__file__).parents[1]
PAGE = UNIT.parents[1] / "docs" / "differences.md"
ROWS = [line.strip("| ").split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
TESTS = frozenset(
    name
    for folder in ("asl", "testing")
    for path in (UNIT / folder).glob("test_*.py")
    for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_a_row_is_backed(row: list[str]) -> None:
    assert len(row) == 3
    named = re.findall(r"`(test_\w+)`", row[2])
    assert set(named) <= TESTS
    assert named or len(row[2].split()) > 3 or row[2] == "held by"


def test_every_recorded_case_that_differs_is_in_the_table() -> None:
    page = PAGE.read_text()
    assert [case for case in KNOWN if case not in page] == []


@pytest.mark.parametrize("source", ["$split('ab', function($s) { $s })", "$map(['a'], /a/)", "$match('a', $uppercase)"])
def test_a_matcher_is_a_regular_expression(source: str) -> None:
    with pytest.raises(EvaluationFailed):
        evaluate(source)
