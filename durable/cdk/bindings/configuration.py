"""Secret → a SecureString that is put in place by hand; Var → a value in the environment of who names it."""

from __future__ import annotations

from typing import Any

from aws_cdk import Stack

from durable.bindings import Secret, Var
from durable.cdk.deployment.stage import Stage
from durable.cdk.foundation.function import HandlerFunction
from durable.clients.var import json_of


class SecretParameter:
    """The right to read one parameter of Parameter Store; CloudFormation makes no SecureString, nor should it.

    Args:
        name: of the parameter, `/<stack>/<secret>`.
    """

    def __init__(self, *, name: str, arn: str) -> None:
        self._name = name
        self._arn = arn

    @property
    def physical(self) -> str:
        return self._name

    def grant_use(self, function: HandlerFunction) -> None:
        """Allow to read it; the account's own key for parameters needs no grant besides."""
        function.grant("ssm:GetParameter", on=[self._arn])


class PlainValue:
    """A value that needs no right."""

    def __init__(self, value: Any) -> None:
        self.physical = value

    def grant_use(self, function: HandlerFunction) -> None:
        """Allow nothing: it is there."""


def secret_of(declared: Secret, stage: Stage) -> SecretParameter:
    """Return the right to read a secret of this stage."""
    name = f"{stage.settings.stack}/{declared.name}"
    # Under the name of the stack: stages of one account have secrets of their own.
    arn = Stack.of(stage.scope).format_arn(service="ssm", resource="parameter", resource_name=name)
    return SecretParameter(name=f"/{name}", arn=arn)


def var_of(declared: Var[Any], _: Stage) -> PlainValue:
    """Return a declared value as JSON."""
    return PlainValue(json_of(declared))
