"""Database in a template: a cluster, who may connect to it, and the migration that comes before the steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from aws_cdk import App, RemovalPolicy
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct
from sqlalchemy import create_engine

from durable import Database, Workflow
from durable.aws.resources import Resource
from durable.build import Build
from durable.cdk.foundation.function import Dependencies, Platform
from durable.cdk.foundation.settings import Settings
from durable.cdk.foundation.sources import REQUIREMENTS, Own, PackagingError
from durable.cdk.stack import DurableStack
from durable.cli.contents import databases_of
from durable.cli.stage import StageTransport
from durable.project import Project
from tests.integration.cdk.ledger import LedgerWorkflow
from tests.integration.cdk.template import Template

HERE = "tests.integration.cdk.ledger"
LOCK = """
aurora-dsql-sqlalchemy==1.3.0 \\
    --hash=sha256:00
psycopg_binary==3.3.9
psycopg-pool==3.3.1
SQLAlchemy==2.1.9
"""


def plain(
    _: Construct, settings: Settings, modules: Iterable[str], owns: Iterable[Own], written: Mapping[str, str]
) -> Platform:
    """Return a platform whose Lambdas hold nothing: what is in them is tested elsewhere."""
    return Platform(
        code=lambda _: lambda_.Code.from_inline("pass"),
        dependencies=lambda *_: Dependencies(),
        runtime=lambda_.Runtime.PYTHON_3_13,
        architecture=lambda_.Architecture.ARM_64,
        log_retention=logs.RetentionDays.ONE_WEEK,
        log_removal=RemovalPolicy.DESTROY,
    )


def synthesised(
    root: Path, *, lock: str = LOCK, stage: str = "dev", sql: str = "CREATE TABLE a(b INTEGER)"
) -> Template:
    (root / REQUIREMENTS).parent.mkdir(exist_ok=True)
    (root / REQUIREMENTS).write_text(lock)
    folder = root / "migrations" / "ledger"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "0001_make.sql").write_text(sql)
    ledger = Database("ledger")
    project = Project("app", (ledger, Workflow("ledger", LedgerWorkflow, bindings={"ledger": ledger})))
    app = App(outdir=str(root / "out"))
    settings = Settings(name="books", stage=stage, root=root)
    DurableStack(app, settings.stack, project=project, settings=settings, platform=plain)
    app.synth()
    return Template.read(next((root / "out").glob("*.template.json")))


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return synthesised(tmp_path_factory.mktemp("ledger"), stage="prod")


@pytest.mark.slow
def test_who_names_it_may_connect_to_that_cluster_and_nobody_else(ledger: Template) -> None:
    cluster = ledger.one("DSQL::Cluster")[0]
    connects = {
        name: {each for each in ledger.grants(name) if each[0].startswith("dsql:")} for name in ledger.functions()
    }
    assert {name: found for name, found in connects.items() if found} == {
        name: {("dsql:DbConnectAdmin", f"<{cluster}.ResourceArn>")} for name in (f"{HERE}:enter", "migrate")
    }


@pytest.mark.slow
def test_the_console_of_a_stage_finds_the_cluster_and_connects_to_it(
    ledger: Template, monkeypatch: pytest.MonkeyPatch
) -> None:
    resources = [Resource(id, each["Type"], "abc123") for id, each in ledger.resources.items()]
    stage = SimpleNamespace(resources=resources, session=SimpleNamespace(region_name="eu-central-1"))
    declared = Project("app", (Database("ledger"), Database("elsewhere")))
    monkeypatch.setattr("durable.project.load", lambda: declared)
    monkeypatch.setattr("durable.build.build", lambda project: Build(project, {}))
    monkeypatch.setattr("durable.aws.database.dsql_engine", lambda endpoint: create_engine(f"sqlite:///{endpoint}"))

    found = databases_of(cast(StageTransport, stage))

    assert found.names() == [{"name": "ledger"}]
    monkeypatch.chdir(ledger.path.parent)
    assert found.tables("ledger") == []
    assert Path("abc123.dsql.eu-central-1.on.aws").exists()


@pytest.mark.slow
def test_a_cluster_of_prod_is_protected_and_another_one_goes_with_its_stack(ledger: Template, tmp_path: Path) -> None:
    _, kept = ledger.one("DSQL::Cluster")
    assert (kept["DeletionPolicy"], kept["Properties"]["DeletionProtectionEnabled"]) == ("Retain", True)
    _, gone = synthesised(tmp_path).one("DSQL::Cluster")
    assert (gone["DeletionPolicy"], gone["Properties"]["DeletionProtectionEnabled"]) == ("Delete", False)


@pytest.mark.slow
def test_the_schema_changes_before_the_steps_that_use_it(ledger: Template) -> None:
    (migrated,) = (name for name, each in ledger.resources.items() if each["Type"] == "Custom::Migrated")
    functions = ledger.functions()
    assert migrated in functions[f"{HERE}:enter"]["DependsOn"]
    assert migrated not in functions["migrate"].get("DependsOn", [])


@pytest.mark.slow
def test_a_migration_that_is_added_is_applied_by_the_next_deployment(tmp_path: Path) -> None:
    before, after = (
        next(each["Properties"] for each in synthesised(root, sql=sql).resources.values() if "Migrated" in each["Type"])
        for root, sql in ((tmp_path, "SELECT 1"), (tmp_path, "SELECT 2"))
    )
    assert before["Migrations"] != after["Migrations"]


def test_a_layer_without_the_driver_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackagingError, match=r"lacks psycopg-binary, which Database\('ledger'\) needs; write"):
        synthesised(tmp_path, lock=LOCK.replace("psycopg_binary", "other"))
