"""The deployment of the four-step project: one workflow, one worker, and nothing that stores anything."""

from __future__ import annotations

from bench.peers.ours.bare.workflow import FourStepsWorkflow
from durable import Worker, Workflow

onboarding = Workflow("onboarding", FourStepsWorkflow)
website = Worker("website", "bench.peers.ours.bare.api", url=True, bindings={"onboarding": onboarding})
