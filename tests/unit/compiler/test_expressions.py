"""Every kind of expression, on values chosen to be awkward, natively and compiled."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from durable.compiler import compile_workflow
from tests.sweeps import sweep
from tests.unit.compiler.both import agree, run_compiled
from tests.unit.compiler.sample import Address, Color, Level, Point, Size, User
from tests.unit.compiler.written import written

USERS = [
    User(user_id="plain"),
    User(
        user_id='q"uo\\te {% x %} é😀',
        age=-7,
        score=1.5,
        active=False,
        nickname="",
        address=Address(street_name="Street", zip_code=0),
        tags=[""],
        sizes={"": 1, "and": 2, "in a key": 3},
        color=Color.BLUE,
        level=Level.HIGH,
        size=Size.LARGE,
        plan="paid",
        balance=Decimal("9.50"),
        joined=datetime(2026, 1, 2, tzinfo=UTC),
        point=Point(3, -4),
        pairs=[[]],
        options={"theme": "", "limit": 0},
        couple=("", 0),
    ),
    User(
        user_id="",
        age=9007199254740991,
        score=-0.0,
        nickname="plain",
        address=Address(street_name=""),
        tags=["a", "b", "plain"],
        sizes={"a": 0},
        pairs=[[1], [2, 3]],
        options={"theme": "dark", "limit": 12},
        couple=("x", 10),
    ),
]

VALUES = [
    "user",
    "user.user_id",
    "user.address",
    "user.joined",
    "user.balance",
    "user.point",
    "user.point.x",
    "user.color",
    "user.color.value",
    "user.tags",
    "user.pairs",
    "user.couple",
    "user.couple[0]",
    "user.couple[-1]",
    "user.options",
    'user.options["theme"]',
    'user.options.get("limit")',
    'user.options.get("limit", 5)',
    'user.options["limit"]',
    'user.options["limit"] + 1',
    'user.options["limit"] == 12',
    "user.tags[0]",
    "user.tags[-1]",
    "user.tags[2]",
    'user.tags[0] == ""',
    'user.tags[0] != "zzz"',
    "user.tags[user.point.x]",
    "user.pairs[0]",
    "user.pairs[1][0]",
    "user.pairs[0] + [user.age]",
    "user.pairs + [user.pairs[0]]",
    "user.pairs + [[1]]",
    'user.sizes["a"]',
    'user.sizes["a"] + 1',
    'user.sizes.get("a")',
    'user.sizes.get("a", 7)',
    'user.sizes.get("a") is None',
    'user.sizes["in a key"]',
    'user.sizes[""]',
    'user.sizes["and"]',
    "user.sizes.get(user.user_id, 0)",
    "user.age + 1",
    "user.age - 1 - 2",
    "user.age - (1 - 2)",
    "2 * (user.age + 3)",
    "-user.age",
    "-(user.age + 1)",
    "user.age - -1",
    "user.age / 4",
    "user.age // 4",
    "user.age // -4",
    "user.age % 4",
    "user.age % -4",
    "(user.age + 1) % 5 * 2",
    "user.score * 2 + 0.5",
    "user.score + user.age",
    "user.level + 1",
    "abs(user.age)",
    "max(user.age, 3, user.point.x)",
    "min(user.age, 3)",
    "sum(user.pairs[0])",
    "len(user.user_id)",
    "len(user.tags)",
    "len(user.pairs)",
    "len(user.sizes)",
    "len(user.options)",
    "len(user.couple)",
    "str(user.age)",
    "str(user.active)",
    "str(user.user_id)",
    "bool(user.tags)",
    "bool(user.nickname)",
    'f"{user.user_id}: {user.age} {user.active} {user.size}!"',
    'f"{user.age - 1}"',
    'f"{{}}"',
    'f""',
    '"a" + user.user_id + "b"',
    '"{% x %}"',
    '"{%"',
    '["{% x %}", {"{%": "{% y %}"}]',
    "None",
    "[]",
    "{}",
    "()",
    "[None, [None], {}]",
    "[user.tags]",
    "[*user.tags, user.user_id]",
    '["first", *user.tags]',
    '["first", *user.tags, *user.tags, "last"]',
    "[*user.pairs, [9]]",
    '{"a": user.tags, "b": {"c": user.address}}',
    'user.tags + ["x"]',
    'user.tags + [user.user_id, "x"]',
    "user.tags + user.tags",
    "[] + user.tags",
    "user.couple + (user.age,)",
    "user.active and user.age > 3",
    "user.active or user.age > 3",
    "user.nickname or user.user_id",
    'user.nickname or ""',
    "user.nickname and len(user.nickname)",
    'user.nickname or user.user_id or "none"',
    "user.age or user.point.x",
    "user.tags or None",
    "not user.active",
    "not user.nickname",
    "not (user.age > 3 and user.active)",
    '"adult" if user.age >= 18 else "child"',
    '{"a": 1} if user.active else {"a": user.age}',
    '["x"] if user.active else user.tags',
    "1 if user.active else None",
    '"a" if user.active else "b" if user.age > 3 else "c"',
    "user.address.zip_code if user.address else None",
    "user.address.street_name if user.address is not None else user.nickname",
    "user.address is not None and user.address.zip_code is not None and user.address.zip_code >= 0",
    "user.address is None or user.address.zip_code is None or user.address.zip_code > 3",
    'user.user_id < "p"',
    "user.user_id >= user.plan",
    "1 < user.age <= 9007199254740991",
    "user.age == user.score",
    "user.score == 0",
    'user.nickname == "plain"',
    'user.nickname != "plain"',
    "user.nickname == user.user_id",
    "user.nickname != user.user_id",
    "user.tags == []",
    'user.tags == ["a", "b", "plain"]',
    'user.tags != [""]',
    "user.pairs == [[1], [2, 3]]",
    "user.active == (user.age > 0)",
    "user.color == Color.RED",
    "user.color != Color.RED",
    "user.level > Level.LOW",
    "user.level == 2",
    'user.size == "small"',
    'user.plan == "paid"',
    "user.user_id in user.tags",
    '"" in user.tags',
    '"a" not in user.tags',
    "user.nickname in user.tags",
    'user.plan in ("free", "paid")',
    "user.age in [0, 1]",
    "user.user_id in NAMES",
    "user.color in [Color.RED]",
    '"a" in user.user_id',
    '"" in user.user_id',
    "user.user_id in user.plan",
    '"a" in user.sizes',
    '"" in user.sizes',
    "user.user_id in user.sizes",
    '"limit" in user.options',
    'user.user_id.startswith("pl")',
    'user.user_id.endswith("in")',
    'user.user_id.startswith("")',
    "user.user_id.endswith(user.plan)",
    "LIMIT + 1",
    "NAMES",
    "Color.BLUE",
    "sample.Level.HIGH",
    '[tag + "!" for tag in user.tags]',
    '[tag for tag in user.tags if tag != "a"]',
    "[pair[0] for pair in user.pairs]",
    "[len(pair) for pair in user.pairs]",
    '[{"tag": tag, "of": user.user_id} for tag in user.tags]',
    "[tag in user.tags for tag in NAMES]",
    "[None for tag in user.tags]",
    "event.instance_id + event.workflow_name",
    "event.payload.address",
]
TRUTHS = [
    *("user", "user.user_id", "user.age", "user.score", "user.active", "user.nickname", "user.address", "user.tags"),
    *("user.sizes", "user.pairs", "user.options", "user.couple", "user.level", "user.size", "user.plan", "None"),
    *("[]", "[0]", '{"a": 1}', "{}", "0.0", '""', '"x"', "user.tags[0]", 'user.sizes.get("a")', "user.pairs[0]"),
    *("user.nickname and user.tags", "user.nickname or user.tags", "user.active and user.age", "not user.tags"),
    *("user.address and user.address.zip_code", "user.address and not user.address.zip_code", "user.joined is None"),
    *("user.address is not None and user.address.street_name", "user.nickname is not None", "user.balance is None"),
    *("user.sizes['a']", "user.options.get('limit')", "user.options", "user.tags + ['x']", "f'{user.user_id}'"),
]


@pytest.mark.parametrize("expression", VALUES)
def test_value(expression: str) -> None:
    workflow = written(f"user = event.payload\nreturn {expression}")
    for user in USERS:
        agree(workflow, user)


@pytest.mark.parametrize("expression", sweep(VALUES, quick=50))
def test_value_inside_of_others(expression: str) -> None:
    workflow = written(f"""
        user = await step.do("get", get_user, event.payload.user_id)
        found = {expression}
        pair = [found, {{"x": found}}]
        known = await step.do("known", text, "x")
        return {{"found": found, "pair": pair, "known": known, "chosen": pair if known == "x" else None}}
    """)
    for user in USERS:
        agree(workflow, user, {"get": lambda key, user=user: user})


@pytest.mark.parametrize("expression", TRUTHS)
def test_truth(expression: str) -> None:
    workflow = written(f"""
        user = event.payload
        found = bool({expression})
        if {expression}:
            return [True, found]
        elif not ({expression}):
            return [False, found]
        return None
    """)
    for user in USERS:
        agree(workflow, user)


def test_a_sum_of_floats_is_that_of_the_python_of_lambdas_whichever_compiles() -> None:
    compiled = compile_workflow(written("return sum([event.payload.score] * 10)"))
    assert run_compiled(compiled, User(user_id="u", score=0.1)).output == 1.0
