"""Python as engineers write it who know nothing of the compiler: each program natively and compiled."""

from __future__ import annotations

import pytest

from durable.compiler import compile_workflow
from durable.errors import CompileError
from tests.unit.compiler.both import agree
from tests.unit.compiler.test_expressions import USERS
from tests.unit.compiler.written import written

PROGRAMS = {
    "a list is gone through in batches whose size the run knows": """
        xs = [*event.payload.tags, "a", "b", "c", "d", "e"]
        size = await step.do("size", save, 2)
        batches = [xs[i : i + size] for i in range(0, len(xs), size)]
        down = []
        for i in range(len(xs), -size, -size):
            down.append(await step.do("down", save, i))
        inside = [n in range(0, 9, size) for n in (0, 1, 8, 9)]
        return [batches, down, inside, list(range(size, 0, size - 4))]
    """,
    "a range of the run whose step is 0 ends it, or is caught": """
        step_of = await step.do("n", save, 0)
        try:
            return list(range(0, len(event.payload.tags), step_of))
        except ValueError:
            return await step.do("caught", text, "caught")
    """,
    "tuples have an order": """
        tags = event.payload.tags
        a, b = (len(tags), "x", 1.5), (await step.do("n", save, 1), "y", 1)
        today = event.timestamp
        born = MOMENT
        age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
        return [a < b, a <= b, a > b, a >= b, (1, 2) < (1, 2, len(tags)), (1, "a") >= (1,), () <= (), age, 3 + (a < b)]
    """,
    "one of several tuples and lists is gone through": """
        tags = event.payload.tags
        found = []
        for place in ("staging", "prod") if tags else ("preview",):
            found.append(await step.do("t", text, place))
        for n in (1, 2) if event.payload.active else [3]:
            found.append(str(n))
        names = ("a",) if tags else ("b", "c", "d")
        return [found, [name.upper() for name in names], ",".join(names), sorted(names), max(names), list(names),
                [f"{n}{name}" for n, name in enumerate(names, 1)], [*names, "x"], list(zip(names, names)),
                await asyncio.gather(*(step.do("side", text, name) for name in names)), list(reversed(names)),
                await step.map("map", lambda name: step.do("each", text, name), names)]
    """,
    "members of an Enum have names": """
        levels = {each.name.lower(): each.value for each in Level}
        level = Level.HIGH if event.payload.active else Level.LOW
        moods = [Color.RED, Color.BLUE if event.payload.tags else Color.RED]
        return [levels, level.name, f"{moods[1].name}", [each.name for each in moods], Level.LOW.name]
    """,
    "map and filter": """
        tags = event.payload.tags

        def twice(n: int) -> int:
            return n * 2

        async def saved(n: int) -> int:
            return await step.do("save", save, twice(n))

        kept = list(filter(None, [*tags, ""]))
        lengths = await asyncio.gather(*map(saved, [3, *map(len, kept)]))
        for n in filter(lambda n: n > 6, lengths):
            kept.append(await step.do("big", text, str(n)))
        for place, tag in enumerate(map(str.upper, tags)):
            kept += [f"{place}{tag}"]
        return [kept, ",".join(map(str, lengths)), sum(map(twice, lengths)), max(map(abs, lengths)), any(kept)]
    """,
    "several lists and dicts are begun in one line": """
        found, lost = {}, []
        count, names = 0, list(event.payload.tags)
        for tag in ["x", *event.payload.tags]:
            found[tag] = await step.do("n", save, len(found))
            lost += [tag]
            count += 1
        names.append("z")
        a, b = await asyncio.gather(step.do("a", numbers, 1), step.do("b", numbers, 2))
        a.append(7)
        return [found, lost, count, names, a, b]
    """,
    "a dict is sorted by its keys, whatever it holds": """
        users = {tag: await step.do("user", get_user, tag) for tag in ["b", "a", *event.payload.tags]}
        numbers = {3: [1], 20: [2], 1: [3]}
        first = min(users.items())
        return [[f"{k} {u.user_id}" for k, u in sorted(users.items())], sorted(numbers.items(), reverse=True), first[0]]
    """,
    "the keys of dicts are sets": """
        ours = dict.fromkeys(event.payload.tags, 1)
        theirs = {"a": 2, "z": 3}
        both = sorted(ours.keys() & theirs.keys())
        return [both, sorted(theirs.keys() - ours.keys()), sorted(ours.keys() | {"q"}), len({"a"} ^ theirs.keys())]
    """,
    "classes are matched by the places of their fields": """
        point = Point(x=len(event.payload.tags), y=1)
        match point:
            case Point(0, y):
                return await step.do("on the axis", save, y)
            case Point(x, y=1) if x > 1:
                return x
            case Point(x):
                return [x]
    """,
    "what `and` gives of an object is what stands right of it": """
        users = [await step.do("user", get_user, tag) for tag in event.payload.tags]
        user = users[0] if users else None
        parts = [part for part in (user and user.user_id, event.payload.user_id) if part]
        return ", ".join(parts)
    """,
    "a list grows while its first numbers are counted": """
        xs = list(event.payload.tags)
        found = {"a": 1}
        for i in range(len(xs)):
            xs.append(await step.do("t", text, str(i)))
        for i in range(len(found), 3):
            found[f"k{i}"] = await step.do("n", save, i)
        groups: dict[str, list[int]] = {}
        for i in range(len(groups), 2):
            groups.setdefault(f"k{i}", []).append(i)
        return [xs, found, groups]
    """,
    "a generator whose items nothing changes": """
        found = []
        for place, tag in enumerate(tag + "!" for tag in event.payload.tags if tag):
            found.append(await step.do("t", text, f"{place}{tag}"))
        return found
    """,
    "lists are filled, put into another one, and begun anew": """
        batches: list[list[str]] = []
        batch: list[str] = []
        size = 0
        for tag in [*event.payload.tags, "long", "x", "longer", "y", "z"]:
            if batch and size + len(tag) > 5:
                batches.append(batch)
                size = 0
                batch = []
            batch.append(await step.do("t", text, tag))
            size += len(tag)
        if batch:
            batches.append(batch)
        pairs: list[list[int]] = []
        pair: list[int] = []
        for n in range(5):
            pair.append(n)
            if len(pair) == 2:
                pairs.append(pair)
                pair, size = [], size + 1
        return [batches, pairs, pair, size]
    """,
    "each round makes an object and keeps it": """
        history: list[Point] = []
        for place, tag in enumerate(["a", *event.payload.tags]):
            point = Point(x=place)
            point.y = await step.do("n", save, place + 1)
            if tag == "a":
                point.y += 10
            history.append(point)
            if point.y > 12:
                break
        groups: dict[str, list[str]] = {}
        for tag in event.payload.tags:
            found = [tag]
            for n in range(2):
                found.append(f"{tag}{n}")
            groups[tag] = found
        return [history, groups]
    """,
    "a field that was None is read after it was assigned": """
        user = await step.do("user", get_user, event.payload.user_id)
        if user.nickname is None:
            user.nickname = await step.do("t", text, "name")
            user.age = len(user.nickname)
        user.nickname = user.nickname.upper()
        if user.address is not None:
            user.age = user.age + 1
            return [user.address.street_name, user.age, user.nickname.lower()]
        return [user.age, user.nickname]
    """,
    "times and tuples are looked for in a list": """
        day = MOMENT.date()
        days = [day, day + timedelta(days=len(event.payload.tags))]
        pairs = [(tag, place) for place, tag in enumerate(event.payload.tags)]
        moments = [event.timestamp, MOMENT]
        return [
            day + timedelta(days=1) in days,
            day not in days,
            ("a", 0) in pairs,
            ("b", len(pairs)) not in pairs,
            MOMENT in moments,
            event.timestamp + timedelta(days=1) in moments,
            [(name, n) for n, name in enumerate(NAMES) if (name, n) not in pairs],
        ]
    """,
    "errors of Python about the world": """
        if event.payload.tags:
            raise TimeoutError(f"{len(event.payload.tags)} tags took too long")
        try:
            raise ConnectionError("gone")
        except OSError as error:
            return str(error)
    """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program(name: str) -> None:
    workflow = written(PROGRAMS[name])
    for user in USERS:
        agree(workflow, user)


REFUSED = {
    "a generator that fails between the rounds": """
        for n in (10 // len(tag) for tag in event.payload.tags):
            await step.do("n", save, n)
    """,
    "a generator that reads what the loop assigns": """
        total = 0
        for n in (len(tag) + total for tag in event.payload.tags):
            total += await step.do("n", save, n)
    """,
    "a generator that reads what the loop changes": """
        seen: list[str] = []
        for tag in (tag for tag in event.payload.tags if tag not in seen):
            seen.append(await step.do("t", text, tag))
    """,
    "a filter that reads what the loop changes, in enumerate": """
        seen: list[str] = []
        for place, tag in enumerate(filter(lambda tag: tag not in seen, event.payload.tags)):
            seen.append(await step.do("t", text, tag))
    """,
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_generator_whose_items_depend_on_the_rounds_is_refused(name: str) -> None:
    with pytest.raises(CompileError, match=r"is worked out item by item.*; write `for y in ys:`"):
        compile_workflow(written(REFUSED[name]))


SHARED = {
    "changed after it was kept": """
        kept = []
        for tag in event.payload.tags:
            found = [tag]
            kept.append(found)
            found.append("more")
        return kept
    """,
    "changed in the next round, before it is made anew": """
        kept = []
        found: list[str] = []
        for tag in event.payload.tags:
            found.append(tag)
            found = [tag]
            kept.append(found)
        return kept
    """,
    "changed below the loop": """
        kept = []
        found = ["x"]
        for tag in event.payload.tags:
            found = [tag]
            kept.append(found)
        found.append("last")
        return kept
    """,
    "made anew in one arm only": """
        kept, found = [], []
        for tag in event.payload.tags:
            found.append(tag)
            kept.append(found)
            if tag == "a":
                found = []
        return kept
    """,
    "not made anew after an error": """
        kept: list[list[str]] = []
        found: list[str] = []
        for tag in event.payload.tags:
            found.append(tag)
            try:
                kept.append(found)
                size = 1 // (len(found) - 1)
                found = []
            except ZeroDivisionError:
                pass
        return kept
    """,
    "what a branch of a race returns": """
        mine = ["x"]

        async def same() -> list[str]:
            await step.do("t", text, "t")
            return mine

        async def later() -> list[str]:
            await step.sleep("a day", "1 day")
            return ["y"]

        found = await step.race(same(), later())
        found.append("z")
        return mine
    """,
}


@pytest.mark.parametrize("name", SHARED)
def test_a_value_that_is_kept_and_changed_is_refused(name: str) -> None:
    with pytest.raises(CompileError, match=r"in place; write `found = |something else may hold"):
        compile_workflow(written(SHARED[name]))


def test_what_follows_from_a_refused_change_is_silent() -> None:
    body = """
        counts = undefined_class()
        for tag in event.payload.tags:
            counts[tag] += 1
            counts[tag] = 2
            counts.last = tag
        return counts["a"]
    """
    with pytest.raises(CompileError) as refused:
        compile_workflow(written(body))
    assert len(str(refused.value).splitlines()) == 1


def test_an_advice_about_what_is_awaited_shows_no_name_of_the_compiler() -> None:
    body = """
        xs = event.payload.tags
        xs.append(await step.do("t", text, "a"))
        return xs
    """
    with pytest.raises(CompileError, match=r"write `xs = \[\*xs, …\]`"):
        compile_workflow(written(body))


def test_counts_are_told_to_be_a_dict_which_compiles() -> None:
    body = """
        counts = MADE
        for tag in ["a", *event.payload.tags, "a"]:
            counts[tag] = counts.get(tag, 0) + 1
        return counts
    """
    with pytest.raises(CompileError, match=r"write `counts\[x\] = counts.get\(x, 0\) \+ 1`"):
        compile_workflow(written(body.replace("MADE", "Counter(a=1)")))
    for user in USERS:
        agree(written(body.replace("MADE", "{}")), user)
