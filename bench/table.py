"""The one table: medians of the rounds, with the least and the greatest beside them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Final

from bench.driver import Result, Round, Sizes
from bench.peer import Sample

Number = Callable[[float], str]
NONE: Final = "–"


def table(results: Sequence[Result]) -> str:
    """Return the results as a table in Markdown, and what was skipped below it."""
    sizes = results[0].sizes
    rows = [_heading(sizes), ["---"] * 11, *(_row(each) for each in results if each.rounds)]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    skipped = [f"- {each.peer.name}: {each.reason}" for each in results if each.reason]
    return "\n".join([*lines, *(["", "Not measured:", "", *skipped] if skipped else [])])


def _heading(sizes: Sizes) -> list[str]:
    return [
        *("", "start to first run, s", "one run alone, ms: p50", "p99"),
        f"runs a second, 50 at once: {sizes.small:,}",
        *(f"{sizes.large:,}", "after history", "disk a run, KB", "peak memory, MB", "`kill -9` loses"),
        "what it does beside the run",
    ]


def _row(result: Result) -> list[str]:
    rounds, sizes = result.rounds, result.sizes
    return [
        result.peer.name,
        _spread((each.first_run for each in rounds), "{:.2f}".format),
        _spread((quantile(each.alone, 0.5) * 1e3 for each in rounds), "{:.1f}".format),
        _spread((quantile(each.alone, 0.99) * 1e3 for each in rounds), "{:.1f}".format),
        _rate([each.small for each in rounds], sizes.small),
        _rate([each.large for each in rounds], sizes.large),
        f"{_rate([each.after for each in rounds], sizes.small)} after {_least(each.history for each in rounds):,}",
        _disk(rounds),
        _spread((each.memory / 1e6 for each in rounds), "{:.0f}".format),
        _lost(rounds),
        result.peer.beside,
    ]


def quantile(sample: Sample, part: float) -> float:
    ordered = sorted(sample.latencies)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def _spread(values: Iterable[float], text: Number) -> str:
    """Return the median, and from where to where the values are if there are several."""
    ordered = sorted(values)
    median = text(statistics.median(ordered))
    return median if len(ordered) == 1 else f"{median} ({text(ordered[0])}–{text(ordered[-1])})"


def _rate(samples: Sequence[Sample], wanted: int) -> str:
    """Return the rates, and how many runs they were measured on if the time was over before all were started."""
    rates = _spread((each.rate for each in samples), "{:,.0f}".format)
    fewest = min(each.runs for each in samples)
    return rates if fewest == wanted else f"{rates} of {fewest:,}"


def _disk(rounds: Sequence[Round]) -> str:
    sizes = [each.disk_a_run for each in rounds if each.disk_a_run is not None]
    return _spread((each / 1e3 for each in sizes), "{:.1f}".format) if sizes else NONE


def _least(numbers: Iterable[int]) -> int:
    return min(numbers)


def _lost(rounds: Sequence[Round]) -> str:
    losses = [asdict(each.loss) for each in rounds]
    counts = {word: sum(loss[word] for loss in losses) for word in losses[0]}
    parts = [f"{count} {word}" for word, count in counts.items() if count and word != "complete"]
    return f"{', '.join(parts) or 'nothing'} of {sum(counts.values())}"
