"""What a stack of a deployment is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NotRequired, TypedDict

from constructs import Construct

from durable.cdk.foundation.function import Platform
from durable.cdk.foundation.settings import Settings
from durable.cdk.foundation.sources import Own
from durable.project import Project

PlatformOf = Callable[[Construct, Settings, Iterable[str], Iterable[Own], Mapping[str, str]], Platform]


class Deployment(TypedDict):
    """What a DurableStack is made of: a stack of one's own hands it on.

    Attributes:
        project: what app.py declares: `build(load("app")).project`.
        platform: what the Lambdas run on; AWS where it is not given.
    """

    project: Project
    settings: Settings
    platform: NotRequired[PlatformOf]
