"""From the declarations of a project to a CDK app with one stack: one stage of it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from durable.build import build
from durable.cdk.platform import lambda_platform
from durable.cdk.settings import Settings, SettingsError
from durable.cdk.sources import PackagingError
from durable.cdk.stack import DurableStack
from durable.compiler import compile_workflow
from durable.errors import ConfigurationError
from durable.project import Project, load


def synthesise(module_name: str, *, root: Path, stack: type[DurableStack] = DurableStack) -> None:
    """Write the cloud assembly of the project that a module declares. What `cdk synth` runs, by way of app.py.

    Ends the process with a sentence for each problem.

    Args:
        root: the project's folder, in which cdk.json stands.
        stack: the project's own stack, if it has one.
    """
    try:
        project = build(load(module_name)).project
        application(project, os.environ, root=root, stack=stack).synth()
    except (ConfigurationError, PackagingError, SettingsError) as error:
        sys.exit(str(error))


def application(
    project: Project,
    environment: Mapping[str, str],
    *,
    root: Path,
    stack: type[DurableStack] = DurableStack,
    outdir: str | None = None,
    context: Mapping[str, Any] | None = None,
) -> App:
    """Return the CDK app of one stage of a project: STAGE of the environment or `-c stage=…`, else `dev`.

    Raises:
        SettingsError: cdk.json cannot be read or names no project, or the stage's name is not a valid one.
    """
    app = App(context=_context(root) | dict(context or {}), outdir=outdir)
    settings = Settings(
        name=_name(app, root),
        stage=environment.get("STAGE") or app.node.try_get_context("stage") or "dev",
        root=root,
        rehearsal=app.node.try_get_context("rehearsal") in (True, "true"),
        alarm_topic=app.node.try_get_context("alarmTopic"),
    )
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    stack(
        app,
        settings.stack,
        project=project,
        settings=settings,
        compile_workflow=compile_workflow,
        platform=lambda scope, modules: lambda_platform(scope, settings, modules),
    )
    return app


def _name(app: App, root: Path) -> str:
    name: str | None = app.node.try_get_context("name")
    if not name:
        raise SettingsError(f'{root / "cdk.json"} does not name the project; add "name" to its "context"')
    return name


def _context(root: Path) -> dict[str, Any]:
    """Return the context of cdk.json, which the CDK CLI would hand over: the same flags with and without it."""
    path = root / "cdk.json"
    try:
        context: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")).get("context", {})
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"{path} cannot be read: {error}; it stands beside app.py and names the project in its context"
        ) from None
    return context
