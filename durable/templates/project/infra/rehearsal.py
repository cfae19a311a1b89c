"""What `durable rehearse` does with the project that it has deployed to an AWS on this machine."""

from __future__ import annotations

from durable.cdk.rehearsal import Rehearsal, pause

_OPEN = ("queued", "running", "waiting")
_LOOKS = 300


def check(rehearsal: Rehearsal) -> bool:
    """Order two books; True if they are shipped within a minute."""
    placed = rehearsal.api.call("POST", "/orders", {"item": "book", "quantity": 2})
    rehearsal.echo(f"POST /orders answered {placed.status}: {placed.json}")
    if placed.status != 201:
        return False
    path = f"/orders/{placed.json['workflowId']}"
    for _ in range(_LOOKS):
        found = rehearsal.api.call("GET", path).json
        if found["status"] not in _OPEN:
            break
        pause(0.2)
    else:
        rehearsal.echo(f"GET {path} has not ended")
        return False
    rehearsal.echo(f"GET {path} answered {found['status']}: {found['output'] or found['error']}")
    return bool(found["status"] == "complete")
