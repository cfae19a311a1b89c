"""What the Lambdas of a deployment run on: AWS's Python, on arm64 unless a function's options say otherwise."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from durable.cdk import packaging
from durable.cdk.function import Platform, code_of
from durable.cdk.settings import Settings, SettingsError
from durable.cdk.sources import REQUIREMENTS, project_files

_LAYERS: Final = {
    "arm64": ("Dependencies", packaging.LAMBDA),
    "x86_64": ("DependenciesX86", packaging.LAMBDA_X86),
}
"""The construct's id of the layer for each processor, and what it is built for."""


def lambda_platform(scope: Construct, settings: Settings, modules: Iterable[str]) -> Platform:
    """Return what all Lambdas of the deployment share; `modules` are those that they begin with."""
    wheels = packaging.layer(settings.root / REQUIREMENTS, cache=settings.cache)
    hold_telemetry(settings, wheels.packages)
    files = project_files(settings.root, modules, wheels.packages)

    @functools.cache
    def layer(architecture: str) -> lambda_.LayerVersion:
        id, target = _LAYERS[architecture]
        built = packaging.layer(settings.root / REQUIREMENTS, cache=settings.cache, target=target)
        packaging.hold_to_limit(files.values(), built)
        return lambda_.LayerVersion(
            scope,
            id,
            code=lambda_.Code.from_asset(str(built.folder)),
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
            compatible_architectures=[lambda_.Architecture.custom(architecture)],
            description=f"the wheels of {REQUIREMENTS}",
        )

    def layers(architecture: lambda_.Architecture) -> Sequence[lambda_.ILayerVersion]:
        return [layer(architecture.name)]

    return Platform(
        code=code_of(str(packaging.code_zip(files, cache=settings.cache))),
        layers=layers,
        runtime=lambda_.Runtime.PYTHON_3_13,
        architecture=lambda_.Architecture.ARM_64,
        log_retention=settings.log_retention,
        log_removal=settings.data_removal,
        environment=environment(settings),
    )


def hold_telemetry(settings: Settings, packages: Collection[str]) -> None:
    """Refuse a stage that is to send traces, and has not what sends them.

    Raises:
        SettingsError: OpenTelemetry is not among what the Lambdas have.
    """
    if settings.telemetry and "opentelemetry" not in packages:
        raise SettingsError(
            f"the stage {settings.stage} has telemetry, and its Lambdas have no OpenTelemetry; write opentelemetry-sdk"
            f" and opentelemetry-exporter-otlp-proto-http into functions/requirements.in, and lock it as {REQUIREMENTS}"
        )


def environment(settings: Settings) -> dict[str, str]:
    """Return the variables that all Lambdas have."""
    return {
        "POWERTOOLS_SERVICE_NAME": settings.name,
        "POWERTOOLS_METRICS_NAMESPACE": settings.stack,
        "POWERTOOLS_LOG_LEVEL": "INFO",
        "DURABLE_STAGE": settings.stage,
        **settings.telemetry,
    }
