"""The deployment of the four-step project: nothing in it stores anything. `waiting` is for `python -m bench.scale`."""

from __future__ import annotations

from bench.peers.ours.bare.workflow import FourStepsWorkflow, WaitingWorkflow
from durable import Worker, Workflow

onboarding = Workflow("onboarding", FourStepsWorkflow)
waiting = Workflow("waiting", WaitingWorkflow)
website = Worker("website", "bench.peers.ours.bare.api", url=True, bindings={"onboarding": onboarding})
