"""What Lambdas run on in a rehearsal: this machine's Python and processor."""

from __future__ import annotations

import os
import platform as host
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from durable.cdk.deployment.platform import environment, hold_telemetry
from durable.cdk.foundation import packaging
from durable.cdk.foundation.function import Dependencies, Platform, code_of
from durable.cdk.foundation.options import FunctionOptions, pins_of
from durable.cdk.foundation.settings import Settings
from durable.cdk.foundation.sources import REQUIREMENTS, Own, project_files

_ARM: Final = frozenset({"arm64", "aarch64"})
_BOOTSTRAP: Final = Path(__file__).with_name("bootstrap.py")


def rehearsal_platform(
    _: Construct, settings: Settings, modules: Iterable[str], owns: Iterable[Own], written: Mapping[str, str]
) -> Platform:
    """Return what MiniStack can run: it mounts no layer for a custom runtime, so the wheels are read where they are.

    Layers of which only AWS knows what is in them are left out.
    """
    cache = settings.cache
    wheels = packaging.layer(settings.root / REQUIREMENTS, cache=cache, target=packaging.HOST)
    hold_telemetry(settings, wheels.packages)

    def own_layer(pins: Sequence[str]) -> packaging.Layer:
        return packaging.layer_over(wheels, pins_of(pins), cache=cache, target=packaging.HOST)

    def dependencies(_: lambda_.Architecture, options: FunctionOptions) -> Dependencies:
        folders = [wheels.python, *([own_layer(options.packages).python] if options.packages else ())]
        return Dependencies(variables={"PYTHONPATH": os.pathsep.join(map(str, folders))})

    built = {own: own_layer(own.pins).packages if own.pins else () for own in owns}
    files = project_files(settings.root, modules, wheels.packages, built)
    bootstrap = {"bootstrap": _BOOTSTRAP.read_text(encoding="utf-8")}
    code = packaging.code_zip(files, cache=cache, written=written, extra=bootstrap)
    return Platform(
        code=code_of(str(code)),
        dependencies=dependencies,
        runtime=lambda_.Runtime.PROVIDED_AL2023,
        architecture=lambda_.Architecture.ARM_64 if host.machine() in _ARM else lambda_.Architecture.X86_64,
        log_retention=settings.log_retention,
        log_removal=settings.data_removal,
        environment=environment(settings),
        # MiniStack knows no `AWS::StepFunctions::StateMachineVersion`.
        has_versions=False,
    )
