"""write-report: puts the chunks' totals together, and takes the chunks away."""

from __future__ import annotations

from collections import Counter

from durable import Bucket, StepContext
from functions.reports.models import MOST_NAMED, Report, Tally, Totals


def write_report(tallies: list[Tally], files: Bucket, context: StepContext) -> str:
    """Write the report and return its key; a second attempt finds it written and only clears up."""
    key = f"reports/{context.instance_id}.json"
    if files.get(key) is None:
        files.put(key, _report(tallies, files).model_dump_json(indent=2).encode())
    for each in tallies:
        files.delete(each.key)
        files.delete(each.key.removesuffix(".totals.json"))
    return key


def _report(tallies: list[Tally], files: Bucket) -> Report:
    cents: Counter[str] = Counter()
    lines: list[int] = []
    for each in tallies:
        totals = Totals.model_validate_json(files.get(each.key) or b"")
        cents.update(totals.cents)
        lines += totals.malformed_lines
    return Report(
        rows=sum(each.rows for each in tallies),
        malformed=sum(each.malformed for each in tallies),
        malformed_lines=lines[:MOST_NAMED],
        cents=dict(sorted(cents.items())),
    )
