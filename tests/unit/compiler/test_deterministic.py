"""The same source gives the same definition, in every process, and it is the one that is committed."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from durable.bindings import Workflow
from durable.build import asl_path
from durable.compiler import compile_workflow
from durable.project import load
from statemachines.onboarding import OnboardingWorkflow
from tests.unit.compiler import test_gathers, test_loops, test_tries
from tests.unit.compiler.written import written

PRINT = "from tests.unit.compiler import test_deterministic as t; print(t.texts())"
WORKFLOWS = load("app").workflows


def texts() -> str:
    """Return what workflows compile to that hold everything of the language."""
    body = """
        a = await step.do("a", fail, event.payload.user_id)
        b = event.payload.tags
        if event.payload.active and a in b or event.payload.nickname:
            c, d, e = a, b, event.payload.nickname
            await step.do("b", text, a)
            return [a, b, c, d, e]
        await step.sleep("c", "1 day")
        return b
    """
    bodies = [body]
    for each in (test_gathers, test_loops, test_tries):
        bodies += each.PROGRAMS.values()
    found = [compile_workflow(each.workflow).text for each in WORKFLOWS]
    found += [compile_workflow(written(each)).text for each in bodies]
    return re.sub(r"written_\d+", "written", "".join(found))  # the files are counted, also those of other tests


@pytest.mark.slow
def test_two_hash_seeds_give_one_text() -> None:
    here = [sys.executable, "-c", PRINT]
    started = [
        subprocess.Popen(here, env={**os.environ, "PYTHONHASHSEED": seed}, stdout=subprocess.PIPE, text=True)
        for seed in ("1", "2")
    ]
    found = [process.communicate()[0] for process in started]
    assert found[0] == found[1] == texts() + "\n"


@pytest.mark.parametrize("declared", WORKFLOWS, ids=lambda each: each.name)
def test_what_is_committed_is_what_the_class_compiles_to(declared: Workflow[object]) -> None:
    committed = asl_path(declared.workflow).read_text(encoding="utf-8")
    assert committed == compile_workflow(declared.workflow).text, "stale: run `make compile`"


def test_moving_code_does_not_change_the_definition() -> None:
    body = 'a = await step.do("a", text, event.payload.user_id)\nif a == "x":\n    return 1\nreturn 2'
    moved = body.replace("\n", "\n\n\n# moved\n", 1)
    assert compile_workflow(written(body)).text == compile_workflow(written(moved)).text


def test_onboarding_is_four_tasks_and_what_puts_two_of_them_side_by_side() -> None:
    *row, beside = compile_workflow(OnboardingWorkflow).definition["States"].items()
    assert [(name, state["Type"]) for name, state in row] == [("validate-user", "Task"), ("create-profile", "Task")]
    assert beside[1]["Type"] == "Parallel"
    branches = [state for branch in beside[1]["Branches"] for state in branch["States"].items()]
    assert [(name, state["Type"]) for name, state in branches] == [
        ("send-welcome-email", "Task"),
        ("initialize-settings", "Task"),
    ]
