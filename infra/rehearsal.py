"""What `durable rehearse` does with the project that it has deployed: somebody signs up."""

from __future__ import annotations

import json
import time
from typing import Any, Final

from durable.cdk.rehearsal import Api, Echo, Rehearsal, RehearsalError, pause

SIGN_UP: Final = {"email": "user@example.com", "name": "John Doe", "avatarUrl": "https://example.com/avatar.jpg"}
_RUN_SECONDS: Final = 60
_MAIL_SECONDS: Final = 30
_OPEN: Final = ("queued", "running", "waiting")


def check(rehearsal: Rehearsal) -> bool:
    """Sign somebody up and follow the run; True if it completes and its e-mail is sent."""
    rehearsal.verify(SIGN_UP["email"])  # a new account's SES sends to verified addresses only
    api, echo = rehearsal.api, rehearsal.echo
    echo(f"POST /api/workflow/start {json.dumps(SIGN_UP)}")
    started = api.call("POST", "/api/workflow/start", SIGN_UP)
    echo(f"  {started.status} {json.dumps(started.json)}")
    if started.status != 201:
        return False
    status = follow(api, started.json["workflowId"], echo=echo)
    complete: bool = status["status"] == "complete"
    if complete:
        echo(f"  e-mail delivered: {_subject(rehearsal)}")
    echo(f"{status['status']}: {json.dumps(status['output'] if complete else status['error'])}")
    return complete


def follow(api: Api, instance: str, *, seconds: float = _RUN_SECONDS, echo: Echo = print) -> dict[str, Any]:
    """Say what happens to a run until it ends, and return its last status.

    Raises:
        RehearsalError: it is still open after so many seconds, or its status cannot be had.
    """
    deadline = time.monotonic() + seconds
    said: set[tuple[str, str, int]] = set()
    while time.monotonic() < deadline:
        answer = api.call("GET", f"/api/workflow/status/{instance}")
        if answer.status != 200:
            raise RehearsalError(f"the status route answered {answer.status}: {answer.json}")
        for step in answer.json["steps"]:
            now = (step["name"], step["status"], step["attempts"])
            if now not in said:
                said.add(now)
                echo(f"  {step['name']:<24} {step['status']:<10} attempt {step['attempts']}")
        if answer.json["status"] not in _OPEN:
            status: dict[str, Any] = answer.json
            return status
        pause(0.1)
    raise RehearsalError(f"the run {instance} is {answer.json['status']} after {seconds:.0f} s")


def _subject(rehearsal: Rehearsal) -> str:
    """Return the subject of the first e-mail, once the queue's consumer has sent it."""
    deadline = time.monotonic() + _MAIL_SECONDS
    while time.monotonic() < deadline:
        if mail := rehearsal.server.mail():
            return str(mail[0].get("Subject", mail[0]))
        pause(0.1)
    raise RehearsalError(f"no e-mail was sent within {_MAIL_SECONDS} s; see {rehearsal.server.log}")
