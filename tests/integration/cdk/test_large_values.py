"""The bucket of large values: who may write and read it, and that it is swept."""

from __future__ import annotations

import json
from pathlib import Path

from durable import Workflow
from durable.project import Project
from tests.integration.cdk.conftest import Synthesise
from tests.integration.cdk.template import Template, text
from tests.unit.testing.volumes import UndoneWorkflow, write

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
        assert s3 == {("s3:DeleteObject", f"<{bucket}.Arn>/*"), ("s3:ListBucket", f"<{bucket}.Arn>")}
    rules = [each["Properties"] for each in template.of("Events::Rule").values()]
    swept = [rule for rule in rules if "values" in json.dumps(rule.get("Targets"))]
    assert [rule["ScheduleExpression"] for rule in swept] == ["rate(1 day)"]
