"""What the README promises a new user, done as it says: its links, its make targets, and a workflow of one's own."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.server import ROOT, Server, eventually

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
STEPS = """
from durable import KVNamespace


def look_up(user: str, notes: KVNamespace[str]) -> int:
    return len(notes.get(user) or "")


def remind(user: str, notes: KVNamespace[str]) -> str:
    notes.put(user, "reminded")
    return f"reminded {user}"
"""
CLASS = """
from durable import WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from functions.reminder import look_up, remind


class ReminderWorkflow(WorkflowEntrypoint[str]):
    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> str:
        length = await step.do("look-up", look_up, event.payload)
        if length > 0:
            return "was reminded before"
        await step.sleep("a while", "1 second")
        return await step.do("remind", remind, event.payload)
"""
DECLARED = """
from statemachines.reminder import ReminderWorkflow

notes = KVNamespace("notes")
reminder = Workflow("reminder", ReminderWorkflow, bindings={"notes": notes})
"""


@pytest.mark.parametrize("page", PAGES, ids=lambda each: str(each.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))

    assert [each for each in links if not (page.parent / each).exists()] == []


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:\w+/)*[\w-]+\.[a-z]+)`", GUIDE))))
def test_every_file_that_the_guide_names_is_there(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\bmake ([a-z-]+)", README + GUIDE))))
def test_every_make_target_is_there(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.slow
def test_a_workflow_of_ones_own_runs_with_three_files_touched(server: Callable[..., Server], tmp_path: Path) -> None:
    project = tmp_path / "project"
    for part in ("functions", "statemachines", "app.py"):
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        project.mkdir(exist_ok=True)
        copy(ROOT / part, project / part)
    (project / "functions" / "reminder.py").write_text(STEPS)
    (project / "statemachines" / "reminder.py").write_text(CLASS)
    with (project / "app.py").open("a") as app:
        app.write(DECLARED)
    compiled = subprocess.run(
        [sys.executable, "-m", "durable", "compile"],
        cwd=project,
        env={"PYTHONPATH": f"{project}:{ROOT}"},
        capture_output=True,
        text=True,
        check=True,
    )
    local = server(project)
    local.start()

    def outcome() -> tuple[str, str]:
        id = local.post("/api/workflows/reminder/instances", {"params": "ann"}).body["id"]
        path = f"/api/workflows/reminder/instances/{id}"
        eventually(lambda: local.get(path).body["status"] == "complete", "the run to complete")
        return local.get(path).body["output"], str([step["name"] for step in local.get(path).body["steps"]])

    assert compiled.stdout.splitlines()[-1] == "wrote statemachines/reminder.asl.json"
    assert outcome() == ("reminded ann", "['look-up', 'remind']")
    assert outcome() == ("was reminded before", "['look-up']")
