"""Reports as `app.py` declares them, on virtual time: files of any length, and rows that are no sale."""

from __future__ import annotations

import json

import pytest

import app
from durable.testing import Sandbox

HEADER = "region,cents\n"


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(app.report)


def report(sandbox: Sandbox, text: str) -> dict[str, object]:
    sandbox.bucket(app.files).put("sales.csv", text)
    run = sandbox.run({"key": "sales.csv"}, id="sales")
    assert (run.status, run.output["report"]) == ("complete", "reports/sales.json")
    found: dict[str, object] = json.loads(sandbox.bucket(app.files).objects["reports/sales.json"])
    return found


@pytest.mark.slow
def test_a_hundred_thousand_rows_pass_by_their_keys_alone(sandbox: Sandbox) -> None:
    text = HEADER + "".join(f"{('north', 'south')[each % 2]},{each}\n" for each in range(100_000))

    assert report(sandbox, text) == {
        "rows": 100_000,
        "malformed": 0,
        "malformed_lines": [],
        "cents": {"north": sum(range(0, 100_000, 2)), "south": sum(range(1, 100_000, 2))},
    }
    (run,) = sandbox.runs()
    assert run.output["chunks"] == 20
    assert max(len(str(each.result)) for each in run.steps) < 5_000
    assert set(sandbox.bucket(app.files).objects) == {"sales.csv", "reports/sales.json"}


def test_malformed_rows_are_counted_and_named_and_stop_nothing(sandbox: Sandbox) -> None:
    text = HEADER + "north,1\nnorth\nnorth,ten\n,5\nsouth,2\n"

    assert report(sandbox, text) == {
        "rows": 2,
        "malformed": 3,
        "malformed_lines": [3, 4, 5],
        "cents": {"north": 1, "south": 2},
    }


def test_a_line_break_within_quotes_is_part_of_the_row_and_lines_count_on(sandbox: Sandbox) -> None:
    text = HEADER + '"north\nwest, upper",7\nbad\n"say ""south""",3\n\nbad\n'

    assert report(sandbox, text) == {
        "rows": 2,
        "malformed": 2,
        "malformed_lines": [4, 7],
        "cents": {"north\nwest, upper": 7, 'say "south"': 3},
    }


@pytest.mark.parametrize(
    ("objects", "name"),
    [
        ({}, "NoSuchUploadError"),
        ({"sales.csv": "a,b\n1,2\n"}, "NoTableError"),
        ({"sales.csv": b"\xff"}, "NoTableError"),
    ],
)
def test_a_file_that_is_none_fails_at_once(objects: dict[str, bytes | str], name: str) -> None:
    run = Sandbox(app.report, bindings={"files": objects}).run({"key": "sales.csv"})

    assert run.error is not None
    assert (run.error.name, run.step("split-upload").attempts) == (name, 1)


def test_an_empty_file_is_an_empty_report(sandbox: Sandbox) -> None:
    assert report(sandbox, HEADER) == {"rows": 0, "malformed": 0, "malformed_lines": [], "cents": {}}
