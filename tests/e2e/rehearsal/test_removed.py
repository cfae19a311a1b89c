"""A step that a deployment takes away: refused while a run waits before it, and waited for while one is on its way."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from durable.cdk.rehearsal.api import Api
from durable.cdk.rehearsal.cdk import Cdk
from durable.cdk.rehearsal.server import MiniStack, RehearsalError, pause
from infra.rehearsal import follow
from tests.e2e.rehearsal.nap import start, wake, written

pytestmark = [pytest.mark.ministack, pytest.mark.timeout(900)]

STEP: Final = 'said = await step.do("wake-up", wake_up, morning, retries=Retries(limit=0))'
WITHOUT: Final = "said = morning.weather"
CALL: Final = 'await step.call("dream", DreamWorkflow, 7)'
CALLED: Final = '"dream 7"'
_WAITS: Final = 240


def waits(api: Api, run: str) -> None:
    """Wait until a run does; a first call of a Lambda takes seconds here."""
    for _ in range(_WAITS):
        if api.call("GET", f"/api/workflow/status/{run}").json["status"] == "waiting":
            return
        pause(0.5)
    raise TimeoutError(run)


def test_a_step_goes_when_no_run_can_come_to_it_any_more(aws: MiniStack, tmp_path: Path) -> None:
    project = written(tmp_path, "removed", nap="", dream="")
    workflow = project / "statemachines" / "nap.py"
    # The run sleeps while the next deployment asks, and no other run is called, which might take a deployment's time.
    workflow.write_text(workflow.read_text().replace(CALL, CALLED).replace("6 seconds", "30 seconds"))
    cdk = Cdk(project, aws.environment(), "removed", project / "cdk.out")
    api = Api(cdk.deploy()["SiteWorkerUrl"], aws)
    run = start(api)
    waits(api, run)
    workflow.write_text(workflow.read_text().replace(STEP, WITHOUT))
    with pytest.raises(RehearsalError, match=rf"open runs \({run}\) that may still need: .*step WakeUp"):
        cdk.deploy()

    wake(api, run, "sun")
    cdk.deploy()
    # Not what it said: MiniStack wakes a run on today's definition, whatever version it is told; AWS on its own.
    assert follow(api, run)["status"] == "complete"
    new = start(api)
    waits(api, new)
    wake(api, new, "rain")
    ended = follow(api, new)
    assert (ended["status"], [step["name"] for step in ended["steps"]]) == ("complete", ["lie-down", "night"])
    cdk.destroy()
