"""From the declarations of a project to a CDK app with one stack: one stage of it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from aws_cdk import App, Aspects, Validations
from cdk_nag import AwsSolutionsChecks

from durable.bindings.compute import first
from durable.build import build
from durable.cdk.foundation.limits import exceeded
from durable.cdk.foundation.refusal import findings, refuse
from durable.cdk.foundation.settings import Settings, SettingsError
from durable.cdk.foundation.sources import PackagingError
from durable.cdk.rehearsal.dialect import Dialect
from durable.cdk.rehearsal.platform import rehearsal_platform
from durable.cdk.stack import DurableStack
from durable.errors import ConfigurationError
from durable.project import Project, load
from durable.stages import stage_settings

_CONTEXT: Final[dict[str, Any]] = {
    # a template has a megabyte at the most, of which indentation is a fifth
    "@aws-cdk/core:suppressTemplateIndentation": True,
    # durable.cdk.foundation.limits counts resources, and says what to do
    "@aws-cdk/core:stackResourceLimit": 0,
}
_REPORT: Final = "ValidationFailed"
"""How the error begins with which CDK reports findings, after it has written the templates."""


def synthesise(module_name: str, *, root: Path, stack: type[DurableStack] = DurableStack) -> None:
    """Write the cloud assembly of the project that a module declares. What `cdk synth` runs, by way of app.py.

    Ends the process with a sentence for each problem.

    Args:
        root: the project's folder, in which cdk.json stands.
        stack: the project's own stack, if it has one.
    """
    try:
        project = build(load(module_name)).project
        app = application(project, os.environ, root=root, stack=stack)
        _synthesise(app)
    except (ConfigurationError, PackagingError, SettingsError) as error:
        sys.exit(str(error))


def _synthesise(app: App) -> None:
    """Write the assembly of an app.

    Raises:
        DeclarationError: a template exceeds AWS's limits, or a check of CDK or cdk-nag found something.
    """
    try:
        app.synth()
    except RuntimeError as error:  # what CDK's JavaScript throws
        if _REPORT not in str(error):
            raise
        refuse(exceeded(Path(app.outdir)))
        refuse(findings(Path(app.outdir)))
        raise
    refuse(exceeded(Path(app.outdir)))


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
    app = App(
        context=_CONTEXT | _context(root) | dict(context or {}), outdir=outdir, tree_metadata=False, stack_traces=False
    )
    # The environment first: the command `durable` sets it, and `cdk` alone is given `-c stage=…`.
    stage = environment.get("STAGE") or app.node.try_get_context("stage") or "dev"
    said = stage_settings(root, stage)
    settings = Settings(
        name=_name(app, root),
        stage=stage,
        root=root,
        alarm_topic=first(app.node.try_get_context("alarmTopic"), said.alarm_topic),
        protected=said.protected,
        encryption=said.encryption,
        log_days=said.log_days,
        telemetry=said.telemetry,
    )
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    # cdk.json gives a boolean here, and `-c rehearsal=true` a text.
    if app.node.try_get_context("rehearsal") in (True, "true"):
        Aspects.of(app).add(Dialect())
        stack(app, settings.stack, project=project, settings=settings, platform=rehearsal_platform)
    else:
        stack(app, settings.stack, project=project, settings=settings)
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
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"{path} cannot be read: {error}; it stands beside app.py and names the project in its context"
        ) from None
    context = said.get("context") if isinstance(said, dict) else None
    if not isinstance(context, dict):
        raise SettingsError(f'{path} has no "context", which names the project; add it: {{"context": {{"name": "…"}}}}')
    return context
