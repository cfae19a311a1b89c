"""Database as a cluster of Aurora DSQL: PostgreSQL's language, IAM in place of passwords, and no VPC."""

from __future__ import annotations

import functools
import ssl
from typing import TYPE_CHECKING, Any, Final

from durable.clients.database import ENGINE, DatabaseClient

if TYPE_CHECKING:  # imported when the engine is made
    from sqlalchemy import Engine

_USER: Final = "admin"
_CONNECTIONS: Final = {"pool_size": 1, "max_overflow": 9}
"""A Lambda runs one step at a time, which seldom has two connections."""
_RECYCLED_SECONDS: Final = 3_000
"""Aurora DSQL closes a connection after an hour."""


@functools.cache
def dsql_engine(endpoint: str) -> Engine:
    """Return the process's engine of a cluster. A connection that was lost while Lambda slept is replaced."""
    from aurora_dsql_sqlalchemy import create_dsql_engine

    authorities = ssl.get_default_verify_paths().cafile
    engine: Engine = create_dsql_engine(
        host=endpoint,
        user=_USER,
        sslrootcert=authorities or "system",  # the driver's own OpenSSL looks where this machine has none
        pool_pre_ping=True,
        pool_recycle=_RECYCLED_SECONDS,
        **_CONNECTIONS,
        **ENGINE,
    )
    return engine


def endpoint_of(cluster: str, region: str) -> str:
    """Return the endpoint of a cluster by its identifier, which CloudFormation names it by."""
    return f"{cluster}.dsql.{region}.on.aws"


def client_of(name: str, _: Any, endpoint: str) -> DatabaseClient:
    """Return the client of a cluster, by its endpoint."""
    return DatabaseClient(name, lambda: dsql_engine(endpoint))
