"""The integration sync as `app.py` declares it, on virtual time: polling, children, and what a failure takes back."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

import app
from durable.testing import Sandbox
from functions.sync.models import Record
from functions.sync.upsert_page import MissingPageError, upsert_page

PAGE = Path(__file__).parents[3] / "docs" / "uses" / "sync.md"
OLD = Record(id="customers-0", fields={"number": "old"})


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(app)


def test_both_sources_are_taken_over_by_a_run_each(sandbox: Sandbox) -> None:
    run = sandbox.run(workflow="sync")

    assert run.output == {"customers": 3, "products": 2}
    assert f"`{json.dumps(run.output)}`" in PAGE.read_text(encoding="utf-8")
    assert len(sandbox.kv(app.records).contents) == 250 + 120
    assert sandbox.kv(app.records).get("customers/customers-0") == Record(id="customers-0", fields={"number": 0})
    assert sorted(child.output for child in sandbox.runs("source")) == [2, 3]


def test_an_export_that_takes_its_time_is_looked_at_every_ten_seconds(sandbox: Sandbox) -> None:
    running = {"state": "running", "pages": 0}
    sandbox.stub("look-at-export", workflow="source").returns(running)
    again = sandbox.stub("look-again", workflow="source")
    again.returns(running, round=1).returns(running, round=2)
    run = sandbox.run("customers", workflow="source")

    assert run.output == 3
    assert run.elapsed == timedelta(seconds=30)


def test_a_source_that_the_partner_cannot_export_is_an_error_and_writes_nothing(sandbox: Sandbox) -> None:
    run = sandbox.run("nobody", workflow="source")

    assert run.error is not None
    assert (run.error.name, run.error.message) == ("WorkflowError", "the partner could not export nobody")
    assert sandbox.kv(app.records).contents == {}


def test_a_page_that_fails_takes_back_those_before_it(sandbox: Sandbox) -> None:
    sandbox.kv(app.records).put("customers/customers-0", OLD)
    sandbox.stub("upsert-page", workflow="source").raises(MissingPageError, round=3)
    run = sandbox.run("customers", workflow="source")

    assert run.error is not None
    assert (run.status, run.error.name) == ("errored", "MissingPageError")
    assert sandbox.kv(app.records).contents == {"customers/customers-0": OLD}


def test_a_second_attempt_of_a_page_still_knows_what_was_there_before(sandbox: Sandbox) -> None:
    sandbox.kv(app.records).put("customers/customers-0", OLD)

    def write_then_fail(**arguments: object) -> None:
        upsert_page(**arguments)  # type: ignore[arg-type]  # what the step is given
        raise ConnectionError

    stub = sandbox.stub("upsert-page", workflow="source")
    stub.does(write_then_fail, attempt=1)
    stub.raises(MissingPageError, round=3)
    run = sandbox.run("customers", workflow="source")

    assert run.status == "errored"
    assert sandbox.kv(app.records).contents == {"customers/customers-0": OLD}


def test_a_child_that_fails_fails_the_sync(sandbox: Sandbox) -> None:
    sandbox.stub("start-export", workflow="source").raises(MissingPageError())
    run = sandbox.run(workflow="sync")

    assert run.error is not None
    assert run.error.name == "ChildWorkflowError"
