"""Workflow on one machine: starts runs on the engine and reads them from its record."""

from __future__ import annotations

from typing import Any

from durable.bindings.workflow import Workflow
from durable.clients.workflow import WorkflowClient
from durable.local.bindings.place import Place


def client_of(declared: Workflow[Any], _: Any, place: Place) -> WorkflowClient:
    """Return the client of a workflow."""
    return place.workflows[declared.name]
