"""`durable dev` goes on with sources that were changed while it runs, and loses no run by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.server import Server, eventually

APP = """
from durable import KVNamespace, Worker, Workflow, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.http import Api
from steps import finish, prepare


class Order(WorkflowEntrypoint[str]):
    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> str:
        await step.do("prepare", prepare, event.payload)
        await step.wait_for_event("paid", type="paid", payload=bool, timeout="1 hour")
        return await step.do("finish", finish, event.payload)


order = Workflow("order", Order)
"""
STEPS = """
def prepare(name: str) -> str:
    return name


def finish(name: str) -> str:
    return name + " BEFORE"
"""
RUNS = "/api/workflows/order/instances"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "app.py").write_text(APP)
    (folder / "steps.py").write_text(STEPS)
    return folder


@pytest.mark.slow
def test_a_change_is_taken_without_losing_a_run_and_a_mistake_or_what_runs_need_is_not(
    project: Path, tmp_path: Path
) -> None:
    server = Server(project, tmp_path / "data", reload=True)
    try:
        server.start()
        assert server.process is not None
        process = server.process.pid
        server.post(RUNS, {"id": "one", "params": "one"})
        eventually(lambda: server.get(f"{RUNS}/one").body["status"] == "waiting", "the run to wait")

        steps = project / "steps.py"
        steps.write_text(STEPS + "def broken(:\n")
        eventually(lambda: "not reloaded, save again" in server.log, "the mistake to be shown")
        (project / "app.py").write_text(APP.replace('"finish"', '"end"'))
        steps.write_text(STEPS)
        eventually(lambda: "order has open runs" in server.log.replace("'", ""), "the refusal")
        assert "durable terminate order one" in server.log
        assert "reloading" not in server.log

        (project / "app.py").write_text(APP)
        steps.write_text(STEPS.replace("BEFORE", "after"))
        eventually(lambda: "reloaded; 1 run goes on" in server.log, "the reload")
        assert "steps.py changed; order has other code for prepare, finish" in server.log
        server.post(f"{RUNS}/one/events/paid", {"payload": True})
        eventually(lambda: server.get(f"{RUNS}/one").body["status"] == "complete", "the run to end")
        run = server.get(f"{RUNS}/one").body
        assert run["output"] == "one after"
        assert [len(each["attempts"]) for each in run["steps"] if each["name"] == "prepare"] == [1]
        assert server.process.poll() is None
        assert server.process.pid == process
        assert server.interrupt() == 0
    finally:
        server.stop()
