"""The bucket of large values: who may write and read it, and that it is swept."""

from __future__ import annotations

import json
from pathlib import Path

from durable import Worker, Workflow
from durable.project import Project
from tests.integration.cdk.conftest import Synthesise
from tests.integration.cdk.template import Template, text
from tests.unit.testing.volumes import CallingWorkflow, OpeningWorkflow, ReturningWorkflow, UndoneWorkflow, write

MODULE = "tests.unit.testing.volumes"
assert write.__module__ == MODULE


def variables(template: Template, function: str) -> dict[str, object]:
    found: dict[str, object] = template.functions()[function]["Properties"]["Environment"]["Variables"]
    return found


def test_what_passes_on_values_may_write_and_read_them_and_nothing_else(synthesise: Synthesise, tmp_path: Path) -> None:
    template = synthesise(tmp_path, project=Project("app", (Workflow("undone", UndoneWorkflow),)))
    bucket, made = template.one("S3::Bucket", "Values")
    assert made["DeletionPolicy"] == "Delete"
    for step in ("write", "double", "burn", "unbind"):
        s3 = {each for each in template.grants(f"{MODULE}:{step}") if each[0].startswith("s3:")}
        assert s3 == {
            ("s3:GetObject", f"<{bucket}.Arn>/undone/*"),
            ("s3:PutObject", f"<{bucket}.Arn>/undone/*"),
            ("s3:ListBucket", f"<{bucket}.Arn>"),  # else a value that is gone reads as one that may not be read
        }
        assert text(variables(template, f"{MODULE}:{step}")["DURABLE_VALUES"]) == f"<{bucket}>"
    assert "DURABLE_VALUES" not in variables(template, f"{MODULE}:refuse")
    for entry in ("operations", "reconciler"):
        s3 = {each for each in template.grants(entry) if each[0].startswith("s3:")}
        reads = {("s3:GetObject", f"<{bucket}.Arn>/*")} if entry == "operations" else set()
        assert s3 == {("s3:DeleteObject", f"<{bucket}.Arn>/*"), ("s3:ListBucket", f"<{bucket}.Arn>"), *reads}
    rules = [each["Properties"] for each in template.of("Events::Rule").values()]
    swept = [rule for rule in rules if "values" in json.dumps(rule.get("Targets"))]
    assert [rule["ScheduleExpression"] for rule in swept] == ["rate(1 day)"]


def test_what_a_run_returns_is_read_by_who_shows_it_and_copied_by_who_hands_it_over(
    synthesise: Synthesise, tmp_path: Path
) -> None:
    made, call = Workflow("made", ReturningWorkflow), Workflow("caller", CallingWorkflow)
    opens = Workflow("opens", OpeningWorkflow)
    site = Worker("site", "tests.integration.cdk.large_site", bindings={"made": made})
    template = synthesise(tmp_path, project=Project("app", (made, call, opens, site)))
    bucket, _ = template.one("S3::Bucket", "Values")

    def granted(entry: str) -> set[tuple[str, str]]:
        found = {each for each in template.grants(entry) if each[0] in ("s3:GetObject", "s3:PutObject")}
        return {(action, resource.removeprefix(f"<{bucket}.Arn>/")) for action, resource in found}

    assert granted("worker") == {("s3:GetObject", "made/*")}
    described = text(variables(template, "worker")["DURABLE_BINDINGS"])
    assert f'"values":"<{bucket}>"' in described
    for entry in ("completion", "reconciler", "waker"):
        assert granted(entry) == {("s3:GetObject", "*"), ("s3:PutObject", "*")}
