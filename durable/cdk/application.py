"""From the declarations of a project to a CDK app with one stack: one stage of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from durable.cdk.platform import lambda_platform
from durable.cdk.settings import Settings
from durable.cdk.stack import DeploymentStack
from durable.compiler import compile_workflow
from durable.project import Project

ROOT: Final = Path(__file__).resolve().parents[2]


def application(
    project: Project,
    environment: Mapping[str, str],
    *,
    outdir: str | None = None,
    context: Mapping[str, Any] | None = None,
) -> App:
    """Return the CDK app of one stage of a project: STAGE of the environment or `-c stage=…`, else `dev`."""
    app = App(context=_context() | dict(context or {}), outdir=outdir)
    settings = Settings(
        name=app.node.get_context("name"),
        stage=environment.get("STAGE") or app.node.try_get_context("stage") or "dev",
        root=ROOT,
        rehearsal=app.node.try_get_context("rehearsal") in (True, "true"),
        alarm_topic=app.node.try_get_context("alarmTopic"),
    )
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    DeploymentStack(
        app,
        settings.stack,
        project=project,
        settings=settings,
        compile_workflow=compile_workflow,
        platform=lambda scope: lambda_platform(scope, settings),
    )
    return app


def _context() -> dict[str, Any]:
    """Return cdk.json's context, which the CDK CLI would hand over: the same flags with and without it."""
    context: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    return context
