"""What a project consists of: what open runs need of it, and what a change of its sources changed.

    python -m durable.local.parts

prints the parts of the project in this folder as JSON. The server asks for them in a process of its own when a source
has changed: a mistake in the sources ends that process, and not the server.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from durable.build import Build, build
from durable.compiler import Compiled
from durable.errors import ConfigurationError
from durable.project import load
from durable.wire import CALLS, EVENTS

OURS = "/"
"""Stands before the name of a function that every workflow has; no step's name begins with it."""


@dataclass(frozen=True, slots=True)
class WorkflowParts:
    """The parts of a workflow.

    Attributes:
        definition: a hash of its state machine.
        steps: a hash of the file of each step and undo, by its name.
        calls: the names of its calls of other workflows.
    """

    definition: str
    steps: Mapping[str, str]
    calls: tuple[str, ...]

    def lacks(self, name: str, payload: Mapping[str, Any]) -> str | None:
        """Return the name of the step or call that a task needs and that is not there; None if it is."""
        if name in (CALLS, OURS + CALLS):
            step: str = payload["step"]
            return None if step in self.calls else step
        return None if name == EVENTS or name.startswith(OURS) or name in self.steps else name


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a project's workflows, by their names."""

    workflows: Mapping[str, WorkflowParts]

    def lacks(self, function: str, payload: Mapping[str, Any]) -> str | None:
        """Return the name of the step or call that a task needs and that is not there; None if it is.

        Args:
            function: named as `<workflow>/<step>`.
        """
        workflow, _, name = function.partition("/")
        found = self.workflows.get(workflow)
        return name.removeprefix(OURS) if found is None else found.lacks(name, payload)

    def changes(self, before: Parts) -> Iterator[str]:
        """Yield a sentence for each workflow that differs from what it was before."""
        for name in sorted(before.workflows.keys() - self.workflows.keys()):
            yield f"{name} is gone"
        for name, each in self.workflows.items():
            was = before.workflows.get(name)
            if was is None:
                yield f"{name} is new"
                continue
            steps = [step for step, digest in each.steps.items() if was.steps.get(step) != digest]
            if was.definition != each.definition:
                yield f"{name} has another definition; runs under way keep the one that they began with"
            elif steps:
                yield f"{name} has other code for {', '.join(steps)}"

    def as_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Parts:
        found = json.loads(text)["workflows"]
        return cls({name: WorkflowParts(**{**each, "calls": tuple(each["calls"])}) for name, each in found.items()})


def parts_of(built: Build) -> Parts:
    """Return the parts of a project."""
    return Parts({name: _parts(each) for name, each in built.compiled.items()})


def _parts(compiled: Compiled) -> WorkflowParts:
    return WorkflowParts(
        definition=hashlib.sha256(compiled.text.encode()).hexdigest(),
        steps={step.name: _digest(inspect.getsourcefile(inspect.unwrap(step.function))) for step in compiled.steps},
        calls=tuple(call.name for call in compiled.calls),
    )


def _digest(file: str | None) -> str:
    try:
        return hashlib.sha256(Path(file or "").read_bytes()).hexdigest()
    except OSError:  # the step's module has no file
        return ""


def main() -> None:
    """Print the parts of the project in this folder, as the last line; exit with 2 if it cannot be loaded."""
    try:
        text = parts_of(build(load())).as_json()
    except ConfigurationError as error:
        sys.exit(f"{error}")
    # A line of its own, and the last one: the project may print when it is imported.
    sys.stdout.write(f"\n{text}\n")


if __name__ == "__main__":
    main()
