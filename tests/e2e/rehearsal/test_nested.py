"""Workflows in nested stacks: the Lambdas there and in the main stack may do all that a run needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from durable.cdk.rehearsal.api import Api
from durable.cdk.rehearsal.cdk import Cdk
from durable.cdk.rehearsal.server import MiniStack
from infra.rehearsal import follow
from tests.e2e.rehearsal.nap import start, wake, written
from tests.e2e.server import eventually

pytestmark = [pytest.mark.ministack, pytest.mark.timeout(400)]


def test_a_run_in_a_nested_stack_completes_and_calls_one_in_another(aws: MiniStack, tmp_path: Path) -> None:
    project = written(tmp_path, "nests", nap="nested=True", dream='nested=True, kind="standard"')
    cdk = Cdk(project, aws.environment(), "nested", project / "cdk.out")
    api = Api(cdk.deploy()["SiteWorkerUrl"], aws)
    machines = {each["name"] for each in aws.client("stepfunctions").list_state_machines()["stateMachines"]}
    assert {"nests-nested.nap", "nests-nested.nap-express", "nests-nested.dream"} <= machines

    run = start(api)
    status = f"/api/workflow/status/{run}"
    eventually(lambda: api.call("GET", status).json["status"] == "waiting", "the run to wait")
    wake(api, run, "sun")
    assert follow(api, run)["output"] == {"said": "old sun after dream 7"}
    cdk.destroy()
