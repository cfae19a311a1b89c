"""An export is waited for, longer each time, and kept when it is ready."""

from __future__ import annotations

from datetime import timedelta

from durable.testing import Sandbox
from examples.export import ExportWorkflow

SHOP = {"name": "shop", "url": "https://db.example.com/shop"}


def test_an_export_is_kept_when_it_is_ready() -> None:
    sandbox = Sandbox(ExportWorkflow)
    sandbox.stub("ask for an export").returns({"id": "e1"})
    sandbox.stub("look").returns({"id": "e1"}).returns({"id": "e1", "download": "https://x.example.com/e1"}, round=3)
    sandbox.stub("keep").returns(1234)
    run = sandbox.run(SHOP)

    assert run.output == {"key": "shop/e1.sql", "bytes": 1234, "looks": 3}
    assert run.elapsed == timedelta(minutes=1 + 2 + 3)


def test_it_gives_up_after_twelve_looks() -> None:
    sandbox = Sandbox(ExportWorkflow)
    sandbox.stub("ask for an export").returns({"id": "e1"})
    sandbox.stub("look").returns({"id": "e1"})
    run = sandbox.run(SHOP)

    assert run.error is not None
    assert run.error.message == "the export e1 of shop is not ready"
