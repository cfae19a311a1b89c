"""What runs and their steps returned, where that is kept beside the record."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from durable.store.large_values import REFERENCE, LargeValues, RunPlace, is_reference, read_value
from durable.store.rows import AnyStep, Header
from durable.wire import MAX_RESULT_BYTES


def is_by_reference(header: Header, steps: Iterable[AnyStep]) -> bool:
    """Return whether a run returned what a step of it returned by reference.

    Data of this form is none: a reference that the run has stands in the row of the step that it comes from.
    """
    output = header.output
    return is_reference(output) and any(each.by_reference and each.result == output for each in steps)


def place_of(header: Header) -> RunPlace:
    """Return where the large values of a run are."""
    return RunPlace(header.workflow, header.instance, header.incarnation)


def link_to(values: LargeValues, header: Header, reference: Any) -> str:
    """Return a URL of the value that a reference of a run stands for."""
    return values.link(place_of(header), str(reference[REFERENCE]))


def output_of(values: LargeValues | None, header: Header, steps: Iterable[AnyStep]) -> tuple[Any, str | None]:
    """Return what is shown of a run's output, and where it is to be had if it has more than 240 KiB.

    Raises:
        ValuesBusy: it cannot be read now.
    """
    if not is_by_reference(header, steps):
        return header.output, None
    if values is None:
        return None, None  # the deployment has no large values any more
    if header.output["bytes"] > MAX_RESULT_BYTES:
        return None, link_to(values, header, header.output)
    try:
        return read_value(values, place_of(header), header.output), None
    except LookupError:  # somebody deleted it
        return None, None
