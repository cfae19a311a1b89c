"""An e-mail that cannot be written to the outbox is one that was not sent, as on AWS."""

from __future__ import annotations

from pathlib import Path

import pytest

from durable.bindings.email import Email
from durable.clients.email import EmailNotSent
from durable.clock import VirtualClock
from durable.local.bindings.outbox import OutboxEmail


def test_a_folder_that_cannot_be_made_is_an_email_that_was_not_sent(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("no folder")
    outbox = OutboxEmail("mail", sender="shop@example.com", folder=tmp_path / "data" / "outbox", clock=VirtualClock())
    with pytest.raises(EmailNotSent, match="Not a directory"):
        outbox.send(Email(to="jane@example.com", subject="Hello", text="Hello"), id="one")
