"""The declarations of a project, read off a module: what there is, and whether it fits together."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

from durable.bindings import Binding, Queue, Worker, Workflow

B = TypeVar("B", bound=Binding)


@dataclass(frozen=True, slots=True)
class Project:
    """All declarations of a module, in the order they stand there."""

    name: str
    declarations: tuple[Binding, ...]

    def _of(self, kind: type[B]) -> tuple[B, ...]:
        return tuple(each for each in self.declarations if isinstance(each, kind))

    @property
    def workflows(self) -> tuple[Workflow[Any], ...]:
        return self._of(Workflow)

    def declared(self, workflow: type[Any]) -> tuple[Workflow[Any], ...]:
        """Return the declarations of a workflow's class."""
        return tuple(each for each in self.workflows if each.workflow is workflow)

    @property
    def queues(self) -> tuple[Queue, ...]:
        return self._of(Queue)

    @property
    def workers(self) -> tuple[Worker, ...]:
        return self._of(Worker)


def declarations(module: ModuleType) -> Iterator[Binding]:
    """Yield the bindings among a module's globals, once each."""
    seen: set[int] = set()
    for value in vars(module).values():
        if isinstance(value, Binding) and id(value) not in seen:
            seen.add(id(value))
            yield value


def load(name: str = "app") -> Project:
    """Import a module and return what it declares, unchecked; see `durable.check`."""
    return Project(name, tuple(declarations(importlib.import_module(name))))
