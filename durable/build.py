"""A project with its workflows compiled and its declarations checked: what serving and deploying it begin with."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from durable.bindings import Binding, Worker, Workflow
from durable.check import check
from durable.clients.callbacks import add_callbacks
from durable.compiler import Compiled, compile_workflow
from durable.errors import ConfigurationError, DeclarationError, ModuleError, SignatureError
from durable.http import Api
from durable.http.auth import Protection, Verify, guard_of, nobody, parameters_of
from durable.modules import failure_in, imported, place_of, shown
from durable.project import Project
from durable.signature import BindingParameter, Signature, entry_of, signature_of
from durable.workflow import WorkflowEntrypoint

B = TypeVar("B", bound=Binding)


@dataclass(frozen=True, slots=True)
class Build:
    """A project and what its workflows were compiled to, by their declared names."""

    project: Project
    compiled: Mapping[str, Compiled]

    def bounds(self, workflow: Workflow[Any]) -> tuple[str, ...]:
        """Return what bounds the loops of a workflow on the machines that execute it, in words."""
        compiled = self.compiled[workflow.name]
        return compiled.segment_notes if workflow.machine_kind == "express" else compiled.notes


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
            workers[worker.name] = signature = served_by(worker)
            if {each.name for each in signature.bindings} <= worker.uses().keys():  # else `check` says what is missing
                api_of(worker, worker.uses())
        except ConfigurationError as error:
            problems.append(str(error))
    try:
        steps = {name: [step.signature for step in each.steps] for name, each in compiled.items()}
        calls = {name: {call.name: call.workflow for call in each.calls} for name, each in compiled.items()}
        check(project, steps, workers, calls)
    except DeclarationError as error:
        # One list of all that is wrong, in the project and in its workflows: an author mends it in one go.
        problems += error.problems
    if problems:
        raise DeclarationError(problems)
    return Build(project, compiled)


def bound_parameters(built: Build) -> Iterator[tuple[Binding, BindingParameter]]:
    """Yield each binding with the parameters of steps, consumers and workers that it is given to."""
    owners: list[tuple[Binding, Signature]] = [
        (workflow, step.signature)
        for workflow in built.project.workflows
        for step in built.compiled[workflow.name].steps
    ]
    owners += [(each, signature_of(each.consumer)) for each in built.project.queues if each.consumer is not None]
    owners += [(each, served_by(each)) for each in built.project.workers]
    for owner, signature in owners:
        for parameter in signature.bindings:
            yield owner.uses()[parameter.name], parameter


def values_of(built: Build, kind: type[B]) -> Mapping[str, tuple[B, Any]]:
    """Return the bindings of a kind by their names, each with the type of its values: Any where no parameter names one.

    A binding without a name of its own in app.py counts too, as long as something uses it.
    """
    declared = (each for owner in built.project.declarations for each in (owner, *owner.uses().values()))
    found: dict[str, tuple[B, Any]] = {each.name: (each, Any) for each in declared if isinstance(each, kind)}
    for binding, parameter in bound_parameters(built):
        if isinstance(binding, kind) and found[binding.name][1] is Any:
            found[binding.name] = (binding, parameter.value)
    return found


def fetch_of(worker: Worker) -> Callable[..., Any]:
    """Return the function of a worker's module that makes its API.

    Raises:
        ModuleError: the module cannot be imported.
        SignatureError: it has no `fetch`.
    """
    fetch: Callable[..., Any] | None = getattr(imported(worker.module), "fetch", None)
    if fetch is None:
        raise SignatureError(f"{worker!r}: {worker.module} has no function `fetch` that returns its API")
    return fetch


def served_by(worker: Worker) -> Signature:
    """Return the signature of a worker's `fetch`, and with it the bindings that checking its callers takes.

    Raises:
        ModuleError: the module cannot be imported.
        SignatureError: its `fetch` is missing or takes something else, or its Authorizer does.
    """
    signature = entry_of(fetch_of(worker))
    return replace(signature, bindings=signature.bindings + parameters_of(worker.auth))


def api_of(worker: Worker, clients: Mapping[str, Binding], verify: Verify = nobody) -> Api:
    """Return the API of a worker on these clients, by the names of its bindings.

    Args:
        verify: makes the guard of what this world verifies in a way of its own; without it, nobody is let in.

    Raises:
        ModuleError: the module cannot be imported, or its `fetch` fails.
        SignatureError: its `fetch` is missing, or returns something else, or a route of it cannot be served.
    """
    fetch = fetch_of(worker)
    given = {each.name: clients[each.name] for each in entry_of(fetch).bindings}
    try:
        api = fetch(**given)
    except SignatureError:
        raise  # it names the route
    except Exception as error:
        raise failure_in(worker.module, error) from error
    if not isinstance(api, Api):
        raise SignatureError(f"{worker!r}: {worker.module}.fetch returns {api!r}; return the `Api` of its routes")
    add_callbacks(api, given.values())
    api.allow_origins(worker.origins)
    if worker.auth is not None:
        api.protect(Protection(worker.auth, guard_of(worker.auth, clients, verify)))
    return api


def asl_path(workflow: type[Any]) -> Path:
    """Return where a workflow's compiled definition is committed: beside its class."""
    return Path(inspect.getfile(workflow)).with_suffix(".asl.json")


def definitions(built: Build) -> Mapping[Path, str]:
    """Return the text of each workflow's definition, by its path.

    Raises:
        DeclarationError: two classes stand in one file, and their definitions would too.
    """
    texts = {each.workflow: built.compiled[each.name].text for each in built.project.workflows}
    files: dict[Path, list[type[Any]]] = {}
    for workflow in texts:
        files.setdefault(asl_path(workflow), []).append(workflow)
    problems = [
        f"{shown(path.with_suffix('').with_suffix('.py'))}: {' and '.join(each.__name__ for each in several)} would be"
        f" compiled to the same {path.name}; write each class in a file of its own"
        for path, several in files.items()
        if len(several) > 1
    ]
    if problems:
        raise DeclarationError(problems)
    return {path: texts[workflow] for path, (workflow,) in files.items()}


def undeclared(project: Project, package: str = "statemachines") -> Iterator[str]:
    """Yield a sentence for each workflow class of a package that is not declared, and each module that is broken.

    A class without `run` is none, nor is one that another class stands on.
    """
    declared, found = [each.workflow for each in project.workflows], list[type[Any]]()
    for name in _modules(package):
        try:
            found += _classes(imported(name))
        except ModuleError as error:
            yield str(error)
    # A class that others are derived from is no workflow by itself, though it may have a `run`.
    bases = {base for each in [*declared, *found] for base in each.__mro__[1:]}
    for each in found:
        if each not in bases and each not in declared:
            file, line = place_of(each)
            yield (
                f"{file}:{line}: {each.__name__} is not declared in {project.name}.py, and so neither compiled nor"
                f" deployed; declare it there: Workflow(…, {each.__name__})"
            )


def _modules(package: str) -> Iterator[str]:
    found = find_spec(package)
    path = found.submodule_search_locations if found else None
    for each in pkgutil.walk_packages(path or (), f"{package}.", onerror=lambda _: None):
        yield each.name


def _classes(module: ModuleType) -> Iterator[type[Any]]:
    """Yield the workflow classes that are written in a module."""
    classes = (each for each in vars(module).values() if isinstance(each, type) and each.__module__ == module.__name__)
    # `inspect.isabstract` tells the classes without a `run`: that of WorkflowEntrypoint is abstract.
    yield from (each for each in classes if issubclass(each, WorkflowEntrypoint) and not inspect.isabstract(each))
