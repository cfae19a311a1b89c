"""What the Lambdas of a deployment run on: AWS's Python, on arm64 unless a function's options say otherwise."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from durable.cdk.foundation import packaging
from durable.cdk.foundation.function import Dependencies, Platform, code_of
from durable.cdk.foundation.options import FunctionOptions, pins_of
from durable.cdk.foundation.settings import Settings, SettingsError
from durable.cdk.foundation.sources import REQUIREMENTS, Own, project_files

_LAYERS: Final = {
    "arm64": ("Dependencies", packaging.LAMBDA),
    "x86_64": ("DependenciesX86", packaging.LAMBDA_X86),
}
"""The construct's id of the layer for each processor, and what it is built for."""
_LONGEST_DESCRIPTION: Final = 256


def lambda_platform(
    scope: Construct, settings: Settings, modules: Iterable[str], owns: Iterable[Own], written: Mapping[str, str]
) -> Platform:
    """Return what all Lambdas of the deployment share.

    Args:
        modules: those that they begin with.
        written: files by name that the code has besides the project's own.
    """
    requirements, cache = settings.root / REQUIREMENTS, settings.cache
    wheels = packaging.layer(requirements, cache=cache)
    hold_telemetry(settings, wheels.packages)
    built = {own: packaging.layer_over(wheels, own.pins, cache=cache).packages if own.pins else () for own in owns}
    files = project_files(settings.root, modules, wheels.packages, built)

    def version(id: str, made: packaging.Layer, architecture: str, description: str) -> lambda_.LayerVersion:
        return lambda_.LayerVersion(
            scope,
            id,
            # Named by the folder's contents: the bytes of a zip depend on the machine's zlib.
            code=lambda_.Code.from_asset(str(made.archive()), asset_hash=made.folder.name),
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
            compatible_architectures=[lambda_.Architecture.custom(architecture)],
            description=description,
        )

    @functools.cache
    def layer(architecture: str) -> lambda_.LayerVersion:
        id, target = _LAYERS[architecture]
        made = packaging.layer(requirements, cache=cache, target=target)
        packaging.hold_to_limit(files.values(), made)
        return version(id, made, architecture, f"the wheels of {REQUIREMENTS}")

    @functools.cache
    def layer_of(architecture: str, pins: tuple[str, ...]) -> lambda_.LayerVersion:
        id, target = _LAYERS[architecture]
        base = packaging.layer(requirements, cache=cache, target=target)
        own = packaging.layer_over(base, pins, cache=cache, target=target)
        packaging.hold_to_limit(files.values(), base, own)
        # Named by what is asked for: the layer of one step stays as it is when another one is given packages.
        hashed = hashlib.sha256("\n".join(pins).encode()).hexdigest()[:8]
        named = ", ".join(each.partition(" ")[0] for each in pins)
        return version(f"{id}{hashed}", own, architecture, named[:_LONGEST_DESCRIPTION])

    def dependencies(architecture: lambda_.Architecture, options: FunctionOptions) -> Dependencies:
        own = [layer_of(architecture.name, pins_of(options.packages))] if options.packages else []
        return Dependencies([layer(architecture.name), *own, *options.layers])

    return Platform(
        code=code_of(str(packaging.code_zip(files, cache=cache, written=written))),
        dependencies=dependencies,
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
