"""The table of transitions, and the page that shows it."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from durable.bindings.workflow import Status
from durable.runs.transitions import TRANSITIONS, Refused, Transition

PAGE = Path(__file__).parents[3] / "docs" / "lifecycle.md"
WORDS = {"halt": "stops", "now": "at once", "nothing": "–"}


def test_every_transition_has_a_cell_for_every_status() -> None:
    assert set(TRANSITIONS) == set(get_args(Transition))
    assert all(set(cells) == set(get_args(Status)) for cells in TRANSITIONS.values())


def test_a_refusal_says_what_is_and_what_to_do() -> None:
    for transition, cells in TRANSITIONS.items():
        for status, cell in cells.items():
            if isinstance(cell, Refused):
                assert cell.why.startswith("The run "), (transition, status)
                assert ": " in cell.why, (transition, status)
                assert cell.why.endswith("."), (transition, status)


def test_the_page_shows_the_table() -> None:
    statuses: tuple[Status, ...] = get_args(Status)
    lines = [f"| | {' | '.join(statuses)} |", f"|{'---|' * (len(statuses) + 1)}"]
    for transition, cells in TRANSITIONS.items():
        shown = ("409" if isinstance(cell := cells[each], Refused) else WORDS[cell] for each in statuses)
        lines.append(f"| {transition} | {' | '.join(shown)} |")
    assert "\n".join(lines) in PAGE.read_text()
