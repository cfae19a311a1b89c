"""What the Lambdas of a deployment run on: AWS's Python on arm64, or, in a rehearsal, this machine's."""

from __future__ import annotations

import platform as host
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from durable.cdk import packaging
from durable.cdk.function import Dialect, Platform
from durable.cdk.settings import Settings
from durable.cdk.sources import REQUIREMENTS, project_files

_MINISTACK: Final = Dialect(
    synonyms={"sqs:SendMessage": ("sqs:SendMessageBatch",)},
    unknown=frozenset({"ses:FromAddress"}),
    unplaced=frozenset({"ses:SendEmail", "states:SendTaskSuccess"}),
    plain_parallels=True,
)
_ARM: Final = frozenset({"arm64", "aarch64"})
BOOTSTRAP: Final = Path(__file__).with_name("rehearsal") / "bootstrap.py"


def lambda_platform(scope: Construct, settings: Settings, modules: Iterable[str]) -> Platform:
    """Return what all Lambdas of the deployment share; `modules` are those that they begin with."""
    return _rehearsal(settings, modules) if settings.rehearsal else _aws(scope, settings, modules)


def _environment(settings: Settings) -> dict[str, str]:
    return {
        "POWERTOOLS_SERVICE_NAME": settings.name,
        "POWERTOOLS_METRICS_NAMESPACE": settings.stack,
        "POWERTOOLS_LOG_LEVEL": "INFO",
        "DURABLE_STAGE": settings.stage,
    }


def _aws(scope: Construct, settings: Settings, modules: Iterable[str]) -> Platform:
    wheels = packaging.layer(settings.root / REQUIREMENTS, cache=settings.cache)
    files = project_files(settings.root, modules, wheels.packages)
    layer = lambda_.LayerVersion(
        scope,
        "Dependencies",
        code=lambda_.Code.from_asset(str(wheels.folder)),
        compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
        compatible_architectures=[lambda_.Architecture.ARM_64],
        description="the wheels of functions/requirements.txt",
    )
    return Platform(
        code=lambda_.Code.from_asset(str(packaging.code_zip(files, cache=settings.cache))),
        layers=[layer],
        runtime=lambda_.Runtime.PYTHON_3_13,
        architecture=lambda_.Architecture.ARM_64,
        log_retention=settings.log_retention,
        log_removal=settings.data_removal,
        environment=_environment(settings),
    )


def _rehearsal(settings: Settings, modules: Iterable[str]) -> Platform:
    """Return what MiniStack can run: it mounts no layer for a custom runtime, so the wheels are read where they are."""
    wheels = packaging.layer(settings.root / REQUIREMENTS, cache=settings.cache, target=packaging.HOST)
    files = project_files(settings.root, modules, wheels.packages)
    bootstrap = {"bootstrap": BOOTSTRAP.read_text(encoding="utf-8")}
    code = packaging.code_zip(files, cache=settings.cache, extra=bootstrap)
    machine = lambda_.Architecture.ARM_64 if host.machine() in _ARM else lambda_.Architecture.X86_64
    return Platform(
        code=lambda_.Code.from_asset(str(code)),
        layers=[],
        runtime=lambda_.Runtime.PROVIDED_AL2023,
        architecture=machine,
        log_retention=settings.log_retention,
        log_removal=settings.data_removal,
        environment=_environment(settings) | {"PYTHONPATH": str(wheels.folder / "python")},
        dialect=_MINISTACK,
    )
