"""What a sandbox runs: a project, made up around a workflow or read off a module, and what its bindings hold first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Final

from durable.bindings import Binding, Queue, Worker, Workflow
from durable.bindings.base import Named
from durable.build import Build, bound_parameters, build
from durable.compiler import compile_workflow
from durable.errors import DeclarationError
from durable.project import Project, project_of, resolve
from durable.signature import BindingParameter, Signature, signature_of
from durable.testing.client import client_class
from durable.workflow import WorkflowEntrypoint

Subject = type[WorkflowEntrypoint[Any]] | Workflow[Any] | Worker | ModuleType
"""A workflow's class, its declaration, a worker's, or a module of declarations."""
Given = object
"""A declaration; what a KVNamespace or Bucket (a mapping), a Queue (a sequence) or a Secret (a text) holds; the
value of a Var; or the stub of an AWSService's client."""


_GIVE: Final = "give a workflow's class, its declaration or a worker's, as app.order, or the module app"


@dataclass(slots=True)
class Prepared:
    """A project that fits together; its bindings by the names a test may call them, and their first contents.

    `subject` is the name of the workflow that is tested, where it is one.
    """

    build: Build
    subject: str | None = None
    names: dict[str, list[Binding]] = field(default_factory=dict)
    contents: list[tuple[Binding, Any]] = field(default_factory=list)

    def value_type(self, declared: Binding) -> Any:
        """Return the V or M of a binding, as the first signature that names one has it."""
        found = (each.value for bound, each in _bound(self.build) if bound is declared and each.value is not Any)
        return next(found, Any)


def prepare(subject: Subject, given: Mapping[str, Given]) -> Prepared:
    """Build the subject's project, with the bindings that were given.

    Raises:
        DeclarationError: a name that is no binding's, or a value that is not for its kind; or the project's own.
    """
    if not isinstance(subject, ModuleType | Workflow | Worker) and not _is_workflow(subject):
        raise DeclarationError([f"a sandbox cannot be made around {subject!r}; {_GIVE}"])
    plain = {name: each for name, each in given.items() if not isinstance(each, Binding)}
    declared = {name: each for name, each in given.items() if isinstance(each, Binding)}
    name: str | None = None
    if isinstance(subject, ModuleType):
        project = project_of(subject)
        if declared:
            raise DeclarationError([f"{project.name} declares its bindings itself: give contents for {list(declared)}"])
    elif isinstance(subject, Worker):
        project = _behind(subject)
        if declared:
            raise DeclarationError([f"{subject!r} declares its bindings itself: give contents for {list(declared)}"])
    else:
        workflow = subject if isinstance(subject, Workflow) else Workflow(_name_of(subject), subject)
        name, project = workflow.name, _around(workflow, declared)
    prepared = Prepared(build(project), name, _names(project))
    prepared.contents = [_contents(prepared.names, name, value) for name, value in plain.items()]
    return prepared


def _around(workflow: Workflow[Any], given: Mapping[str, Binding]) -> Project:
    """Return a project of a workflow and those that it calls: with what each is bound to, and for what is bound to
    nothing, something new."""
    workflows = [workflow, *(Workflow(_name_of(each), each) for each in _called(workflow.workflow))]
    named = [_parameters(each.signature for each in compile_workflow(every.workflow).steps) for every in workflows]
    parameters = {name: each for found in named for name, each in found.items()}
    unknown = given.keys() - parameters.keys()
    if unknown:
        raise _unknown(sorted(unknown)[0], parameters)
    known = {**workflow.bindings, **given}
    # A binding that no step names is a misspelt one: what is missing beside it is said, and not made up.
    made = {} if workflow.bindings.keys() - parameters.keys() else parameters
    bindings = known | {name: _new(name, each) for name, each in made.items() if name not in known}
    # Copies: the author's own declaration is to stay as it is, for the next test.
    bound = [copy(each) for each in workflows]
    for each, found in zip(bound, named, strict=True):
        each.bindings = {**each.bindings, **{name: bindings[name] for name in found if name in bindings}}
    resolve(tuple(bound))
    return Project(
        f"the test of {workflow.name}", tuple(each for each in _reachable(*bound) if each.kind != Named.kind)
    )


