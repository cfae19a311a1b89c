"""What the error of an expression says, where an `except` reads it: natively and compiled, or refused."""

from __future__ import annotations

import textwrap

import pytest

from durable.compiler import compile_workflow
from durable.errors import CompileError
from tests.unit.compiler.both import agree
from tests.unit.compiler.test_expressions import USERS
from tests.unit.compiler.written import written

SAID = {
    "a key that is written out": """
        try:
            return user.sizes["it's \\n k"]
        except KeyError as error:
            return [str(error), f"no {error}", type(error).__name__]
    """,
    "a key that is a number": """
        levels = {1: "a"}
        try:
            return levels[user.point.x]
        except KeyError as error:
            return str(error)
    """,
    "an index of a list or tuple": """
        try:
            return user.tags[2] + tuple(user.tags)[user.point.x + 3]
        except IndexError as error:
            return str(error)
    """,
    "an index of a string": """
        try:
            return user.user_id[30]
        except IndexError as error:
            return f"{error}"
    """,
    "one of several": """
        try:
            t = user.tags[2]
            return t + str(user.sizes["zz"])
        except (IndexError, KeyError) as error:
            return [str(error), type(error).__name__]
    """,
    "of a step too": """
        try:
            x = user.tags[5] if user.active else user.sizes["k"]
            return await step.do("f", fail, "x")
        except Exception as error:
            return str(error)
    """,
    "through a `finally` and a function": """
        def second(tags: list[str]) -> str:
            return tags[1]

        found = []
        try:
            try:
                found.append(second(user.tags))
            finally:
                found.append("done")
        except IndexError as error:
            found.append(str(error))
        return found
    """,
}


@pytest.mark.parametrize("name", SAID)
def test_it_says_what_cpython_says(name: str) -> None:
    workflow = written(f"user = event.payload\n{textwrap.dedent(SAID[name])}")
    for user in USERS:
        agree(workflow, user)


@pytest.mark.parametrize(
    "body",
    [
        "try:\n    return user.sizes[user.user_id]\nexcept KeyError as error:\n    return str(error)",
        "try:\n    return user.sizes[str(user.age)]\nexcept KeyError as error:\n    return str(error)",
        'xs = ["a"]\ntry:\n    xs.pop(1)\n    return xs[4]\nexcept IndexError as error:\n    return str(error)',
        'xs = ["a"]\ntry:\n    xs[2] = xs[4]\n    return xs\nexcept IndexError as error:\n    return str(error)',
        "try:\n    return 5 // user.age\nexcept ZeroDivisionError as error:\n    return str(error)",
    ],
)
def test_what_a_state_machine_cannot_say_is_refused(body: str) -> None:
    with pytest.raises(CompileError, match="says is not what CPython says"):
        compile_workflow(written(f"user = event.payload\n{body}"))


def test_where_nothing_reads_it_the_place_is_said() -> None:
    body = "try:\n    x = event.payload.tags[2]\nfinally:\n    y = 1\nreturn x"
    text = compile_workflow(written(body)).text
    assert "`x = event.payload.tags[2]`, written_" in text
    assert "list index out of range" not in text
