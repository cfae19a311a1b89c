"""Open runs that the code of today cannot go on with, since what they need was removed or renamed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from durable.errors import ConfigurationError
from durable.local.engine.executions import Executions
from durable.runs.ids import instance_of
from durable.runs.record import load_header, load_steps
from durable.store.rollback import rolled_back
from durable.store.rows import Header, StepRow
from durable.store.statuses import UNSETTLED
from durable.store.table import Table, every

_MOST_NAMED: Final = 10
CODE_REMOVED: Final = {
    "name": "WorkflowError",
    "message": "The code that the run needs was removed. Retry the run once it is there again.",
}


class RunsNeedCode(ConfigurationError):
    """The project lacks what open runs need."""

    def __init__(self, lacking: Sequence[Lacking]) -> None:
        self.lacking = tuple(lacking)
        sentences = [f"{each.sentence}." for each in lacking]
        super().__init__(
            f"{' '.join(sentences)} Put it back until these runs have ended; or start with --force, which ends them"
            " with an error, undoes nothing, and leaves them to be retried once it is there again"
        )


@dataclass(frozen=True, slots=True)
class Lacking:
    """What is gone, and the open runs of one workflow that need it."""

    workflow: str
    parts: tuple[str, ...]
    """Names of steps and calls; none where the workflow itself is gone."""
    runs: tuple[Header, ...]

    @property
    def sentence(self) -> str:
        ids = [each.instance for each in self.runs]
        named = ", ".join(ids[:_MOST_NAMED]) + (f" and {len(ids) - _MOST_NAMED} more" if len(ids) > _MOST_NAMED else "")
        if not self.parts:
            return f"Workflow {self.workflow!r} is declared no more and has open runs ({named})"
        parts = ", ".join(map(repr, self.parts))
        return f"Workflow {self.workflow!r} has open runs ({named}) that need {parts}, which it has no more"


class Needs:
    """Finds the open runs that lack something.

    Args:
        workflows: what is declared, by name.
        lacks: given a function and what a task sends it, the name of the part that is not there; None if it is.
    """

    def __init__(
        self,
        table: Table,
        executions: Executions,
        workflows: Iterable[str],
        lacks: Callable[[str, Mapping[str, Any]], str | None],
    ) -> None:
        self._table, self._executions = table, executions
        self._workflows, self._lacks = frozenset(workflows), lacks

    def find(self) -> Sequence[Lacking]:
        """Return what open runs lack. It reads definitions, of which there are few, and those runs alone."""
        return [*self._without_workflow(), *self._without_parts()]

    def _without_workflow(self) -> Iterator[Lacking]:
        for workflow in sorted(self._executions.recorded_workflows() - self._workflows):
            rows = (row for status in UNSETTLED for row in every(self._table, workflow, status))
            runs = tuple(Header.from_row(row) for row in rows)
            if runs:
                yield Lacking(workflow, (), runs)

    def _without_parts(self) -> Iterator[Lacking]:
        found: dict[tuple[str, tuple[str, ...]], list[Header]] = {}
        for key, definition in self._executions.definitions():
            parts = {part for call in _calls(definition) if (part := self._lacks(*call)) is not None}
            for workflow, name in self._executions.on(key) if parts else ():
                header = load_header(self._table, rolled_back(workflow) or workflow, instance_of(name))
                # An execution that is not its run's current one needs nothing: whatever it comes to is ignored.
                if header is not None and header.workflow in self._workflows and header.execution == name:
                    found.setdefault((header.workflow, tuple(sorted(parts))), []).append(header)
        for workflow in self._workflows:
            for row in every(self._table, workflow, "rollingBack"):
                header = Header.from_row(row)
                undos = {undo for undo in self._undos(header) if self._lacks(undo, {}) is not None}
                if undos:
                    names = tuple(sorted(undo.partition("/")[2] for undo in undos))
                    found.setdefault((workflow, names), []).append(header)
        return (Lacking(workflow, parts, tuple(runs)) for (workflow, parts), runs in found.items())

    def _undos(self, header: Header) -> Iterator[str]:
        for row in load_steps(self._table, header):
            if isinstance(row, StepRow) and row.is_undoable and row.undo is not None:
                yield row.undo["function"]


def _calls(value: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the functions that a definition names, each with what is sent to it: tasks, and the undos of steps."""
    if isinstance(value, dict):
        payload = value.get("Payload")
        if isinstance(value.get("FunctionName"), str) and isinstance(payload, dict):
            yield value["FunctionName"], payload
            if isinstance(payload.get("undo"), dict):
                yield payload["undo"]["function"], {}
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _calls(each)
