"""Custom::Migrated, a custom resource of CloudFormation: applies a database's migrations before the steps change."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from durable.aws.changes import Refused, answered
from durable.clients.migrations import migrate, migrations_of
from durable.errors import DeclarationError

if TYPE_CHECKING:  # imported where the engine is made
    from sqlalchemy import Engine

MIGRATED: Final = "Custom::Migrated"


def answer(event: Mapping[str, Any], database: str, engine: Engine, root: Path = Path()) -> dict[str, str]:
    """Apply what is pending when a resource is made or changed, and return the answer for CloudFormation.

    Args:
        root: where the project's files are; in a Lambda, where it starts.
    """

    def act(event: Mapping[str, Any]) -> None:
        from sqlalchemy.exc import DBAPIError

        if event["RequestType"] == "Delete":
            return
        try:
            migrate(engine, migrations_of(database, root))
        except DeclarationError as error:
            raise Refused(str(error)) from None
        except DBAPIError as error:
            # The first line alone: what follows may show a row of the database, and CloudFormation keeps the reason.
            why = str(error.orig).partition("\n")[0]
            raise Refused(f"a migration of {database} failed: {why}") from None

    return answered(event, act, event["LogicalResourceId"])
