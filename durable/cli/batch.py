"""The command that starts many runs, in requests of a hundred: start-batch."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from durable.bindings.workflow import MOST_IN_A_BATCH
from durable.cli import tables
from durable.cli.data import read
from durable.cli.operations import LATEST, NOT_LATEST, Operations
from durable.cli.options import on_runs, workflow_argument
from durable.cli.outcome import BY_STATUS, INTERRUPTED, UNAVAILABLE, WRONG, CommandError
from durable.cli.screen import Screen
from durable.clients.batches import batches
from durable.http import Accepted, Problem
from durable.operations.routes.starts import Start
from durable.wire import MAX_PAYLOAD_BYTES

Item = Mapping[str, Any]
Result = Mapping[str, Any]

_FEW: Final = 20
_EXAMPLE: Final = """'[{"id": "order-1", "params": {"item": "book"}}]'"""
_ITEMS: Final[Accepted[list[Start]]] = Accepted(list[Start])


@click.command("start-batch")
@workflow_argument
@click.option(
    "--params", required=True, help='An array of {"id"?, "params"}, one for each run: JSON, @file, or - for stdin.'
)
@click.option("--results", is_flag=True, help=f"Show what came of each, also where there are more than {_FEW}.")
@on_runs
def start_batch(operations: Operations, screen: Screen, *, workflow: str, params: str, results: bool) -> None:
    """Start many runs, and say what came of them. The same id and input is the same run."""
    items = _items(params)
    with _progress(len(items), quiet=screen.as_json) as advance:
        batch = _sent(operations, workflow, items, advance)
    shown = results or len(items) <= _FEW
    screen.show(batch.results, lambda: tables.batch(batch.results) if shown else Text(batch.summary))
    if not batch.complete:
        raise batch.error()


@dataclass(frozen=True, slots=True)
class Batch:
    """What came of each item, in their order; `stopped` is why those at the end got no answer."""

    results: Sequence[Result]
    stopped: CommandError | None = None

    @property
    def complete(self) -> bool:
        return not any(each["error"] for each in self.results)

    @property
    def summary(self) -> str:
        started = sum(not each["error"] for each in self.results)
        before = sum(not each["error"] and not each["new"] for each in self.results)
        return f"{started:,} of {len(self.results):,} started" + (f", {before:,} of them before" if before else "")

    def error(self) -> CommandError:
        """Return what names the items that were not started, with the greatest of their exit codes."""
        refused = {number: each["error"] for number, each in enumerate(self.results, 1) if each["error"]}
        reasons = {number: error["detail"] for number, error in refused.items()}
        message = (
            f"{len(self.results) - len(refused)} of {len(self.results)} are started; of the others:\n"
            f"{_by_reason(reasons)}\n"
            "correct what is wrong and send those again; an item with an id can always be sent again: the same id and"
            " input is the same run"
        )
        # An item without a status was not sent, or got no answer: `stopped` has the code for these.
        codes = [BY_STATUS.get(each["status"], UNAVAILABLE) for each in refused.values() if each["status"]]
        return CommandError(message, max([*codes, self.stopped.code if self.stopped else 0]))


def _items(given: str) -> list[Item]:
    """Return what is to be started; all of it has the form that the API asks for, before any of it is sent."""
    items = read("--params", given, example=_EXAMPLE)
    if not isinstance(items, list) or not items:
        raise CommandError(f"--params is no array with an item for each run; write --params {_EXAMPLE}", WRONG)
    # With the API's own type: an item that is wrong is found before the requests of those before it have started runs.
    try:
        _ITEMS.read(json.dumps(items).encode())
    except Problem as problem:
        wrong = _wrong(problem.body().get("errors", ()))
        named = _by_reason({place + 1: reason for place, reason in wrong.items()}) or f"  {problem.detail}"
        raise _unfit(named) from None
    latest = {number: NOT_LATEST for number, each in enumerate(items, 1) if each.get("id") == LATEST}
    if latest:
        raise _unfit(_by_reason(latest))
    return items


def _unfit(named: str) -> CommandError:
    return CommandError(
        f"--params is not as it must be, and nothing was sent:\n{named}\nwrite --params {_EXAMPLE}", WRONG
    )


@contextmanager
def _progress(total: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Show on a terminal how many items were sent; yields a function that is called after each request."""
    bar = Progress(
        TextColumn("starting"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=quiet or total <= _FEW or not sys.stderr.isatty(),
    )
    with bar:
        task = bar.add_task("", total=total)
        yield lambda number: bar.advance(task, number)


def _sent(operations: Operations, workflow: str, items: Sequence[Item], advance: Callable[[int], None]) -> Batch:
    """Send the items in their order, until a request is refused as a whole or gets no answer."""
    results: list[Result] = []
    for request in batches(items, _size, most=MOST_IN_A_BATCH, most_size=MAX_PAYLOAD_BYTES):
        try:
            results += _answered(operations, workflow, request)
            advance(len(request))
        except CommandError as stopped:
            # Where nothing was started there is no list to show: the error alone says it all.
            if not results and _nothing_begun(stopped):
                raise
            results += _unanswered(request, len(results), stopped)
            results += [_refusal(each, None, "Not sent.") for each in items[len(results) :]]
            return Batch(results, stopped)
    return Batch(results)


def _size(item: Item) -> int:
    """Return how much of a body an item takes."""
    # Characters are bytes here: json.dumps writes all others than ASCII as escapes.
    return len(json.dumps(item)) + len(", ")


def _answered(operations: Operations, workflow: str, request: Sequence[Item]) -> Sequence[Result]:
    try:
        return operations.start_batch(workflow, request)
    except KeyboardInterrupt:
        # An error like a lost answer: what was started until then is still shown.
        raise CommandError("Ctrl-C came before the answer", INTERRUPTED) from None


def _nothing_begun(error: CommandError) -> bool:
    """Return whether an error says all there is to say of a first request."""
    return not error.errors and error.code != INTERRUPTED and (error.status or 0) < 500


def _unanswered(request: Sequence[Item], first: int, stopped: CommandError) -> list[Result]:
    """Return what came of the items of a request that has no result for each; an answer of 4xx has started none."""
    wrong = _wrong(stopped.errors)
    if wrong:
        others = f"Nothing of its request was started, because of item {first + min(wrong) + 1}."
    elif stopped.status is not None and stopped.status < 500:
        others = str(stopped)
    else:
        others = f"Whether it was started is not known: {stopped}"
    return [_refusal(each, stopped.status, wrong.get(place, others)) for place, each in enumerate(request)]


def _refusal(item: Item, status: int | None, detail: str) -> Result:
    return {"id": item.get("id"), "new": False, "error": {"status": status, "detail": detail}}


def _wrong(errors: Iterable[Mapping[str, str]]) -> dict[int, str]:
    """Return what is wrong with which item, by its place; the path of a field is as `7.params.name`."""
    found: dict[int, list[str]] = {}
    for each in errors:
        place, _, field = each["field"].partition(".")
        if place.isdecimal():
            found.setdefault(int(place), []).append(f"{field}: {each['message']}" if field else each["message"])
    return {place: "; ".join(said) for place, said in found.items()}


def _by_reason(reasons: Mapping[int, str]) -> str:
    """Return a line for each reason, with the numbers of the items that it is one for."""
    numbers: dict[str, list[int]] = {}
    for number, reason in reasons.items():
        numbers.setdefault(reason, []).append(number)
    return "\n".join(f"  {_named(each)}: {reason}" for reason, each in numbers.items())


def _named(numbers: Sequence[int]) -> str:
    """Return numbers as "item 7", or as "items 1 to 6, 8"."""
    # Numbers that follow one another differ from their places by the same.
    rows = [[number for _, number in row] for _, row in groupby(enumerate(numbers), lambda each: each[1] - each[0])]
    said = ", ".join(str(row[0]) if len(row) == 1 else f"{row[0]} to {row[-1]}" for row in rows)
    return f"item{'s' if len(numbers) > 1 else ''} {said}"
