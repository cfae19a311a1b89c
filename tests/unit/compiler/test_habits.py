"""Python as authors write it out of habit: each form natively and compiled, on several payloads."""

from __future__ import annotations

import pytest

from durable.compiler import compile_workflow
from durable.errors import CompileError
from tests.unit.compiler.both import agree, run_compiled
from tests.unit.compiler.sample import User
from tests.unit.compiler.test_expressions import USERS
from tests.unit.compiler.written import written

PROGRAMS = {
    "what a step returns is put into a dict": """
        user = event.payload
        found: dict[str, int] = {}
        for tag in ["x", *user.tags]:
            found[tag] = await step.do("save", save, len(tag) + len(found))
        found["last"], more = await asyncio.gather(step.do("one", save, 1), step.do("two", save, 2))
        found["more"] = more
        return found
    """,
    "results are put into a dict side by side": """
        user = event.payload
        found = {"a": 0, "b": 0}
        found["a"], found[user.user_id], last = 1, 2, 3
        found["a"], found["c"] = await asyncio.gather(step.do("one", save, found["a"]), step.do("two", save, 2))
        return [found, last]
    """,
    "lists of one length": """
        user = event.payload
        pairs = [f"{a}{b}" for a, b in zip(user.tags, ["x", "y"][: len(user.tags)], strict=True)]
        for tag, number in list(zip(user.tags, range(2), strict=True)):
            pairs.append(await step.do("a", text, f"{tag}{number}"))
        return dict(zip(pairs, user.tags + pairs, strict=False))
    """,
    "one of two steps is awaited": """
        user = event.payload
        n = await (step.do("a", save, 1) if user.active else step.do("b", save, 2))
        await (step.sleep("short", 1) if n > 2 else step.sleep("long", "1 hour"))
        return await (step.do("c", text, "c") if user.tags and user.tags[0] == "a" else step.do("d", text, "d"))
    """,
    "a guard with a name, in a loop": """
        pets: list[str] = []
        for name in ["cat", "dog", "cat"]:
            match await step.do("pet", pet, name):
                case Cat() as cat if cat.lives > 1 and not pets:
                    pets.append(f"{cat.name} of {cat.lives}")
                case other:
                    pets.append(other.kind)
        return pets
    """,
    "results that are models or errors": """
        async def user(name: str) -> User:
            if name == "b":
                raise WorkflowError("no b")
            return await step.do("user", get_user, name)

        found = await asyncio.gather(*(user(name) for name in ["a", "b", "c"]), return_exceptions=True)
        good = [each for each in found if isinstance(each, User)]
        either = any(isinstance(each, (User, WorkflowError)) for each in found[1:2])
        return [len(good), [each.user_id for each in good], either, isinstance(found[1], (User, OutOfStockError))]
    """,
    "lengths of time that are texts of the run": """
        user = event.payload
        for number in range(1, 3):
            await step.sleep("a", f"{number} minutes")
        await step.sleep("b", "1 day" if user.active else "2 days")
        await step.sleep("c", " ".join(["1.5", "hours"]))
        await step.do("d", text, "d", timeout=f"{max(user.age, 1) % 800 + 1} seconds")
        try:
            await step.wait_for_event("e", type="e", timeout=f"{len(user.tags) + 1} weeks")
        except StepTimeoutError:
            return "nothing came"
    """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_habit(name: str) -> None:
    workflow = written(PROGRAMS[name])
    for user in USERS:
        agree(workflow, user)


@pytest.mark.parametrize(
    "body",
    [
        """
        found = []
        for a, b in zip(event.payload.tags, ["x", "y"], strict=True):
            found.append(await step.do("text", text, a + b))
        else:
            found.append("all")
        return found
        """,
        """
        found, n = [], 0
        try:
            for n, (a, b, c) in enumerate(zip(event.payload.tags, range(2), ["x", "y"], strict=True), 1):
                if n > event.payload.point.x + 1:
                    break
                found.append(f"{n}{a}{b}{c}")
        except ValueError:
            found.append("other lengths")
        finally:
            found.append("done")
        return [*found, n]
        """,
        """
        tags = event.payload.tags
        try:
            for a, b in zip(tags, [*tags, "more"], strict=True):
                tags = [a, b]
            return tags
        except ValueError as error:
            return [*tags, str(error)]
        """,
    ],
)
def test_a_strict_zip_fails_after_the_rounds_of_its_loop(body: str) -> None:
    for user in USERS:
        agree(written(body), user)


def test_lists_that_are_zipped_strictly_have_one_length_or_end_the_run() -> None:
    workflow = written('return [f"{a}{b}" for a, b in zip(event.payload.tags, ["x", "y"], strict=True)]')
    ends = [agree(workflow, user).error for user in [*USERS, User(user_id="u", tags=["a", "b"])]]
    assert set(ends) == {"ValueError", None}


@pytest.mark.parametrize("length", ["", "3", "3 dayz", "-1 days", "1.5.2 hours", "3 days!", "days"])
def test_a_text_of_the_run_that_is_no_length_of_time_ends_it(length: str) -> None:
    workflow = written('await step.sleep("a", event.payload.user_id)\nreturn "slept"')
    found = run_compiled(compile_workflow(workflow), User(user_id=length))
    assert (found.error, found.output) == ("States.QueryEvaluationError", None)


def test_a_written_text_that_is_no_length_of_time_is_refused_also_in_an_arm() -> None:
    with pytest.raises(CompileError, match="3 dayz"):
        compile_workflow(written('await step.sleep("a", "1 day" if event.payload.active else "3 dayz")'))


def test_what_is_spread_out_of_a_refused_value_is_not_reported_again() -> None:
    body = """
        options = await step.do("a", undefined_step)
        more = {**options, "tags": ["a"]}
        other = options | {"b": 1}
        return [more["width"], other["height"]]
    """
    with pytest.raises(CompileError) as refused:
        compile_workflow(written(body))
    assert len(str(refused.value).splitlines()) == 1


def test_many_errors_are_named_once() -> None:
    body = """
        (found,) = await asyncio.gather(step.do("a", anything), return_exceptions=True)
        return isinstance(found, Draft)
    """
    with pytest.raises(CompileError) as refused:
        compile_workflow(written(body))
    assert str(refused.value).count("an exception") <= 1
