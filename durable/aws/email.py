"""SendEmail through SES."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from durable.aws.session import client, code_of, unreachable
from durable.bindings.email import Email, SendEmail
from durable.clients.email import EmailNotSent, compose
from durable.clock import Clock, SystemClock


class SESEmail(SendEmail):
    """Sends through SES (v2).

    Args:
        sender: an address that SES has verified, or of a domain that it has.
        ses: a boto3 client of sesv2; without one, the process's own.
    """

    def __init__(self, name: str, *, sender: str, clock: Clock, ses: Any = None) -> None:
        super().__init__(name, sender=sender)
        self._clock = clock
        self._given = ses

    def send(self, email: Email, *, id: str) -> None:
        ses = self._given or client("sesv2")
        message = compose(self.name, email, sender=self.sender, id=id, now=self._clock.now())
        if not message.to.isascii():
            raise EmailNotSent(self.name, "SES takes ASCII only before the @ of an address")
        try:
            ses.send_email(
                FromEmailAddress=self.sender,
                Destination={"ToAddresses": [message.to]},
                Content={"Raw": {"Data": message.raw}},
            )
        except ses.exceptions.ClientError as error:
            raise EmailNotSent(self.name, code_of(error)) from None
        except unreachable() as error:
            raise EmailNotSent(self.name, type(error).__name__) from None


def client_of(name: str, _: Any, resource: Mapping[str, str]) -> SESEmail:
    """Return the client that sends from the address of a resource."""
    return SESEmail(name, sender=resource["sender"], clock=SystemClock())
