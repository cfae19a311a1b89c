"""What the steps of a deployed stage log, read from CloudWatch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from durable.aws.resources import log_groups_of
from durable.cli.operations import known
from durable.cli.outcome import MISSING, UNAVAILABLE, CommandError
from durable.cli.refusals import sentence
from durable.cli.stage import StageTransport
from durable.cli.times import milliseconds
from durable.clock import timestamp
from durable.project import load

_LATE_MS: Final = 30_000
"""How much later than others a line may be found: each Lambda's lines come in their own time."""
_SAID_ELSEWHERE: Final = (
    "timestamp",
    "level",
    "message",
    "workflow",
    "instance_id",
    "step",
    "attempt",
    "request_id",
    "requestId",
)
"""Fields of a log entry that have a place of their own in a line."""
_SAID_NOWHERE: Final = ("location", "service", "logger", "cold_start", "xray_trace_id", "stackTrace", "errorType")
"""Fields that Powertools and Lambda add, and those of a traceback, which follows the line."""


class StageLogs:
    """Reads the lines of a run, or of the runs of a workflow, or of all; each once.

    Args:
        since: how far back it looks, in ISO 8601.
    """

    def __init__(self, stage: StageTransport, workflow: str | None, id: str | None, since: str) -> None:
        declared = {each.name: each for each in load().workflows}
        if workflow is not None and workflow not in declared:
            raise CommandError(f"there is no workflow {workflow!r}; {known(workflow, declared)}", MISSING)
        chosen = list(declared.values()) if workflow is None else [declared[workflow]]
        self._groups = [group for each in chosen for group in log_groups_of(each, stage.resources)]
        self._client = stage.session.client("logs")
        self._workflow, self._id = workflow, id
        self._since = milliseconds(since)
        self._seen: dict[str, int] = {}

    def read(self, _: Any) -> dict[str, Any]:
        """Return the lines that were not returned yet, in the order of their times."""
        found = sorted(self._new(), key=lambda each: str(each["at"]))
        # The next look goes back so far again that late lines are found; what it has seen there is left out by its id.
        newest = max(self._seen.values(), default=self._since)
        self._since = max(self._since, newest - _LATE_MS)
        self._seen = {id: at for id, at in self._seen.items() if at >= self._since}
        return {"lines": found, "cursor": None, "more": False}

    def _new(self) -> Iterator[dict[str, Any]]:
        try:
            for group in self._groups:
                pages = self._client.get_paginator("filter_log_events").paginate(
                    logGroupName=group, startTime=self._since, filterPattern=self._pattern
                )
                for event in (event for page in pages for event in page["events"]):
                    # One without an id is told from others by its time and its text.
                    id = event.get("eventId") or f"{group} {event['timestamp']} {event['message']}"
                    if id not in self._seen:
                        self._seen[id] = event["timestamp"]
                        yield from self._lines(event)
        except (BotoCoreError, ClientError) as error:
            raise CommandError(sentence(error, "CloudWatch does not tell what was logged"), UNAVAILABLE) from None

    @property
    def _pattern(self) -> str:
        """Return the filter that CloudWatch applies: lines that are of no run are left out."""
        return "{ $.instance_id = * }" if self._id is None else f'{{ $.instance_id = "{self._id}" }}'

    def _lines(self, event: Any) -> Iterator[dict[str, Any]]:
        try:
            said = json.loads(event["message"])
        except ValueError:
            return  # Lambda's own lines (START, REPORT) and what a step printed are no JSON
        if not isinstance(said, dict) or "instance_id" not in said:
            return
        if self._id not in (None, said["instance_id"]) or self._workflow not in (None, said.get("workflow")):
            return
        yield {
            "at": timestamp(event["timestamp"]),
            "workflow": said.get("workflow", ""),
            "id": said["instance_id"],
            "key": said.get("step", ""),
            "attempt": said.get("attempt"),
            "level": str(said.get("level", "info")).lower(),
            "text": _text(said),
        }


def _text(said: dict[str, Any]) -> str:
    more = {name: each for name, each in said.items() if name not in (*_SAID_ELSEWHERE, *_SAID_NOWHERE)}
    words = " ".join(f"{name}={json.dumps(each, ensure_ascii=False)}" for name, each in more.items())
    lines = [f"{said.get('message', '')}{f' {words}' if words else ''}", *said.get("stackTrace", ())]
    return "\n".join(lines)
