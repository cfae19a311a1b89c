"""The project, synthesised once a session: CDK takes seconds."""

from __future__ import annotations

import copy
import fcntl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import app
import durable.cdk  # noqa: F401  # before a test module imports aws_cdk, which starts Node
from durable import KVNamespace, Worker, Workflow
from durable.bindings.worker import ApiKind
from durable.bindings.workflow import MachineKind
from durable.project import Project, load
from tests.integration.cdk.printing import PrintWorkflow
from tests.integration.cdk.template import Template

ROOT = Path(__file__).resolve().parents[3]
Synthesise = Callable[..., Template]


def onboarding_on(kind: MachineKind) -> Project:
    """Return what app.py declares for onboarding: one workflow, whose template tests read resource by resource."""
    declared = Workflow("onboarding", app.onboarding.workflow, bindings=app.onboarding.bindings, kind=kind)
    website = copy.copy(app.website)
    website.bindings = {"onboarding": declared}
    return Project(
        "app", (app.profiles, app.addresses, app.settings, app.sent, app.mail, app.emails, declared, website)
    )


ONBOARDING = onboarding_on("standard")


@pytest.hookimpl(tryfirst=True)  # before pytest selects by marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have a test that synthesises a project of its own run in `make check` alone: a synth is a second of Node."""
    for item in items:
        if not isinstance(item, pytest.Function) or not item.nodeid.startswith("tests/integration/cdk/"):
            continue
        if "synthesise" in item.fixturenames and "once" not in item.fixturenames:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def synthesise() -> Synthesise:
    """Return a function that synthesises one stage of a project into a folder."""
    from durable.cdk.application import application
    from infra.stack import WebsiteStack

    def run(
        folder: Path, *, stage: str = "dev", project: Project | None = None, context: Mapping[str, Any] | None = None
    ) -> Template:
        application(
            project or ONBOARDING,
            {"STAGE": stage},
            root=ROOT,
            stack=WebsiteStack,
            outdir=str(folder),
            context=context,
        ).synth()
        return Template.read(next(folder.glob("*.template.json")))

    return run


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory, synthesise: Synthesise) -> Synthesise:
    """Return a function that synthesises under a name, if none of the session's processes has done so."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if (base.parent / "infra.lock").exists() or "popen-" in base.name else base

    def run(name: str, **how: Any) -> Template:
        folder = shared / f"assembly-{name}"
        with (shared / "infra.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / "manifest.json").exists():
                return synthesise(folder, **how)
        return Template.read(next(folder.glob("*.template.json")))

    return run


@pytest.fixture(scope="session")
def dev(once: Synthesise) -> Template:
    return once("dev", stage="dev")


@pytest.fixture(scope="session")
def rest(once: Synthesise) -> Template:
    """Onboarding with a REST API."""
    declarations = ONBOARDING.declarations
    website = copy.copy(next(each for each in declarations if isinstance(each, Worker)))
    website.api = "rest"
    others = [each for each in declarations if not isinstance(each, Worker)]
    return once("rest", project=Project("app", (*others, website)))


@pytest.fixture(scope="session")
def express(once: Synthesise) -> Template:
    """Onboarding, executed in segments."""
    return once("express", project=onboarding_on("express"))


@pytest.fixture(scope="session")
def approvals(once: Synthesise) -> Template:
    """The approval flow, executed in segments: it waits for events."""
    expense = Workflow("expense", app.expense.workflow, bindings=app.expense.bindings, kind="express")
    project = Project("app", (app.expenses, app.mail, app.sent, app.letters, expense))
    return once("approvals", project=project)


@pytest.fixture(scope="session")
def batches(once: Synthesise) -> Template:
    """The digest and a source of the sync, executed in segments."""
    digest = Workflow("digest", app.digest.workflow, bindings=app.digest.bindings, kind="express")
    source = Workflow("source", app.source.workflow, bindings=app.source.bindings, kind="express")
    data = (app.profiles, app.mail, app.sent, app.letters, app.exchange, app.records, app.replaced, app.exports)
    return once("batches", project=Project("app", (*data, digest, source)))


def printing_on(kind: MachineKind, api: ApiKind = "http") -> Project:
    """Return a project whose workflow waits for callbacks, behind a worker."""
    jobs = KVNamespace[str]("jobs")
    workflow = Workflow("printing", PrintWorkflow, bindings={"jobs": jobs}, kind=kind)
    module = "tests.integration.cdk.printing"
    return Project("app", (jobs, workflow, Worker("desk", module, url=True, bindings={"printing": workflow}, api=api)))


@pytest.fixture(scope="session")
def printing(once: Synthesise) -> Template:
    """A workflow that waits for callbacks, executed in segments."""
    return once("printing", project=printing_on("express"))


@pytest.fixture(scope="session")
def prod(once: Synthesise) -> Template:
    return once("prod", stage="prod")


@pytest.fixture(scope="session")
def everything(once: Synthesise) -> Template:
    """All that app.py declares, for production."""
    return once("everything", stage="prod", project=load("app"))
