"""`if`, `return` anywhere, `raise`, and what is known after them."""

from __future__ import annotations

import pytest

from tests.unit.compiler.both import agree, state_count
from tests.unit.compiler.sample import Address, User
from tests.unit.compiler.written import written

PLAIN = User(user_id="plain")
RICH = User(user_id="rich", age=40, nickname="Rich", address=Address(street_name="Main", zip_code=7), tags=["a"])
OLD = User(user_id="old", age=99, active=False, address=Address(street_name=""), tags=["b", "c"])

PROGRAMS = {
    "if without else": (
        """
        kind = "young"
        if event.payload.age > 18:
            kind = "old"
        saved = await step.do("save", text, kind)
        return [saved, kind]
        """,
        2,
    ),
    "if with else": (
        """
        user = await step.do("get", get_user, event.payload.user_id)
        if event.payload.active:
            note = await step.do("active", text, user.user_id)
        else:
            note = await step.do("inactive", text, "no")
        return await step.do("note", text, note)
        """,
        5,
    ),
    "elif": (
        """
        user = event.payload
        if user.age > 50:
            note = "old"
        elif user.age > 30:
            note = await step.do("middle", text, "middle")
        elif user.nickname:
            note = user.nickname
        else:
            note = "young"
        return f"{note}!"
        """,
        3,
    ),
    "return in one arm": (
        """
        if not event.payload.active:
            return "gone"
        return await step.do("a", text, "here")
        """,
        3,
    ),
    "return in all arms": (
        """
        if event.payload.active:
            return await step.do("a", text, "here")
        else:
            return await step.do("b", text, "gone")
        """,
        3,
    ),
    "return after arms": (
        """
        if event.payload.active:
            await step.do("a", text, "here")
        return event.payload.user_id
        """,
        3,
    ),
    "nested": (
        """
        user = event.payload
        total = 0
        if user.age > 20:
            if user.active:
                total = total + 1
            else:
                total = total + 10
                if user.address is not None:
                    if user.address.zip_code is None:
                        return total
            total = total + 100
        return total + user.age
        """,
        None,
    ),
    "none first": (
        """
        street = None
        if event.payload.address:
            street = event.payload.address.street_name
        await step.do("maybe", maybe, street)
        if street is None:
            return "none"
        return street + "!"
        """,
        None,
    ),
    "narrowing by early return": (
        """
        user = await step.do("find", maybe_user, event.payload.user_id)
        if user is None:
            return None
        if user.address is None or user.address.zip_code is None:
            return user.user_id
        return await step.do("save", save, user.address.zip_code)
        """,
        None,
    ),
    "narrowing by raise": (
        """
        if not event.payload.nickname:
            raise WorkflowError("nobody")
        return event.payload.nickname + "!"
        """,
        3,
    ),
    "raise of an author's own error": (
        """
        user = event.payload
        if user.age > 50:
            raise EmailTakenError
        elif user.age > 30:
            raise OutOfStockError(f"none for {user.user_id}")
        await step.do("a", text, "x")
        raise WorkflowError
        """,
        5,
    ),
    "union after arms": (
        """
        if event.payload.active:
            value = event.payload.address
        else:
            value = event.payload.nickname
        return value
        """,
        None,
    ),
    "same variable in arms, swapped": (
        """
        a = "a"
        b = "b"
        if event.payload.active:
            a, b = b, a
        c = await step.do("c", text, a + b)
        return [a, b, c]
        """,
        None,
    ),
    "condition on a step's result at once": (
        """
        count = await step.do("save", save, event.payload.age)
        if count > 50:
            count = count - 50
        if count > 20:
            count = count * 2
        return count
        """,
        None,
    ),
    "ends without return in an arm": (
        """
        if event.payload.active:
            await step.do("a", text, "x")
        elif event.payload.tags:
            return "tags"
        """,
        None,
    ),
    "conditions that need their order": (
        """
        user = event.payload
        if user.tags and user.tags[0] == "b" and len(user.tags) > 1 and user.tags[1] == "c":
            return "b, c"
        if user.address is not None and user.address.zip_code and user.address.zip_code > 5:
            return "zip"
        if user.address is None or user.address.street_name == "" or user.nickname is None:
            return "none"
        return user.nickname
        """,
        None,
    ),
    "not and or in conditions": (
        """
        user = event.payload
        found = []
        if not (user.active or user.age > 50):
            found = found + ["neither"]
        if not user.active or not user.nickname:
            found = found + ["inactive or nameless"]
        if not (user.nickname and user.tags):
            found = found + ["no name or tags"]
        if user.nickname and not user.tags or user.age == 99:
            found = found + ["one"]
        return found
        """,
        None,
    ),
    "early return of a list": ("if event.payload.tags:\n    return event.payload.tags\nreturn []", None),
    "nothing": ("pass", 1),
    "narrowed key": (
        """
        sizes = event.payload.options
        if "limit" in sizes:
            return sizes["limit"] + 1
        return sizes["theme"]
        """,
        None,
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name: str) -> None:
    body, states = PROGRAMS[name]
    workflow = written(body)
    users = {each.user_id: each for each in (PLAIN, RICH, OLD)}
    for user in users.values():
        agree(workflow, user, {"get": users.__getitem__, "find": users.get})
        agree(workflow, user, {"get": users.__getitem__, "find": lambda key: None})
    if states is not None:
        assert state_count(workflow) == states
