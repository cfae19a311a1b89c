"""How the operators' Lambda knows what a step returns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from durable.aws import signatures
from durable.aws.signatures import check_result, deployed_signature
from durable.errors import InvalidInput
from durable.wire import STEPS_FILE


@pytest.fixture(autouse=True)
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The folder of a Lambda's code, with two steps: of one the module is not there."""
    steps = {"validate-user": "functions.onboarding.validate_user:validate_user", "paint": "no_such_module:paint"}
    (tmp_path / STEPS_FILE).write_text(json.dumps({"onboarding": steps}))
    monkeypatch.setenv("LAMBDA_TASK_ROOT", str(tmp_path))
    signatures._functions.cache_clear()
    yield
    signatures._functions.cache_clear()


def test_a_step_is_known_by_the_function_that_the_code_names() -> None:
    signature = deployed_signature("onboarding", "validate-user")
    assert signature is not None
    assert signature.import_name == "functions.onboarding.validate_user:validate_user"


@pytest.mark.parametrize(
    ("workflow", "step"), [("onboarding", "paint"), ("onboarding", "of yesterday"), ("other", "validate-user")]
)
def test_a_step_that_cannot_be_imported_here_is_not_known(workflow: str, step: str) -> None:
    assert deployed_signature(workflow, step) is None


def test_a_result_is_held_to_what_is_known() -> None:
    with pytest.raises(InvalidInput, match=r'the step "validate-user" returns .*result'):
        check_result("onboarding", "validate-user", 7)
    check_result("onboarding", "paint", 7)
