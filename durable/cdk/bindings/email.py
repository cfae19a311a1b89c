"""SendEmail → the right to send from one address through SES; the identity itself is verified by hand, once."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Stack

from durable.bindings import SendEmail
from durable.cdk.deployment.stage import Stage
from durable.cdk.foundation.function import HandlerFunction


class Sender:
    """An address that mail may be sent from.

    Args:
        identities: the ARNs of the SES identities that may stand for it: the address itself, or its domain.
    """

    def __init__(self, *, address: str, identities: Sequence[str]) -> None:
        self._address = address
        self._identities = tuple(identities)

    @property
    def physical(self) -> dict[str, str]:
        return {"sender": self._address}

    def grant_use(self, function: HandlerFunction) -> None:
        """Allow to send; SES asks for SendRawEmail when a message comes as it is, whichever call brings it."""
        only = {"StringEquals": {"ses:FromAddress": self._address}}
        function.grant("ses:SendEmail", "ses:SendRawEmail", on=self._identities, conditions=only)


def resource_of(declared: SendEmail, stage: Stage) -> Sender:
    """Return the right to send from an address."""
    # SES takes a mail when either the address or its domain is verified; which one it is the account knows.
    names = (declared.sender, declared.sender.rpartition("@")[2])
    arn = Stack.of(stage.scope).format_arn
    identities = [arn(service="ses", resource="identity", resource_name=name) for name in names]
    return Sender(address=declared.sender, identities=identities)
