"""Workflows, lists of runs and one run, drawn for a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from durable.cli.screen import copied, table
from durable.cli.times import ago, clock_time, lasted, milliseconds
from durable.operations.queries import MOST_COUNTED
from durable.store.statuses import CLOSED

Run = Mapping[str, Any]

_STYLES: Final = {
    "running": "blue",
    "waiting": "yellow",
    "retrying": "yellow",
    "sleeping": "yellow",
    "waitingForPause": "magenta",
    "paused": "magenta",
    "complete": "green",
    "errored": "red",
    "rollingBack": "yellow",
    "undone": "yellow",
}
_MARKS: Final = {
    "queued": "○",
    "running": "●",
    "waiting": "◷",
    "retrying": "↻",
    "sleeping": "☾",
    "waitingForPause": "‖",
    "paused": "‖",
    "complete": "✓",
    "errored": "✗",
    "terminated": "■",
    "rollingBack": "↶",
    "undone": "↶",
    "stopped": "■",
}


def status_text(status: str) -> Text:
    """Return a status with its mark, in its colour."""
    return Text(f"{_MARKS.get(status, '·')} {status}", style=_STYLES.get(status, "dim"))


def workflows(found: Sequence[Run]) -> RenderableType:
    """Draw workflows with how many of their runs have which status."""
    if not found:
        return Text("no workflow is declared")
    # In the order of the marks, which is that of a run's life.
    statuses = [status for status in _MARKS if any(each["counts"].get(status) for each in found)]
    drawn = table("workflow", *(statuses or ["runs"]))
    for each in found:
        drawn.add_row(Text(each["name"]), *(_count(each["counts"].get(status, 0)) for status in statuses or ["runs"]))
    return drawn


def _count(number: int) -> str:
    """Return a count as it is shown: the server counts as far as 10,000."""
    return f"{number:,}+" if number >= MOST_COUNTED else str(number)


def runs(page: Run, now: int, *, of_all: bool = False) -> RenderableType:
    """Draw a page of a list; one of all workflows names them."""
    if not page["instances"]:
        return Text("no runs")
    drawn = table(*(["workflow"] if of_all else []), "id", "status", "started", "changed")
    for each in page["instances"]:
        started, changed = ago(each["createdAt"], now), ago(each["updatedAt"], now)
        row = (Text(each["id"], overflow="fold"), status_text(each["status"]), started, changed)
        drawn.add_row(*([Text(each["workflow"])] if of_all else []), *row)
    more = [copied(f"more: --cursor {page['cursor']}", "dim")] if page["cursor"] else []
    if page.get("more"):
        more.append(Text("more: name a workflow, or a greater --limit", style="dim"))
    return Group(drawn, *more)


def batch(results: Iterable[Run]) -> RenderableType:
    """Draw what came of each of several starts."""
    drawn = table("item", "id", "outcome")
    for number, each in enumerate(results, 1):
        drawn.add_row(str(number), Text(each["id"] or "–", overflow="fold"), _outcome(each))
    return drawn


def run(found: Run, now: int) -> RenderableType:
    """Draw how far a run is, and what it returned."""
    return Group(progress(found, now), *data(found, "output"))


def data(found: Run, name: str) -> Iterator[RenderableType]:
    """Draw the params or the output of a run, if it has any; of an output that is too large, where it is."""
    if found.get(name) is not None:
        yield Text(name, style="bold")
        yield Text(json.dumps(found[name], indent=2, ensure_ascii=False))
    if name == "output" and found.get("outputUrl"):
        yield Text("output, which is too large to be shown here, is at", style="bold")
        yield copied(found["outputUrl"])


def progress(found: Run, now: int, *, started: bool = False) -> RenderableType:
    """Draw how far a run is: its steps, their attempts, and the time since; `started` adds when each step began."""
    end = milliseconds(found["updatedAt"]) if found["status"] in CLOSED else now
    # Text and no markup: names and errors are data, and may hold what rich would take for a style.
    head = Text.assemble(
        (f"{found['workflow']}/{found['id']}  ", "bold"),
        status_text(found["status"]),
        (f"  {lasted(end - milliseconds(found['createdAt']))}", "dim"),
    )
    parts: list[RenderableType] = [head]
    begun = [*found["steps"], *sleeps(found)]
    if begun:
        parts.append(_steps(begun, end, started=started))
    if found.get("error"):
        parts.append(_error(found["error"]))
    if (found.get("rollback") or {}).get("outcome"):
        parts.append(_rollback(found["rollback"]))
    return Group(*parts)


def sleeps(found: Run) -> Sequence[Run]:
    """Return the sleeps that a run is in, as steps that have no attempts."""
    return [{**each, "status": "sleeping", "attempts": []} for each in found["sleeps"]]


def step_line(step: Run, now: int) -> str:
    """Return what a step is at, as a line for a log."""
    if step["status"] == "sleeping":
        return f"{_key(step):<32} sleeping   until {step['wakeAt'] or 'a time that is not known'}"
    took = lasted(_ended(step, now) - milliseconds(step["startedAt"]))
    error = f"  {exception_name(step['error'])}" if step.get("error") else ""
    return f"{_key(step):<32} {step['status']:<10} attempt {attempts(step)}  {took}{error}"


def attempts(step: Run) -> int:
    """Return how many attempts of a step were begun; it tells of the latest only."""
    begun = step["attempts"]
    return (begun[-1].get("number") or len(begun)) if begun else 0


def _steps(steps: Iterable[Run], end: int, *, started: bool) -> Table:
    """Draw steps; those that wait, until when, where one of them says that."""
    rows = list(steps)
    waits = any(each.get("wakeAt") for each in rows)
    failed = any(each.get("error") for each in rows)
    columns = ("step", "status", *(["started"] if started else []), "attempts", "took")
    drawn = table(*columns, *(["wakes"] if waits else []), *(["error"] if failed else []))
    for each in rows:
        took = lasted(_ended(each, end) - milliseconds(each["startedAt"]))
        row: list[str | Text] = [_titled(each), status_text(each["status"])]
        row += [clock_time(each["startedAt"])[11:]] if started else []
        row += [str(attempts(each) or ""), took, *([_wakes(each, end)] if waits else [])]
        row += [_why(each["error"]) if each.get("error") else Text()] if failed else []
        drawn.add_row(*row)
    return drawn


def _why(error: Run) -> Text:
    """Return an error as operators see it: the exception's own class, and what it says."""
    name, said = exception_name(error), error.get("detail")
    return Text(f"{name}: {said}" if said else name, style="red", overflow="fold")


