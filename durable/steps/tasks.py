"""What of a Task's event goes into the record of its step."""

from __future__ import annotations

from typing import Final

from durable.store.begun import Leased
from durable.store.callback_tokens import CallbackKey
from durable.store.keys import StepKey
from durable.store.table import Row
from durable.wire import MAX_KEPT_INPUT_BYTES, CallTask, StepEvent, WaitTask

_MOST_TITLE: Final = 200


def callback_key(event: StepEvent, key: StepKey, begun: Leased) -> CallbackKey:
    return CallbackKey(key.workflow, key.instance, key.era, key.path, event["step"], begun.again)


def generation_to_look_with(event: StepEvent) -> int | None:
    """Return the generation to look at the flag with after an outcome; None on Express.

    An execution on Standard may sleep for a month after the step, so the step has to stop it. One on Express asks
    again soon: the next step, the park and the end of the run each look.
    """
    return None if "until" in event else event["run"].get("generation", 0)


def titled(event: StepEvent | WaitTask | CallTask) -> Row:
    """Return the field of the row that holds what the run calls the step, where it computes the name."""
    return {"title": event["title"][:_MOST_TITLE]} if "title" in event else {}


def kept_of(event: StepEvent, text: str) -> Row:
    """Return the fields of the row that hold the step's input and its undo.

    The input of a sensitive step is kept only where its undo takes it; no input is kept that is too large for a row.
    """
    kept: Row = titled(event)
    undo = event.get("undo")
    if undo is not None:
        kept["undo"] = undo
    if event.get("sensitive"):
        kept["sensitive"] = True
    wanted = undo["input"] if event.get("sensitive") and undo is not None else not event.get("sensitive")
    if wanted and is_kept(text):
        kept["input"] = event["input"]
        kept |= {name: event[name] for name in ("references", "lists") if name in event}
    return kept


def is_handled(name: str, event: StepEvent) -> bool:
    """Return whether an `except` of the run catches the error."""
    return name in event.get("caught", ())


def is_kept(text: str) -> bool:
    """Return whether a row keeps an input that is so long as JSON."""
    return len(text) * 4 <= MAX_KEPT_INPUT_BYTES or len(text.encode("utf-8", "surrogatepass")) <= MAX_KEPT_INPUT_BYTES
