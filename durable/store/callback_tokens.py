"""The tokens of callbacks: who has one may complete a step.

A token names the step and holds a secret, which is drawn when the step's first attempt begins and kept beside its row,
so that all its attempts are given the same. The step is completed by an event whose type holds the secret's hash: it
waits for that event like for any other. So a completion may come before the wait, twice, or late, as any event may.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from dataclasses import dataclass
from typing import Final

from durable.errors import CallbackUnknown, public_message
from durable.store.conditions import is_key
from durable.store.keys import partition
from durable.store.table import Key, Table
from durable.wire import CALLBACK

_SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class CallbackKey:
    """Which step a callback is of; `name` is as a run's author wrote it, `again` how often its result was forgotten."""

    workflow: str
    instance: str
    era: str
    path: str
    name: str
    again: int = 0

    @property
    def row(self) -> Key:
        # A step whose result was forgotten is begun anew: a token from before that must not complete it.
        sort = f"callback#{self.era}#{self.path}" + (f"~{self.again}" if self.again else "")
        return Key(partition(self.workflow, self.instance), sort)

    def token(self, secret: str) -> str:
        parts = [self.workflow, self.instance, self.era, self.path, self.name, self.again, secret]
        return base64.urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode().rstrip("=")

    def event_type(self, secret: str) -> str:
        """Return the type of the event that completes the step."""
        return f"{CALLBACK}{self.name}/{event_id(secret)}"


def event_id(secret: str) -> str:
    """Return the id of the event that completes a step: it is one for all who try."""
    # The secret itself stands in no row of an event, and in no list that shows one.
    return hashlib.sha256(secret.encode()).hexdigest()[:40]


def new_secret() -> str:
    return base64.urlsafe_b64encode(os.urandom(_SECRET_BYTES)).decode().rstrip("=")


def named_by(token: str) -> tuple[CallbackKey, str]:
    """Return the step that a token names, and its secret. Neither is verified yet: see `check`.

    Raises:
        CallbackUnknown: it has not the form of one.
    """
    try:
        # The padding was cut off, since `=` is escaped in a URL's query.
        parts = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        workflow, instance, era, path, name, again, secret = parts
    except (ValueError, TypeError, RecursionError):
        raise CallbackUnknown(public_message(CallbackUnknown)) from None
    if all(isinstance(each, str) for each in (workflow, instance, era, path, name, secret)) and type(again) is int:
        key = CallbackKey(workflow, instance, era, path, name, again)
        # A forged token may name what no table takes as a key: too much of it, or text that UTF-8 has not.
        if is_key(key.row):
            return key, secret
    raise CallbackUnknown(public_message(CallbackUnknown))


def check(table: Table, key: CallbackKey, secret: str) -> None:
    """Check that a secret is the one that was drawn for a step.

    Raises:
        CallbackUnknown: it is another one, or the run is gone.
    """
    kept = (table.get(key.row) or {}).get("secret")
    # A forged token may hold lone surrogates, which UTF-8 has not.
    if kept is None or not hmac.compare_digest(kept.encode(), secret.encode("utf-8", "replace")):
        raise CallbackUnknown(public_message(CallbackUnknown))
