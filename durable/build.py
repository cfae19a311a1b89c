"""A project with its workflows compiled and its declarations checked: what `make run` and `cdk deploy` begin with."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from durable.bindings import Worker
from durable.check import check
from durable.compiler import Compiled, compile_workflow
from durable.errors import ConfigurationError, DeclarationError, SignatureError
from durable.project import Project
from durable.signature import Signature, entry_of


@dataclass(frozen=True, slots=True)
class Build:
    """A project and what its workflows were compiled to, by their declared names."""

    project: Project
    compiled: Mapping[str, Compiled]


def build(project: Project) -> Build:
    """Compile every workflow of the project and check its declarations.

    Raises:
        DeclarationError: with every problem that was found, in the workflows too.
    """
    problems: list[str] = []
    compiled: dict[str, Compiled] = {}
    workers: dict[str, Signature] = {}
    for workflow in project.workflows:
        try:
            compiled[workflow.name] = compile_workflow(workflow.workflow)
        except ConfigurationError as error:
            problems.append(str(error))
    for worker in project.workers:
        try:
            workers[worker.name] = entry_of(fetch_of(worker))
        except SignatureError as error:
            problems.append(str(error))
    try:
        steps = {name: [step.signature for step in each.steps] for name, each in compiled.items()}
        calls = {name: {call.name: call.workflow for call in each.calls} for name, each in compiled.items()}
        check(project, steps, workers, calls)
    except DeclarationError as error:
        problems += error.problems
    if problems:
        raise DeclarationError(problems)
    return Build(project, compiled)


def fetch_of(worker: Worker) -> Callable[..., Any]:
    """Return the function of a worker's module that makes its API.

    Raises:
        SignatureError: the module has no `fetch`.
    """
    fetch: Callable[..., Any] | None = getattr(importlib.import_module(worker.module), "fetch", None)
    if fetch is None:
        raise SignatureError(f"{worker!r}: {worker.module} has no function `fetch` that returns its API")
    return fetch


def asl_path(workflow: type[Any]) -> Path:
    """Return where a workflow's compiled definition is committed: beside its class."""
    return Path(inspect.getfile(workflow)).with_suffix(".asl.json")
