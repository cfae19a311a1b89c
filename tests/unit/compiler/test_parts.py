"""Maps go through their items in parts: with the results of one map, in both flavours and in a sandbox."""

from __future__ import annotations

import pytest

from durable.compiler import compile_workflow
from durable.compiler.asl import parts
from durable.compiler.asl.segments import standard
from durable.compiler.asl.walk import states_within
from durable.testing import Sandbox
from tests.unit.compiler.both import agree
from tests.unit.compiler.sample import EmailTakenError, User
from tests.unit.compiler.test_wide_maps import KEPT, LISTS, MAP, TIMED
from tests.unit.compiler.written import written

WORDS = """
    async def one(word: str) -> str:
        return await step.do("a", text, word + "!")

    return [await step.map("all", one, event.payload.tags, concurrency=1), await step.do("b", text, "done")]
"""
UNREAD = """
    for number in range(2):
        async def one(item: int) -> int:
            return await step.do("a", save, item + number)

        await step.map("all", one, range(number, event.payload.age, 1), concurrency=1)
"""
SLEEPING = """
    async def one(number: int) -> int:
        await step.sleep("nap", "2 hours")
        return number

    await step.sleep("before", "1 hour")
    found = await step.map("all", one, range(event.payload.age), concurrency=1)
    await step.sleep("after", "1 hour")
    return found
"""


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MOST_ITEMS", 2)
    monkeypatch.setattr(parts, "TURNS", 1)


def narrow(body: str) -> str:
    for wide in ("100", "41", "120", "1_600"):
        body = body.replace(f"concurrency={wide}", "concurrency=2")
    return body


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("count", [0, 1, 2, 3, 7])
@pytest.mark.parametrize("body", [*map(narrow, (MAP, LISTS, TIMED, KEPT)), WORDS, UNREAD, SLEEPING])
def test_parts_are_as_one_map(body: str, count: int) -> None:
    workflow = written(body)
    user = User(
        user_id="u", age=count, pairs=[[1] * (n % 3) for n in range(count)], tags=[f"x{n}" for n in range(count)]
    )
    native = agree(workflow, user, ordered=False)
    run = Sandbox(workflow).run(user)
    assert run.output == native.output
    assert run.elapsed == native.elapsed


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("count", [0, 1, 83, 130])
@pytest.mark.parametrize("body", [MAP, LISTS, KEPT.replace("1_600", "41"), TIMED.replace("120", "41")])
def test_parts_of_a_wide_map_are_as_one_map(body: str, count: int) -> None:
    user = User(user_id="u", age=count, pairs=[[1] * (n % 3) for n in range(count)], tags=["x"] * count)
    agree(written(body), user, ordered=False)


@pytest.mark.usefixtures("_small")
def test_the_steps_of_all_parts_have_keys_of_their_own() -> None:
    run = Sandbox(written(WORDS)).run(User(user_id="u", tags=["x", "y", "z"]))
    assert [each.key for each in run.steps] == ["all[0]/a", "all[1]/a", "all[2]/a", "b"]


@pytest.mark.usefixtures("_small")
def test_no_part_begins_after_one_that_failed() -> None:
    def fail(word: str) -> str:
        raise EmailTakenError

    run = agree(written(WORDS), User(user_id="u", tags=["x", "y", "z"]), {"a": fail})
    assert (run.error, len(run.calls)) == ("EmailTakenError", 1)


def test_a_part_of_a_map_that_waits_fits_a_standard_execution() -> None:
    states = standard(compile_workflow(written(SLEEPING)).definition)["States"]
    size = int(states["all"]["Assign"]["part_of_1"].rpartition("+ ")[2].removesuffix(" %}"))
    assert 100 < size * len(list(states_within(states["all"]))) * 2 < 25_000


@pytest.mark.parametrize("items", ["range({})", "range(7, {}, 1)", "range({}, 0, -1)"])
@pytest.mark.parametrize("concurrency", [1, 100])
def test_a_part_of_a_hundred_thousand_numbers_is_made_as_quickly_as_one_of_a_thousand(
    concurrency: int, items: str
) -> None:
    """Step Functions gives an expression one second; `durable.asl` counts what it evaluates."""
    body = UNREAD.replace("range(number, event.payload.age, 1)", items.format("event.payload.age"))
    sandbox = Sandbox(written(body.replace("concurrency=1)", f"concurrency={concurrency})")))
    sandbox.stub("a").raises(EmailTakenError)
    error = sandbox.run(User(user_id="u", age=100_000)).error
    assert error is not None
    assert error.name == "EmailTakenError"


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("items", ["range(10, {}, 3)", "range({}, -5, -4)", "range(20, {})"])
@pytest.mark.parametrize("concurrency", [1, 41])
def test_a_part_of_a_range_has_the_numbers_that_are_its_share(items: str, concurrency: int) -> None:
    body = MAP.replace("range(event.payload.age)", items.format("event.payload.age"))
    body = body.replace("concurrency=100", f"concurrency={concurrency}")
    for count in (0, 10, 11, 97):
        agree(written(body), User(user_id="u", age=count), ordered=False)
