"""Models, dataclasses and TypedDicts built in `run`, natively and compiled; dicts where a step takes a model."""

from __future__ import annotations

import pytest

from durable.compiler import compile_workflow
from durable.errors import CompileError
from tests.unit.compiler.both import agree
from tests.unit.compiler.test_expressions import USERS
from tests.unit.compiler.written import written

FORMS = {
    "a model with defaults": (
        'u = sample.User(user_id="x", age=user.age, nickname=user.nickname)\n'
        'return [u, u.nickname, u.color == Color.RED, await step.do("r", rename, u, "bob")]'
    ),
    "a model by its aliases": 'return sample.Address(streetName="x", zipCode=len(user.tags))',
    "an Enum and a Literal": 'return sample.User(user_id="x", color=Color.BLUE, plan="paid", level=Level.HIGH).plan',
    "models in a model": (
        'v = sample.User(user_id="x", address=sample.Address(street_name=f"{user.age}"), point=Point(1))\n'
        "if v.address is not None:\n    return [v.address.street_name, v.point.y]\nreturn None"
    ),
    "a dataclass and a TypedDict": (
        'p = Point(user.age, y=3)\no = Options(theme="x")\nq = await step.do("settle", settle, p, o)\n'
        'return [p, q.x, o["theme"], p.x + q.y]'
    ),
    "a dataclass with other names in JSON": (
        'p = await step.do("send", send, sample.Parcel(sender_name="x", weight=user.age))\n'
        'q = await step.do("dict", send, {"senderName": p.sender_name})\n'
        "return [p.sender_name, p.weight, q.sender_name, replace(q, weight=5).weight]"
    ),
    "a TypedDict with other names in JSON": 'return await step.do("s", show, await step.do("l", label, "x"))',
    "fields of its own": 'd = Draft(title="x")\nreturn [d, d.lines, Draft(title="y", lines=["a"]).model_copy()]',
    "a copy with other fields": (
        'v = user.model_copy(update={"nickname": "z", "tags": [*user.tags, "q"]})\n'
        "return [v, v.nickname, user.nickname, replace(user.point, y=5)]"
    ),
    "in a comprehension": "return [sample.Address(street_name=t, zip_code=len(t)) for t in user.tags]",
    "in a lambda": "return sorted(user.tags, key=lambda t: (Point(len(t)).x, t))",
    "on one side": 'a = user.address or sample.Address(street_name="none")\nreturn a.street_name',
    "in a branch": (
        "async def one(t: str) -> sample.Address:\n    return sample.Address(street_name=t)\n\n"
        'return await step.map("m", one, user.tags)'
    ),
    "a dict for a model": 'return await step.do("r", rename, {"userId": "a", "age": user.age}, "b")',
    "models and dicts in a list": (
        'v = sample.User(user_id="x")\nd = Draft(title="y")\n'
        'return await step.do("t", titles, [d, {"title": "z", "lines": [v.user_id]}])'
    ),
    "a dict in a dict": 'd = {"user_id": "a", "point": {"x": 1}}\nreturn await step.do("r", rename, d, "b")',
}


@pytest.mark.parametrize("name", FORMS)
def test_an_object(name: str) -> None:
    workflow = written(f"user = event.payload\n{FORMS[name]}")
    for user in USERS:
        agree(workflow, user)


REFUSED = {
    "a key that is missing": ('await step.do("r", rename, {"age": 3}, "b")', "which is User"),
    "a key that is unknown": ('await step.do("r", rename, {"userId": "a", "agee": 3}, "b")', "which is User"),
    "a value of another type": ('await step.do("r", rename, {"userId": 5}, "b")', "which is User"),
    "a bool for a number": ("x = sample.User(user_id='x', age=True)", "for age, which is int"),
    "a dict with the names of Python": ('await step.do("s", send, {"sender_name": "a"})', "which is Parcel"),
    "a key with another name in JSON": ('x = (await step.do("l", label, "a"))["sender_name"]', "of Label"),
    "a list of dicts that fit not": ("x = Draft(title='x', lines=[1])", "for lines, which is list"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_object_that_does_not_fit_is_refused(name: str) -> None:
    body, said = REFUSED[name]
    with pytest.raises(CompileError, match=said):
        compile_workflow(written(body))
