"""`match` and `isinstance`: by values, by the Literal that tells models apart, by the shape of a value."""

from __future__ import annotations

import pytest

from durable.compiler import compile_workflow
from durable.errors import CompileError
from tests.unit.compiler.both import agree, state_count
from tests.unit.compiler.sample import Cat, Dog, Fish
from tests.unit.compiler.test_expressions import USERS
from tests.unit.compiler.written import written

FORMS = {
    "values": 'match user.plan:\n    case "free":\n        x = 1\n    case "paid":\n        x = 2\nreturn x',
    "members of an Enum": (
        "match user.color:\n    case Color.RED:\n        return 'r'\n    case Color.BLUE:\n        return 'b'"
    ),
    "None and others": (
        "match user.nickname:\n    case None | '':\n        return 0\n    case 'plain' | 'x':\n        return 1\n"
        "    case n:\n        return n.upper()"
    ),
    "numbers": (
        "match len(user.tags):\n    case 0:\n        return 'none'\n    case 1 | 2:\n"
        "        return 'few'\nreturn 'many'"
    ),
    "tuples and guards": (
        "match (user.plan, len(user.tags)):\n    case ('free', 0):\n        return 'a'\n"
        "    case ('paid', n):\n        return n\n"
        "    case (_, n) if n > 2:\n        return -n\n    case other:\n        return other"
    ),
    "lists": (
        "match user.tags:\n    case []:\n        return 0\n    case [one]:\n        return one\n    case [a, b, _]:\n"
        "        return [b, a]\nreturn 'more'"
    ),
    "keys": (
        "match user.options:\n    case {'theme': 'dark', 'limit': n}:\n        return n\n    case {'theme': t}:\n"
        "        return t\nreturn None"
    ),
    "a guard that fails after its pattern has bound a name": (
        "first, n = 'z', 0\nmatch user.tags:\n    case [first] if first == 'q':\n        return 'q'\n"
        "    case [first, _, _]:\n        return first\nmatch user.age:\n    case n if n == -1:\n        return n\n"
        "    case 3:\n        return 'three'\nreturn [first, n]"
    ),
    "a name of the pattern that is matched itself": (
        "pair = (1, user.tags)\nmatch pair:\n    case (pair, other) if len(other) > 5:\n        return [pair, other]\n"
        "    case (pair, other):\n        return [other, pair]"
    ),
    "in a loop": (
        "n = 0\nfor tag in user.tags:\n    match tag:\n        case 'a':\n            continue\n        case 'plain':\n"
        "            break\n    n += 1\nreturn n"
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_match(name: str) -> None:
    workflow = written(f"user = event.payload\n{FORMS[name]}")
    for user in USERS:
        agree(workflow, user)


OF_PETS = {
    "classes": (
        "match p:\n    case Dog(name=n) if n == 'rex':\n        return f'rex {n}'\n"
        "    case Dog(tricks=[]):\n        return p.name\n"
        "    case Cat(lives=9) | Fish():\n        return p.kind\n    case Cat() as c:\n"
        "        return c.lives\n    case _:\n"
        "        return 'tricky'"
    ),
    "isinstance": (
        "if isinstance(p, Dog):\n    return p.tricks\nelif isinstance(p, (Cat, Fish)):\n"
        "    return [p.kind, isinstance(p, Cat)]"
    ),
    "isinstance in an expression": "return [isinstance(p, Dog | Cat) and p.name, 1 if not isinstance(p, Fish) else 2]",
    "in a list": "return [each.name for each in [p, p] if isinstance(each, Dog)]",
}


@pytest.mark.parametrize("name", OF_PETS)
def test_models_of_a_union(name: str) -> None:
    workflow = written(f'p = await step.do("pet", pet, "x")\n{OF_PETS[name]}')
    pets = [
        Dog(name="rex"),
        Dog(name="a", tricks=["sit"]),
        Dog(name="b"),
        Cat(name="c"),
        Cat(kind="kitten", name="d", lives=1),
    ]
    for each in [*pets, Fish()]:
        agree(workflow, USERS[0], {"pet": lambda name, each=each: each})


@pytest.mark.parametrize("value", ["text", 3, [], [1, 2], [1], None])
def test_values_of_several_shapes(value: object) -> None:
    body = (
        'm = await step.do("mixed", mixed, "x")\nmatch m:\n    case str(s):\n'
        "        return s.upper()\n    case int():\n"
        "        return m + 1\n    case [a, b]:\n        return a + b\n    case []:\n"
        "        return 'empty'\n    case None:\n"
        "        return 'none'\nreturn [m, isinstance(m, list)]"
    )
    agree(written(body), USERS[0], {"mixed": lambda name: value})


def test_a_caught_error_is_told_by_its_class() -> None:
    body = (
        'try:\n    await step.do("s", fail_otherwise, "x")\n    await step.do("t", fail, "x")\n'
        "except (OutOfStockError, EmailTakenError) as error:\n    if isinstance(error, EmailTakenError):\n"
        "        return 'taken'\n    return isinstance(error, StepError)"
    )
    agree(written(body), USERS[0])
    agree(written(body), USERS[0], {"s": lambda value: value})


def test_a_match_is_one_choice() -> None:
    body = (
        "match event.payload.age:\n    case 1:\n        n = 1\n    case 2 | 3:\n        n = 2\n"
        "    case _:\n        n = 3\n"
    )
    assert state_count(written(body + 'return await step.do("s", save, n)')) == 2


def test_models_that_nothing_tells_apart_are_refused() -> None:
    with pytest.raises(CompileError, match="cannot tell User and Address apart by their JSON"):
        compile_workflow(written("x = event.payload.address or event.payload\nreturn isinstance(x, User)"))
