"""Whether the declarations of a project fit together; every problem is found before anything runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from durable.adapters import adapter_of, shown_type
from durable.aws.resources import construct_id
from durable.bindings import Binding, KVNamespace, Queue, Var, Worker, Workflow
from durable.bindings.base import Named
from durable.clients.var import json_of, var_client
from durable.compiler.types.roundtrip import loss
from durable.errors import DeclarationError, SignatureError
from durable.modules import shown
from durable.project import Project
from durable.runs.scheduled import scheduled_params
from durable.signature import BindingParameter, Signature, signature_of
from durable.steps.consumer import message_parameter
from durable.store.values import Misfit, holds_secret
from durable.workflow import payload_type

Steps = Mapping[str, Sequence[Signature]]
"""The signatures of each workflow's steps, by the workflow's declared name; of one that did not compile, none."""


Calls = Mapping[str, Mapping[str, type[Any]]]
"""The workflow classes that each workflow calls, by its declared name and the name of the step."""


def check(
    project: Project, steps: Steps, workers: Mapping[str, Signature], calls: Calls = MappingProxyType({})
) -> None:
    """Check every declaration against the signatures that it serves.

    Raises:
        DeclarationError: with all problems, a sentence each.
    """
    problems = [
        *project.lost,
        *_same_names(project.declarations),
        *_same_ids(project.declarations),
        *_same_domains(project.workers),
        *_unused(project),
        *(each for workflow in project.workflows for each in _called(project, workflow, calls.get(workflow.name, {}))),
        *(each for workflow in project.workflows for each in _bound(workflow, steps.get(workflow.name))),
        *(each for worker in project.workers for each in _bound(worker, _one(workers.get(worker.name)))),
        *(each for queue in project.queues for each in _consumer(queue)),
        *(each for workflow in project.workflows for each in _schedules(workflow)),
        *(each for workflow in project.workflows for each in _messages(workflow, steps.get(workflow.name, ()))),
    ]
    if problems:
        raise DeclarationError(problems)


def _same_names(declarations: Iterable[Binding]) -> Iterator[str]:
    seen: set[tuple[str, str]] = set()
    for each in declarations:
        if (each.kind, each.name) in seen:
            yield f"{each!r} is declared twice; give each {type(each).__name__} a name of its own"
        seen.add((each.kind, each.name))


def _same_ids(declarations: Iterable[Binding]) -> Iterator[str]:
    """Say which names would be one name on AWS, where hyphens fall away."""
    seen: dict[str, Binding] = {}
    for each in declarations:
        other = seen.setdefault(construct_id(each), each)
        if other.name != each.name:
            yield f"{other!r} and {each!r} would be one resource on AWS, where hyphens fall away; rename one of them"


def _same_domains(workers: Iterable[Worker]) -> Iterator[str]:
    seen: dict[str, Worker] = {}
    for each in workers:
        if each.domain is not None and seen.setdefault(each.domain.name, each) is not each:
            other = seen[each.domain.name]
            yield f"{other!r} and {each!r} have the domain {each.domain.name}; give each a name of its own"


def _unused(project: Project) -> Iterator[str]:
    """Say what is bound to nothing, unless one that is lost may bind it, and what is bound and not declared."""
    # By identity: two declarations may have one name, which is reported by itself.
    used = {id(binding) for declared in project.declarations for binding in declared.uses().values()}
    declared = {id(each) for each in project.declarations}
    for each in project.declarations:
        # A workflow or worker is of use by itself. Where a declaration is lost it may be what binds the others: then
        # nothing is said of these.
        if each.kind not in ("workflow", "worker") and id(each) not in used and not project.lost:
            yield f"{each!r} is declared in {project.name} and bound to nothing; bind it or take it away"
        for name, binding in each.uses().items():
            if isinstance(binding, Named):
                yield (
                    f"{each!r} binds {name} to {binding!r}, but {project.name} declares no"
                    f" {binding.declared.__name__}({binding.name!r}); there is {_those(project, binding.declared)}"
                )
            elif id(binding) not in declared:
                yield f"{each!r} binds {name} to {binding!r}, which {project.name} does not declare; assign it there"


def _those(project: Project, kind: type[Binding]) -> str:
    return ", ".join(repr(each) for each in project.declarations if isinstance(each, kind)) or "none"


def _one(signature: Signature | None) -> Sequence[Signature] | None:
    return None if signature is None else [signature]


def _called(project: Project, workflow: Workflow[Any], calls: Mapping[str, type[Any]]) -> Iterator[str]:
    for step, called in calls.items():
        declared = [each.name for each in project.declared(called)]
        if not declared:
            yield (
                f"{workflow!r} calls {called.__name__} in step {step!r}, which {project.name} does not declare;"
                f" declare it there: Workflow(…, {called.__name__})"
            )
        elif len(declared) > 1:
            yield (
                f"{workflow!r} calls {called.__name__} in step {step!r}, which is declared as {', '.join(declared)};"
                " declare it once, or call a class of its own"
            )


def _bound(owner: Binding, signatures: Sequence[Signature] | None) -> Iterator[str]:
    """Yield what does not fit; of an owner that could not be read itself, nothing."""
    if signatures is None:
        return
    bindings, used = owner.uses(), set[str]()
    for signature in signatures:
        for parameter in signature.bindings:
            used.add(parameter.name)
            yield from _unfit(owner, bindings.get(parameter.name), parameter, signature)
    for name in bindings.keys() - used:
        yield f"{owner!r} binds {name} to {bindings[name]!r}, which no signature names; take it away"


def _unfit(owner: Binding, given: Binding | None, parameter: BindingParameter, signature: Signature) -> Iterator[str]:
    """Yield why what an owner binds to a parameter does not fit the signature that names it."""
    wanted = parameter.binding
    if given is None:
        yield (
            f"{owner!r} lacks the binding {parameter.name}: {wanted.__name__} that"
            f" {signature.import_name} names ({shown(signature.place)}); add {parameter.name!r} to its bindings: the"
            f' declaration, or {wanted.__name__}.named("…") if that stands below or is this one'
        )
    elif isinstance(given, Named):
        return  # said of the declaration
    elif not isinstance(given, wanted):
        yield (
            f"{owner!r} binds {parameter.name} to {given!r}, but {signature.import_name} wants a"
            f" {wanted.__name__} ({shown(signature.place)})"
        )
    elif isinstance(given, Var):
        yield from _value(given, parameter, signature)
    elif issubclass(wanted, KVNamespace | Queue):
        yield from _carried(given, parameter, signature)


def _value(var: Var[Any], parameter: BindingParameter, signature: Signature) -> Iterator[str]:
    try:
        var_client(var.name, parameter.value, json_of(var))
    except DeclarationError as error:
        yield f"{error} ({shown(signature.place)})"


def _carried(given: Binding, parameter: BindingParameter, signature: Signature) -> Iterator[str]:
    """Say what of the values of a namespace or queue would not come back as it was written."""
    try:
        lost = loss(parameter.value)
    except SignatureError as error:
        lost = str(error)
    if lost is not None:
        yield f"{given!r} would not give back what {signature.import_name} writes ({shown(signature.place)}): {lost}"


def _consumer(queue: Queue[Any]) -> Iterator[str]:
    if queue.consumer is None:
        if queue.bindings:
            yield f"{queue!r} has bindings but no consumer; name the function that consumes it"
        return
    try:
        signature = signature_of(queue.consumer)
        message_parameter(signature)
    except SignatureError as error:
        yield str(error)
        return
    yield from _bound(queue, [signature])


def _schedules(workflow: Workflow[Any]) -> Iterator[str]:
    """Say which schedules are there twice, or start runs with what the workflow does not take."""
    try:
        adapter = adapter_of(payload_type(workflow.workflow))
    except SignatureError:
        return  # said of the workflow itself
    seen = set[str]()
    for each in workflow.schedules:
        if each.key in seen:
            yield f"{workflow!r} has {each!r} twice; take one away"
        seen.add(each.key)
        if holds_secret(adapter):
            yield f"{workflow!r} has {each!r}, and its params hold a secret; let a step read that from a Secret"
        try:
            scheduled_params(adapter, each)
        except Misfit as misfit:
            yield f"{workflow!r} cannot be started by {each.cron or each.every!r}: {misfit}; give the Schedule params"


def _messages(workflow: Workflow[Any], signatures: Sequence[Signature]) -> Iterator[str]:
    for signature in signatures:
        for parameter in signature.bindings:
            queue = workflow.bindings.get(parameter.name)
            if not isinstance(queue, Queue) or queue.consumer is None or parameter.value is Any:
                continue
            try:
                taken = message_parameter(signature_of(queue.consumer)).type
            except SignatureError:
                continue  # said of the consumer itself
            # By equality and not by what fits: a message is written by one type and read by the other.
            if taken != parameter.value:
                yield (
                    f"{signature.import_name} sends {shown_type(parameter.value)} to {queue!r}, whose consumer takes"
                    f" {shown_type(taken)} ({shown(signature.place)}); name one type in both"
                )
