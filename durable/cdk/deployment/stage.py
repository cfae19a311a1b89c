"""What a declaration is translated in: one stage of a project."""

from __future__ import annotations

from dataclasses import dataclass

from constructs import Construct

from durable.cdk.deployment.changes import Changes
from durable.cdk.foundation.function import Platform
from durable.cdk.foundation.options import Options
from durable.cdk.foundation.settings import Settings


@dataclass(frozen=True, slots=True)
class Stage:
    """What constructs of declarations are made of.

    Attributes:
        scope: what they become children of.
        changes: what empties a bucket when it is removed.
        platform: what Lambdas run on.
    """

    scope: Construct
    settings: Settings
    changes: Changes
    options: Options
    platform: Platform
