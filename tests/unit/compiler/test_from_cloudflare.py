"""The Python of docs/from-cloudflare.md: its workflow compiles, and each line of its app.py declares what it says."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import durable
from durable import Schedule
from durable.bindings import Binding
from durable.bindings.kinds import KINDS
from durable.compiler import compile_workflow
from functions.onboarding.deliver_email import deliver_email
from statemachines.onboarding import OnboardingWorkflow
from tests.unit.compiler.both import all_states

PAGE = (Path(__file__).parents[3] / "docs" / "from-cloudflare.md").read_text(encoding="utf-8")
HEAD = """
from durable import Retries, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from functions.onboarding.create_profile import create_profile
from functions.onboarding.models import SignUp
from functions.onboarding.validate_user import validate_user


"""
CONFIGURATION = PAGE.partition("## The configuration, line by line")[2].partition("\n## ")[0]
DECLARATIONS = [
    line
    for row in re.findall(r"^\|(.*)\|$", CONFIGURATION, re.MULTILINE)
    for line in re.findall(r"`(?:\w+ = )?([A-Z]\w+\([^`]*\))`", row.split(" | ")[-1])
]
NAMES = {**vars(durable), "OnboardingWorkflow": OnboardingWorkflow, "deliver_email": deliver_email}
LEFT_OUT = {
    "Worker(…": "Worker('website', 'functions.api'",
    "{…}": "{}",
    "=…": "=None",
    "(…": "('onboarding', OnboardingWorkflow",
}


def test_the_workflow_compiles(imported: Callable[[str], ModuleType]) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    compiled = compile_workflow(imported(HEAD + example).OnboardingWorkflow)

    assert set(all_states(compiled.definition)) >= {"validate-user", "create-profile", "a day later"}


def test_each_kind_of_declaration_is_there() -> None:
    bindings = {each.declaration.rpartition(":")[2] for each in KINDS.values()}
    assert {line.partition("(")[0] for line in DECLARATIONS} == bindings | {"Schedule"}


@pytest.mark.parametrize("line", DECLARATIONS)
def test_a_line_of_app_py_declares_what_it_says(line: str) -> None:
    for shown, meant in LEFT_OUT.items():
        line = line.replace(shown, meant)

    assert isinstance(eval(line, NAMES), Binding | Schedule)
