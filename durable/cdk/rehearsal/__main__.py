"""`make rehearse`: bootstrap, deploy, sign somebody up, and show each step as it happens."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from durable.bindings import SendEmail
from durable.cdk.rehearsal.api import Api
from durable.cdk.rehearsal.cdk import Cdk, install_cli
from durable.cdk.rehearsal.server import MiniStack, RehearsalError, installed, ministack, pause
from durable.project import load

ROOT: Final = Path(__file__).resolve().parents[3]
STAGE: Final = "rehearsal"
SIGN_UP: Final = {"email": "user@example.com", "name": "John Doe", "avatarUrl": "https://example.com/avatar.jpg"}
_RUN_SECONDS: Final = 60
_MAIL_SECONDS: Final = 30
_OPEN: Final = ("queued", "running", "waiting")


def main() -> int:
    """Hold a rehearsal; 0 where the run completed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return _rehearse()
    except RehearsalError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("stopped")
        return 130


def _rehearse() -> int:
    cache = ROOT / ".cache"
    cache.mkdir(exist_ok=True)
    with _said("install the CDK CLI and MiniStack, where they are missing"):
        install_cli(ROOT)
        installed(cache)
    with ministack(cache) as server:
        cdk = Cdk(ROOT, server.environment(), STAGE, cache / "cdk.out-rehearsal")
        with _said("cdk bootstrap"):
            cdk.bootstrap()
        with _said("cdk deploy"):
            outputs = cdk.deploy()
        _verify(server, SIGN_UP["email"])
        return _sign_up(_api(outputs, server), server)


def _api(outputs: dict[str, str], server: MiniStack) -> Api:
    url = next((value for name, value in outputs.items() if name.endswith("Url")), None)
    if url is None:
        raise RehearsalError("nothing in app.py is reachable: give a Worker url=True")
    return Api(url, server)


def _verify(server: MiniStack, recipient: str) -> None:
    """Do what is done by hand once in an account: have SES verify who sends; in its sandbox, who receives too."""
    senders = [each.sender for each in load("app").declarations if isinstance(each, SendEmail)]
    for address in (*senders, recipient):
        server.client("sesv2").create_email_identity(EmailIdentity=address)


def _sign_up(api: Api, server: MiniStack) -> int:
    say(f"POST /api/workflow/start {json.dumps(SIGN_UP)}")
    started = api.call("POST", "/api/workflow/start", SIGN_UP)
    say(f"  {started.status} {json.dumps(started.json)}")
    if started.status != 201:
        return 1
    status = follow(api, started.json["workflowId"])
    complete = status["status"] == "complete"
    if complete:
        say(f"  e-mail delivered: {subject(server)}")
    say(f"{status['status']}: {json.dumps(status['output'] if complete else status['error'])}")
    return 0 if complete else 1


def subject(server: MiniStack) -> str:
    """Return the subject of the first e-mail, when the queue's consumer has sent it."""
    deadline = time.monotonic() + _MAIL_SECONDS
    while time.monotonic() < deadline:
        if mail := server.mail():
            return str(mail[0].get("Subject", mail[0]))
        pause(0.1)
    raise RehearsalError(f"no e-mail was sent within {_MAIL_SECONDS} s; see {server.log}")


def follow(api: Api, instance: str, *, seconds: float = _RUN_SECONDS) -> dict[str, Any]:
    """Print what happens to a run until it ends, and return its last status."""
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
                say(f"  {step['name']:<24} {step['status']:<10} attempt {step['attempts']}")
        if answer.json["status"] not in _OPEN:
            status: dict[str, Any] = answer.json
            return status
        pause(0.1)
    raise RehearsalError(f"the run {instance} is {answer.json['status']} after {seconds:.0f} s")


@contextmanager
def _said(what: str) -> Iterator[None]:
    begun = time.monotonic()
    say(f"{what} …")
    yield
    say(f"  done in {time.monotonic() - begun:.1f} s")


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
