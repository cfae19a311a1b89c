"""A project whose second step waits for a file: time to kill the server."""

from __future__ import annotations

from statemachines.slow import SlowWorkflow

from durable import Workflow

slow = Workflow("slow", SlowWorkflow)