def exception_name(error: Run) -> str:
    """Return the class that a step raised, which `run` and the public status see as a StepError where it is none."""
    name: str = error.get("exception") or error["name"]
    return name


def _ended(step: Run, now: int) -> int:
    """Return when a step ended; of one that goes on, now."""
    # What was undone has ended with its last attempt: the undo's own time is not the step's.
    undone = step["attempts"][-1]["finishedAt"] if step["status"] == "undone" else None
    ended = step.get("finishedAt") or undone
    return milliseconds(ended) if ended else now


def _wakes(step: Run, now: int) -> str:
    at = step.get("wakeAt")
    return f"in {lasted(max(0, milliseconds(at) - now))}" if at else ""


def _outcome(result: Run) -> Text:
    if result["error"]:
        return Text(f"✗ {result['error']['detail']}", style="red")
    return Text("✓ started", style="green") if result["new"] else Text("✓ started before", style="dim")


def _error(error: Run) -> Text:
    where = f" in {error['step']}" if error.get("step") else ""
    return Text.assemble((f"{error['name']}{where}: ", "red"), error["message"])


def _rollback(rollback: Run) -> Text:
    steps = ", ".join(f"{each['key']} {each['status']}" for each in rollback["steps"]) or "nothing to undo"
    text = Text.assemble((f"rollback {rollback['outcome']}: ", "yellow"), steps)
    return Text("\n").join([text, _error(rollback["error"])]) if rollback.get("error") else text


def _key(step: Run) -> str:
    key: str = step.get("key") or step["name"]
    return key


def _titled(step: Run) -> Text:
    """Return the key of a step, after its title where `run` computes the name."""
    title, key = step.get("title", step["name"]), _key(step)
    return Text(key) if title == step["name"] else Text.assemble(title, (f"  {key}", "dim"))
