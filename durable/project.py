"""The declarations of a project, read off a module: what there is, and whether it fits together."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

from durable.bindings import Binding, Queue, Secret, Worker, Workflow
from durable.bindings.base import Named
from durable.modules import imported, shown

B = TypeVar("B", bound=Binding)


@dataclass(frozen=True, slots=True)
class Project:
    """All declarations of a module, in the order they stand there.

    Attributes:
        lost: a sentence for each that the module makes and assigns to no name of its own.
    """

    name: str
    declarations: tuple[Binding, ...]
    lost: tuple[str, ...] = ()

    def _of(self, kind: type[B]) -> tuple[B, ...]:
        return tuple(each for each in self.declarations if isinstance(each, kind))

    @property
    def workflows(self) -> tuple[Workflow[Any], ...]:
        return self._of(Workflow)

    def declared(self, workflow: type[Any]) -> tuple[Workflow[Any], ...]:
        """Return the declarations of a workflow's class."""
        return tuple(each for each in self.workflows if each.workflow is workflow)

    def is_served(self, workflow: Workflow[Any]) -> bool:
        """Return whether a Worker that has a URL has the workflow among its bindings."""
        bound = (each for worker in self.workers if worker.url for each in worker.uses().values())
        return any(each.kind == workflow.kind and each.name == workflow.name for each in bound)

    @property
    def queues(self) -> tuple[Queue, ...]:
        return self._of(Queue)

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Return the secrets that are declared, or used by what is declared, each once."""
        found = (each for owner in self.declarations for each in (owner, *owner.uses().values()))
        return tuple({each.name: each for each in found if isinstance(each, Secret)}.values())

    @property
    def workers(self) -> tuple[Worker, ...]:
        return self._of(Worker)


def declarations(module: ModuleType) -> Iterator[Binding]:
    """Yield the bindings among a module's globals, once each."""
    # One declaration may have two names, and is one resource.
    seen: set[int] = set()
    for value in vars(module).values():
        if isinstance(value, Binding) and id(value) not in seen:
            seen.add(id(value))
            yield value


def project_of(module: ModuleType) -> Project:
    """Return what a module declares, unchecked; see `durable.check`."""
    declared = tuple(declarations(module))
    resolve(declared)
    return Project(module.__name__, declared, tuple(_lost(module, declared)))


def resolve(declared: tuple[Binding, ...]) -> None:
    """Put declarations in the place of the names that stand for them. A name that nothing has stays, to be reported."""
    known = {(each.kind, each.name): each for each in declared}
    for bindings in (each.uses() for each in declared):
        for parameter, bound in bindings.items():
            if isinstance(bound, Named):
                # In place: the dict is the declaration's own, and whoever has the declaration sees what it is bound to.
                bindings[parameter] = known.get((bound.declared.kind, bound.name), bound)


def load(name: str = "app") -> Project:
    """Import a module and return what it declares, unchecked.

    Raises:
        ModuleError: it cannot be imported.
    """
    return project_of(imported(name))


def _lost(module: ModuleType, declared: tuple[Binding, ...]) -> Iterator[str]:
    # What is bound to something that has a name is found through it, and so is not lost.
    known = {(each.kind, each.name) for owner in declared for each in (owner, *owner.uses().values())}
    for call in _unassigned(module):
        match call:
            case ast.Call(ast.Name() | ast.Attribute() as func, [ast.Constant(str(name)), *_]):
                made, maker = _named(module, func), ast.unparse(func)
                if isinstance(made, type) and issubclass(made, Binding) and (made.kind, name) not in known:
                    yield (
                        f"{shown(inspect.getfile(module))}:{call.lineno}: {maker}({name!r}) is assigned to no name, so"
                        f" it is not declared; write `{name.replace('-', '_')} = {maker}({name!r}, …)`"
                    )


def _named(module: ModuleType, node: ast.expr) -> Any:
    """Return what a name or dotted name stands for in a module; None where it stands for nothing."""
    match node:
        case ast.Name(name):
            return vars(module).get(name)
        case ast.Attribute(of, name):
            return getattr(_named(module, of), name, None)
    return None


def _unassigned(module: ModuleType) -> Iterator[ast.expr]:
    """Yield the values that statements of a module drop, or keep in a list or a dict."""
    try:
        body = ast.parse(inspect.getsource(module)).body
    except (OSError, TypeError):
        return  # it was made in memory
    for statement in body:
        match statement:
            case ast.Expr(ast.Call() as call):
                yield call
            case ast.Assign(value=value) | ast.AnnAssign(value=value):
                yield from getattr(value, "elts", ()) or getattr(value, "values", ())
