"""SendEmail on one machine: each e-mail is a file in the outbox."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from durable.bindings.email import Email, SendEmail
from durable.clients.email import EmailNotSent, compose
from durable.clock import Clock
from durable.local.bindings.place import Place

_PLAIN: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}", re.ASCII)
_OTHER: Final = re.compile(r"[^a-z0-9_-]+", re.ASCII)


class OutboxEmail(SendEmail):
    """Writes each e-mail as an .eml file, whole or not at all; the same id writes the same file.

    The file survives the death of the process; it is not synced, so a power cut may lose the last ones.
    """

    def __init__(self, name: str, *, sender: str, folder: Path, clock: Clock) -> None:
        super().__init__(name, sender=sender)
        self.folder: Final = folder
        self._clock = clock

    def send(self, email: Email, *, id: str) -> None:
        raw = compose(self.name, email, sender=self.sender, id=id, now=self._clock.now()).raw
        path = self.folder / file_name(id)
        unfinished = path.with_name(f".{secrets.token_hex(8)}.tmp")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            unfinished.write_bytes(raw)
            # Atomic, and the same id replaces its own file: an attempt that is made again leaves one e-mail.
            os.replace(unfinished, path)
        except OSError as error:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise EmailNotSent(self.name, f"{self.folder}: {error.strerror}") from None


def file_name(id: str) -> str:
    """Return the name of an id's file: the id itself if it is plain, else what is readable of it and its hash."""
    if _PLAIN.fullmatch(id):
        return f"{id}.eml"
    readable = _OTHER.sub("-", id.lower()).strip("-")[:60]
    return f"{readable or 'id'}.{hashlib.sha256(id.encode()).hexdigest()[:16]}.eml"


def client_of(declared: SendEmail, _: Any, place: Place) -> OutboxEmail:
    """Return the client that writes e-mail to the outbox."""
    return OutboxEmail(declared.name, sender=declared.sender, folder=place.data / "outbox", clock=place.clock)