def _behind(worker: Worker) -> Project:
    """Return a project of a worker, of what it is bound to, and of the workflows that those call."""
    found = tuple(_reachable(worker))
    declared = {each.workflow for each in found if isinstance(each, Workflow)}
    called = {each: None for workflow in declared for each in _called(workflow) if each not in declared}
    others = [_around(Workflow(_name_of(each), each), {}).declarations for each in called]
    # By identity: the projects around two workflows share declarations, and one is to stand here once.
    project = tuple({id(each): each for each in (*found, *(each for those in others for each in those))}.values())
    resolve(project)
    return Project(f"the test of {worker.name}", tuple(each for each in project if each.kind != Named.kind))


def _is_workflow(subject: object) -> bool:
    return isinstance(subject, type) and issubclass(subject, WorkflowEntrypoint)


def _called(workflow: type[WorkflowEntrypoint[Any]]) -> Iterator[type[WorkflowEntrypoint[Any]]]:
    """Yield the workflows that one calls, and those that they call, once each."""
    seen, left = {workflow}, [workflow]
    while left:
        for each in compile_workflow(left.pop(0)).calls:
            if each.workflow not in seen:
                seen.add(each.workflow)
                left.append(each.workflow)
                yield each.workflow


def _parameters(signatures: Iterable[Signature]) -> dict[str, BindingParameter]:
    return {each.name: each for signature in signatures for each in signature.bindings}


def _new(parameter: str, binding: BindingParameter) -> Binding:
    name = parameter.strip("_").replace("_", "-").lower()
    client = client_class(binding.binding)
    if client is None:
        raise DeclarationError([f"{parameter} is a {binding.binding.__name__}: give its declaration in `bindings`"])
    return client.declared(name)


def _reachable(*bindings: Binding) -> Iterator[Binding]:
    """Yield bindings and all that they use, once each."""
    seen, left = set[int](), list(bindings)
    while left:
        each = left.pop(0)
        if id(each) not in seen:
            seen.add(id(each))
            left += each.uses().values()
            yield each


def _names(project: Project) -> dict[str, list[Binding]]:
    """Return the bindings by their declared names, and by the names that workflows bind them to."""
    names: dict[str, list[Binding]] = {}
    pairs = [(each.name, each) for each in project.declarations]
    pairs += [pair for owner in (*project.workflows, *project.workers) for pair in owner.uses().items()]
    for name, binding in pairs:
        there = names.setdefault(name, [])
        # A declaration is often bound to its own name.
        if binding not in there:
            there.append(binding)
    return names


def _contents(names: Mapping[str, list[Binding]], name: str, value: Any) -> tuple[Binding, Any]:
    holding = [each for each in names.get(name, []) if _holds(each)]
    if not holding:
        raise _unknown(name, [each for each, found in names.items() if _holds(found[0])])
    client = client_class(holding[0])
    assert client is not None
    if isinstance(value, client.holds):
        return holding[0], value
    raise DeclarationError([f"{name} is a {type(holding[0]).__name__}: give {client.given}, not {value!r}"])


def _holds(declared: Binding) -> bool:
    """Return whether a test may say what a binding holds at first."""
    client = client_class(declared)
    return client is not None and bool(client.holds)


def _unknown(name: str, known: Iterable[str]) -> DeclarationError:
    return DeclarationError([f"no step names a binding {name!r}; there are: {', '.join(sorted(known)) or 'none'}"])


def _bound(built: Build) -> Iterator[tuple[Binding, BindingParameter]]:
    """Yield each binding with the parameters that it is given to."""
    for queue in built.project.queues:
        for parameter in _messages(queue):
            yield queue, parameter
    yield from bound_parameters(built)


def _messages(queue: Queue[Any]) -> Iterator[BindingParameter]:
    """Yield what the queue's own consumer takes, as if it were bound to it."""
    if queue.consumer is not None:
        yield BindingParameter(queue.name, Queue, signature_of(queue.consumer).data[0].type)


def _name_of(workflow: type[WorkflowEntrypoint[Any]]) -> str:
    """Return a name for a workflow that is not declared: OrderWorkflow is order."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", workflow.__name__.removesuffix("Workflow") or "workflow")
    return "-".join(words).lower()[:40].strip("-")
