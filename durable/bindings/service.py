"""AWSService: any other service of AWS, called with boto3, as Amazon Bedrock, Textract or ECS."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Final, Generic

from durable.bindings.base import Binding, V
from durable.errors import DeclarationError

PSEUDO: Final = ("${AWS::Partition}", "${AWS::Region}", "${AWS::AccountId}")
"""What may stand in a resource for a part that only the deployment knows, as in CloudFormation."""
_ACTION: Final = re.compile(r"[a-z0-9-]+:[A-Za-z0-9]+", re.ASCII)


class AWSService(Binding, Generic[V]):
    """The right to do some things in one service of AWS, and the client of boto3 to do them with.

    On AWS the Lambda of a step that names it is granted these actions on these resources and nothing else. On one
    machine boto3 takes the credentials, the region and the endpoint that its own configuration names. V is the type of
    the client where somebody wants it checked, as in `texts: AWSService[TextractClient]`.

    Args:
        name: of this declaration; also of the service, where `service` does not name it.
        actions: what may be done, as "bedrock:InvokeModel". Patterns are refused.
        resources: the ARNs of what it may be done to; "*" for actions that AWS knows no narrower resource for.
        service: the service as boto3 calls it, as "bedrock-runtime".
    """

    kind: ClassVar[str] = "service"

    def __init__(
        self, name: str, *, actions: Sequence[str], resources: Sequence[str], service: str | None = None
    ) -> None:
        super().__init__(name)
        self.service = service or name
        self.actions = _texts(self, "actions", actions)
        self.resources = _texts(self, "resources", resources)
        problems = [
            f"{self!r} has the action {each!r}; name each action in full, as 'bedrock:InvokeModel'"
            for each in self.actions
            if not _ACTION.fullmatch(each)
        ]
        problems += [
            f"{self!r} has the resource {each!r}; write '*', or an ARN in which {', '.join(PSEUDO)} may stand"
            for each in self.resources
            if not _is_resource(each)
        ]
        if problems:
            raise DeclarationError(problems)

    @property
    def client(self) -> V:
        """The client of boto3, made when it is first used."""
        self._declared_only()


def _texts(declared: AWSService, field: str, values: Sequence[str]) -> tuple[str, ...]:
    # A text is a sequence of texts, its letters.
    if isinstance(values, str) or not values or not all(isinstance(each, str) for each in values):
        raise DeclarationError([f"{declared!r} has the {field} {values!r}; give a list of at least one text"])
    return tuple(values)


def _is_resource(text: str) -> bool:
    # They are filled in for the stage; for the form of an ARN any word will do.
    for each in PSEUDO:
        text = text.replace(each, "x")
    # Six parts: arn, partition, service, region, account and resource. The resource may hold further colons.
    return text == "*" or (text.startswith("arn:") and text.count(":") >= 5 and "$" not in text)
