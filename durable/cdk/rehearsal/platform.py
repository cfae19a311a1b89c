"""What Lambdas run on in a rehearsal: this machine's Python and processor."""

from __future__ import annotations

import platform as host
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from durable.cdk import packaging
from durable.cdk.function import Platform, code_of
from durable.cdk.platform import environment, hold_telemetry
from durable.cdk.settings import Settings
from durable.cdk.sources import REQUIREMENTS, project_files

_ARM: Final = frozenset({"arm64", "aarch64"})
_BOOTSTRAP: Final = Path(__file__).with_name("bootstrap.py")


def rehearsal_platform(_: Construct, settings: Settings, modules: Iterable[str]) -> Platform:
    """Return what MiniStack can run: it mounts no layer for a custom runtime, so the wheels are read where they are."""
    wheels = packaging.layer(settings.root / REQUIREMENTS, cache=settings.cache, target=packaging.HOST)
    hold_telemetry(settings, wheels.packages)
    files = project_files(settings.root, modules, wheels.packages)
    code = packaging.code_zip(files, cache=settings.cache, extra={"bootstrap": _BOOTSTRAP.read_text(encoding="utf-8")})
    return Platform(
        code=code_of(str(code)),
        layers=lambda _: [],
        runtime=lambda_.Runtime.PROVIDED_AL2023,
        architecture=lambda_.Architecture.ARM_64 if host.machine() in _ARM else lambda_.Architecture.X86_64,
        log_retention=settings.log_retention,
        log_removal=settings.data_removal,
        environment=environment(settings) | {"PYTHONPATH": str(wheels.folder / "python")},
        has_versions=False,
    )
