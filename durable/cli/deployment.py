"""Commands that deploy a project: synth, diff, rehearse, bootstrap, deploy, destroy; the CDK CLI does the work."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NoReturn

import click

from durable.cli.completion import stages
from durable.cli.outcome import WRONG, CommandError, sentences
from durable.modules import called_in, imported
from durable.project import load
from durable.stages import stage_settings

_PACKAGES: Final = ("aws_cdk", "boto3", "cdk_nag", "constructs")
_REHEARSAL: Final = "infra.rehearsal"


def _on_stage(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the stage and the arguments of the CDK CLI."""
    stage = click.option(
        "--stage", shell_complete=stages, default="dev", show_default=True, envvar="STAGE", help="The stage, as prod."
    )
    arguments = click.argument("arguments", nargs=-1, metavar="[-- CDK_ARGUMENTS]")
    return stage(arguments(sentences(command)))


@click.command()
@_on_stage
def synth(stage: str, arguments: Sequence[str]) -> None:
    """Synthesise the stack into cdk.out; no account is needed."""
    _cdk("synth", stage, arguments, signed=False)


@click.command()
@_on_stage
def diff(stage: str, arguments: Sequence[str]) -> None:
    """Show what a deployment would change."""
    _cdk("diff", stage, arguments)


@click.command()
@_on_stage
def bootstrap(stage: str, arguments: Sequence[str]) -> None:
    """Prepare an account and region for deployments; needed once for each."""
    _cdk("bootstrap", stage, arguments)


@click.command()
@_on_stage
def deploy(stage: str, arguments: Sequence[str]) -> None:
    """Deploy the project with your AWS credentials."""
    _cdk("deploy", stage, arguments)


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@_on_stage
def destroy(stage: str, arguments: Sequence[str], yes: bool) -> None:
    """Take a stage down; prod keeps its data."""
    _cdk("destroy", stage, ["--force", *arguments] if yes else arguments)


@click.command()
@click.option("--stage", default="rehearsal", show_default=True, help="The stage that is deployed.")
@sentences
def rehearse(stage: str) -> None:
    """Deploy the project to an AWS on this machine, call it there, and take it down; no account is needed."""
    _require_project(is_built=True)
    from durable.cdk import rehearsal

    check = imported(_REHEARSAL).check if Path("infra", "rehearsal.py").exists() else rehearsal.answers
    sys.exit(rehearsal.rehearse(Path.cwd(), stage=stage, echo=click.echo, check=check))


def _cdk(verb: str, stage: str, arguments: Sequence[str], *, signed: bool = True) -> NoReturn:
    """Become the CDK CLI: its output, questions and exit code are the command's."""
    _require_project(is_built=verb in ("synth", "diff", "deploy"))
    from durable.cdk import toolkit

    if signed:
        from durable.cli.account import check_account

        check_account(is_deployed=verb == "deploy")
    command = toolkit.command(Path(".cache").absolute(), verb, *toolkit.APP, *arguments)
    sys.stdout.flush()  # what is buffered would be lost with this process, which the CLI replaces
    # What is set in the shell goes before what stages.toml says.
    variables = {**stage_settings(Path.cwd(), stage).variables, **os.environ}
    # A stack is taken down as it is: checks of what would be deployed must not stand in the way.
    unvalidated = toolkit.UNVALIDATED if verb == "destroy" else {}
    os.execve(command[0], command, toolkit.environment(variables, stage) | unvalidated)


def _require_project(*, is_built: bool) -> None:
    """See that this is a project's folder, and that what deploys it is installed.

    Args:
        is_built: whether the command needs a project that can be deployed.
    """
    for name in _PACKAGES:
        if find_spec(name) is None:
            raise ModuleNotFoundError(name=name)
    if not Path("app.py").exists():
        remedy = called_in("app.py") or "call this in the project's folder"
        raise CommandError(f"there is no app.py in {Path.cwd()}; {remedy}", WRONG)
    # CDK does this in a process of its own, of which it says at last that it failed.
    project = load()
    if is_built:
        from durable.build import build

        build(project)
