"""The workflows of the trial, compiled once a process, and their machines as a deployment names them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from durable import WorkflowEntrypoint
from durable.asl import Machine
from durable.compiler import Compiled, compile_workflow
from durable.compiler.asl.segments import express, standard
from durable.store.machines import segment_of
from durable.store.rollback import DEFINITION, rollback_of
from tests.simulation import trial

WORKFLOWS: Mapping[str, type[WorkflowEntrypoint[Any]]] = {
    "trial": trial.Trial,
    "waiter": trial.Waiter,
    "child": trial.Child,
    "parent": trial.Parent,
    "trip": trial.Trip,
    "racer": trial.Racer,
    "doomed": trial.Doomed,
    "loop": trial.Loop,
    "grinder": trial.Grinder,
    "hook": trial.Hook,
    "lender": trial.Lender,
    "keeper": trial.Keeper,
    "chat": trial.Chat,
    "couriers": trial.Couriers,
    "vault": trial.Vault,
    "served": trial.Served,
    "breaker": trial.Breaker,
}


def name_of(workflow: type[WorkflowEntrypoint[Any]]) -> str:
    return next(name for name, each in WORKFLOWS.items() if each is workflow)


@cache
def compiled() -> Mapping[str, Compiled]:
    return {name: compile_workflow(workflow) for name, workflow in WORKFLOWS.items()}


@cache
def machines() -> Mapping[str, Machine]:
    """Return the machines of all workflows by name: a world changes none of them."""
    made: dict[str, Machine] = {}
    for name, each in compiled().items():
        made[segment_of(name, "express")] = Machine.load(_named(express(each.definition), name))
        made[segment_of(name, "standard")] = Machine.load(_named(standard(each.definition), name))
        made[name] = Machine.load(_named(each.definition, name))
        made[rollback_of(name)] = Machine.load(_named(DEFINITION, name))
    return made


def _named(value: Any, workflow: str) -> Any:
    """Return a definition with the names of a workflow's functions in place of placeholders."""
    if isinstance(value, Mapping):
        return {name: _named(each, workflow) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_named(each, workflow) for each in value]
    if isinstance(value, str) and value.startswith("${") and value.endswith("}"):
        return f"{workflow}:{value[2:-1]}"
    return value
