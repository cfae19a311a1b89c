"""SendEmail → the right to send from one address through SES; the identity itself is verified by hand, once."""

from __future__ import annotations

from typing import Final

from aws_cdk import Stack

from durable.bindings import SendEmail
from durable.cdk.deployment.stage import Stage
from durable.cdk.foundation.function import HandlerFunction

_ASKED: Final = ("identity", "configuration-set")


class Sender:
    """An address that mail may be sent from."""

    def __init__(self, *, address: str) -> None:
        self._address = address

    @property
    def physical(self) -> dict[str, str]:
        return {"sender": self._address}

    def grant_use(self, function: HandlerFunction) -> None:
        """Allow to send; SES asks for SendRawEmail when a message comes as it is, whichever call brings it."""
        only = {"StringEquals": {"ses:FromAddress": self._address}}
        # SES asks for the right on each identity that a mail touches: that of the address or of its domain, in its
        # sandbox the recipient's too, and the configuration set that an identity may have by default. Which these are
        # the account knows. The condition keeps all of it to one sender.
        asked = [Stack.of(function).format_arn(service="ses", resource=each, resource_name="*") for each in _ASKED]
        why = "whatever a mail touches, from one address only"
        function.grant("ses:SendEmail", "ses:SendRawEmail", on=asked, conditions=only, because=why)


def resource_of(declared: SendEmail, _: Stage) -> Sender:
    """Return the right to send from an address."""
    return Sender(address=declared.sender)
