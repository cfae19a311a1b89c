"""Another project: a workflow that waits, sleeps and calls another one, beside the same library."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Final

from durable.cdk.rehearsal.api import Api
from tests.e2e.rehearsal.conftest import ROOT

STEPS: Final = """
from durable import KVNamespace
from pydantic import BaseModel


class Night(BaseModel):
    place: str


class Morning(BaseModel):
    weather: str


def lie_down(night: Night, notes: KVNamespace[str]) -> Night:
    notes.put("lying", night.place)
    return night


def wake_up(morning: Morning, notes: KVNamespace[str]) -> str:
    return "{answer} " + {weathers}[morning.weather]
"""
OLD: Final = STEPS.replace("{answer}", "old").replace("{weathers}", '{"sun": "sun"}')
NEW: Final = STEPS.replace("{answer}", "new").replace("{weathers}", '{"sun": "sun", "rain": "rain", "hail": "hail"}')
WORKFLOW: Final = """
from durable import Retries, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from functions.nap import Morning, Night, lie_down, wake_up


class DreamWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> str:
        return f"dream {event.payload}"


class NapWorkflow(WorkflowEntrypoint[Night]):
    async def run(self, event: WorkflowEvent[Night], step: WorkflowStep) -> dict[str, str]:
        await step.do("lie-down", lie_down, event.payload)
        morning = await step.wait_for_event("night", type="morning", payload=Morning, timeout="1 hour")
        await step.sleep("five more minutes", "6 seconds")
        dream = await step.call("dream", DreamWorkflow, 7)
        said = await step.do("wake-up", wake_up, morning, retries=Retries(limit=0))
        return {"said": f"{said} after {dream}"}
"""
API: Final = """
from durable import Workflow
from durable.http import Api, RunId, Reply, Started, WorkflowStatus
from functions.nap import Morning, Night


def fetch(nap: Workflow[Night]) -> Api:
    api = Api("Nap")

    @api.post("/api/workflow/start", status_code=201)
    def start(night: Night) -> Reply[Started]:
        run = nap.create(night)
        return Reply(Started(workflow_id=run.id), status=201, location=f"/api/workflow/status/{run.id}")

    @api.post("/api/workflow/wake/<id>", status_code=201)
    def wake(id: RunId, morning: Morning) -> Started:
        nap.send_event(id, "morning", morning)
        return Started(workflow_id=id)

    @api.get("/api/workflow/status/<id>")
    def status(id: RunId) -> WorkflowStatus:
        return WorkflowStatus.of(nap.get(id))

    return api
"""
DECLARATIONS: Final = """
from durable import KVNamespace, Worker, Workflow
from statemachines.nap import DreamWorkflow, NapWorkflow

notes = KVNamespace("notes")
nap = Workflow("nap", NapWorkflow, bindings={"notes": notes}, {nap})
dream = Workflow("dream", DreamWorkflow, {dream})
site = Worker("site", "functions.api", url=True, bindings={"nap": nap})

if __name__ == "__main__":
    from pathlib import Path

    from durable.cdk import synthesise

    synthesise(__name__, root=Path(__file__).parent)
"""


def written(folder: Path, name: str, *, nap: str, dream: str) -> Path:
    """Write the project into a folder, under a name and with these options of its two workflows, and return it."""
    shutil.copytree(ROOT / "durable", folder / "durable", ignore=shutil.ignore_patterns("__pycache__"))
    for package in ("functions", "statemachines"):
        (folder / package).mkdir()
        (folder / package / "__init__.py").touch()
    shutil.copy(ROOT / "functions" / "requirements.txt", folder / "functions")
    (folder / ".cache").symlink_to(ROOT / ".cache")
    settings = json.loads((ROOT / "cdk.json").read_text())
    settings["context"]["name"] = name
    (folder / "cdk.json").write_text(json.dumps(settings))
    (folder / "functions" / "nap.py").write_text(OLD)
    (folder / "functions" / "api.py").write_text(API)
    (folder / "statemachines" / "nap.py").write_text(WORKFLOW)
    (folder / "app.py").write_text(DECLARATIONS.replace("{nap}", nap).replace("{dream}", dream))
    return folder


def start(api: Api) -> str:
    """Start a run, and return its id."""
    instance: str = api.call("POST", "/api/workflow/start", {"place": "a hammock"}).json["workflowId"]
    return instance


def wake(api: Api, instance: str, weather: str) -> None:
    """Send the event that a run waits for."""
    assert api.call("POST", f"/api/workflow/wake/{instance}", {"weather": weather}).status == 201
