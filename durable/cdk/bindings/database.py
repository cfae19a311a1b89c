"""Database → a cluster of Aurora DSQL, and a custom resource that migrates it before the steps that use it change."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from aws_cdk import CustomResource, RemovalPolicy
from aws_cdk import aws_dsql as dsql
from constructs import Construct

from durable.aws.migrations import MIGRATED
from durable.aws.resources import construct_id
from durable.bindings import Database
from durable.cdk.deployment.stage import Stage
from durable.cdk.foundation.function import HandlerFunction, Platform
from durable.cdk.foundation.sources import REQUIREMENTS, PackagingError, lacking
from durable.clients.migrations import Migration, migrations_of

PACKAGES: Final = ("aurora-dsql-sqlalchemy", "psycopg-binary", "psycopg-pool", "sqlalchemy")
"""What the layer has to hold."""
_MIGRATION_SECONDS: Final = 600


class Cluster(Construct):
    """The cluster of one Database.

    Args:
        name: the database's, by which its migrations are found.
        protected: whether it stays when its stack goes.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        platform: Platform,
        migrations: Sequence[Migration],
        protected: bool,
    ) -> None:
        super().__init__(scope, id)
        # Deletion protection and the removal policy are two things: the one stops the API's call, the other
        # CloudFormation's.
        self.cluster = dsql.CfnCluster(self, "Cluster", deletion_protection_enabled=protected)
        self.cluster.apply_removal_policy(RemovalPolicy.RETAIN if protected else RemovalPolicy.DESTROY)
        self._migrated = self._migration(name, platform, migrations) if migrations else None

    def _migration(self, name: str, platform: Platform, migrations: Sequence[Migration]) -> CustomResource:
        handler = HandlerFunction(
            self,
            "Migration",
            platform=platform,
            entry="migrate",
            environment={"DURABLE_DATABASE": name, "DURABLE_ENDPOINT": self.physical},
            timeout_seconds=_MIGRATION_SECONDS,
            description=f"applies the migrations of the database {name} when it is deployed",
        )
        self._grant_connect(handler)
        # CloudFormation invokes the Lambda again exactly when this property changes: when there is another migration.
        texts = "".join(f"{each.name} {each.hash}\n" for each in migrations)
        migrated = CustomResource(
            self,
            "Migrated",
            service_token=handler.function.function_arn,
            resource_type=MIGRATED,
            properties={"Migrations": hashlib.sha256(texts.encode()).hexdigest()},
        )
        # The role's policies are resources of their own: without this the Lambda may be invoked before it has its
        # rights.
        migrated.node.add_dependency(handler.role)
        return migrated

    @property
    def physical(self) -> str:
        return self.cluster.attr_endpoint

    def grant_use(self, function: HandlerFunction) -> None:
        """Allow to connect to this cluster, as its `admin`; the function changes after the schema has."""
        self._grant_connect(function)
        if self._migrated is not None:
            function.node.add_dependency(self._migrated)

    def _grant_connect(self, function: HandlerFunction) -> None:
        function.grant("dsql:DbConnectAdmin", on=[self.cluster.attr_resource_arn])


def resource_of(declared: Database, stage: Stage) -> Cluster:
    """Return the cluster of a database.

    Raises:
        PackagingError: the layer would lack what a Lambda needs for it.
        DeclarationError: a migration is named otherwise than migrations are.
    """
    check_packages(declared, stage.settings.root)
    return Cluster(
        stage.scope,
        construct_id(declared),
        name=declared.name,
        platform=stage.platform,
        migrations=migrations_of(declared.name, stage.settings.root),
        protected=stage.settings.production,
    )


def check_packages(declared: Database, root: Path) -> None:
    """Check that the layer's requirements name what a Lambda needs for a database.

    Raises:
        PackagingError: they do not.
    """
    missing = lacking(root, PACKAGES)
    if missing:
        raise PackagingError(
            f"{REQUIREMENTS} lacks {', '.join(missing)}, which {declared!r} needs; write"
            " aurora-dsql-sqlalchemy and aurora-dsql-python-connector[psycopg] into"
            f" {REQUIREMENTS.removesuffix('.txt')}.in, and lock it again"
        )
