"""What can only be wrong in the run fails with Python's error, the author's expression, and its line."""

from __future__ import annotations

import pytest

from durable.testing import Sandbox
from durable.testing.native import run_natively
from tests.unit.compiler.sample import User
from tests.unit.compiler.written import FIRST_LINE, written

FAILS = {
    "an item": ("return user.tags[5]", "IndexError", "user.tags[5]"),
    "an item before a field": ("x = user.tags[3].upper()\nreturn x", "IndexError", "user.tags[3]"),
    "an item in a test": ("if user.tags[0] == 'x':\n    return 1\nreturn 2", "IndexError", "user.tags[0]"),
    "a key": ("d = {'a': 1}\nreturn d[user.user_id]", "KeyError", "d[user.user_id]"),
    "a divisor": ("n = user.age\nreturn [7 % n]", "ZeroDivisionError", "7 % n"),
    "an empty list": ("return max([t for t in user.tags])", "ValueError", "max([t for t in user.tags])"),
    "an unpacking": ("a, b = user.tags\nreturn a", "ValueError", "a, b"),
    "a length of time": ("await step.sleep('a', user.age - 1)\nreturn 1", "DurationError", "user.age - 1"),
    "a default that is not needed": ("return {'a': 1}.get('a', 1 // user.age)", "ZeroDivisionError", "1 // user.age"),
    "another default": ("return min([2], default=1 // user.age)", "ZeroDivisionError", "1 // user.age"),
}


@pytest.mark.parametrize("name", FAILS)
def test_the_error_names_the_expression_and_its_line(name: str) -> None:
    body, error, expression = FAILS[name]
    workflow, user = written("user = event.payload\n" + body), User(user_id="u")
    assert run_natively(workflow, user).error == error
    found = Sandbox(workflow).run(user).error
    assert found is not None
    line = FIRST_LINE + 1 + next(n for n, each in enumerate(body.splitlines()) if expression in each)
    assert found.message.startswith(f"{error}: `{expression}`, written_")
    assert found.message.endswith(f".py:{line}")
