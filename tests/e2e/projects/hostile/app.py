"""Ordinary runs, and beside them runs that do all the harm they can."""

from __future__ import annotations

from functions.steps import deliver
from statemachines.calm import CalmWorkflow
from statemachines.computing import ComputingWorkflow
from statemachines.hostile import HostileWorkflow

from durable import Queue, Retries, Workflow

letters: Queue[str] = Queue("letters", consumer=deliver, retries=Retries(limit=1, delay="1 second"))
calm = Workflow("calm", CalmWorkflow)
hostile = Workflow("hostile", HostileWorkflow, bindings={"letters": letters})
computing = Workflow("computing", ComputingWorkflow)
