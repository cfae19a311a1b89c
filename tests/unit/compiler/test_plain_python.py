"""Python as people write it means in a state machine what it means in CPython."""

from __future__ import annotations

import textwrap

import pytest

from durable.compiler import compile_workflow
from durable.errors import CompileError
from tests.unit.compiler.both import agree
from tests.unit.compiler.sample import User
from tests.unit.compiler.written import written

USERS = [
    User(user_id="a b", age=3, tags=["x", "yé"], sizes={"k": 4, "m": 5}, score=1.5, pairs=[[1, 2], [3]]),
    User(user_id="12", active=False, nickname="nick"),
]
LOOPS = {
    "the else of a `for` that no break leaves": """
        for t in user.tags:
            found = t
            if t == "x":
                break
        else:
            return "none"
        return found
    """,
    "the else of a loop stands in none of its rounds": """
        done = []
        for t in user.tags:
            if t == "x":
                continue
            done = [*done, await step.do("s", text, t)]
        else:
            done = [*done, await step.do("e", text, "else")]
        return done
    """,
    "the else of a `while` whose test awaits": """
        n = 0
        while (await step.do("s", save, n)) < 3 and n < 9:
            n += 1
            if n > user.age:
                break
        else:
            return ["exhausted", n]
        return ["broken", n]
    """,
    "a break in an else leaves the loop around": """
        for p in [[1], [2, 3]]:
            for x in p:
                if x == user.age:
                    break
            else:
                continue
            break
        else:
            return "never"
        return [p, x]
    """,
    "an else in a finally": """
        try:
            await step.do("s", text, "a")
        finally:
            for t in user.tags:
                if t == "yé":
                    break
            else:
                await step.do("e", text, "b")
        return 1
    """,
}
ERRORS = {
    "an assert narrows what comes after it": """
        assert user.nickname is not None, f"who is {user.user_id}?"
        return user.nickname.upper()
    """,
    "an assert that awaits, caught": """
        try:
            assert await step.do("f", flag, user.active)
        except AssertionError as error:
            return f"{error}!"
        return 0
    """,
    "errors of Python are raised and caught by class": """
        try:
            if user.age:
                raise ValueError(f"bad {user.age}")
            raise RuntimeError
        except ValueError as error:
            return str(error)
        except RuntimeError as error:
            return [str(error), type(error).__name__]
    """,
    "an error of Python ends a run": "raise Exception(user.user_id)",
    "an error of Python leaves a branch": """
        async def one(n: int) -> int:
            if n > 1:
                raise ValueError("x")
            return await step.do("a", save, n)

        try:
            return list(await asyncio.gather(one(1), one(user.age)))
        except ValueError as error:
            return str(error)
    """,
}
TARGETS = {
    "a starred name takes the rest of a list": """
        first, *rest, last = [1, *[user.age] * user.age, 2]
        *init, end = user.tags or ["q"]
        head, *tail = await step.do("n", numbers, 3)
        (a, b), *more = user.pairs or [[1, 2]]
        return [first, rest, last, init, end, head, tail, a, b, more]
    """,
    "a list with fewer items than there are names": """
        a, b, *rest = user.tags[:1]
        return [a, b, rest]
    """,
    "patterns take the rest of lists and dicts": """
        match user.tags:
            case [a, *rest] if len(rest) > 5:
                found = rest
            case [a, *mid, b]:
                found = [a, *mid, b]
            case _:
                found = []
        match user.sizes:
            case {"k": 4, **others}:
                return [found, others]
        match user.pairs:
            case [[c, *d], *e]:
                return [c, d, e]
        return found
    """,
}
EXPRESSIONS = {
    "a dict comprehension that awaits": """
        first = {t: await step.do("s", text, t) for t in user.tags if t != "q"}
        return [first, {await step.do("k", text, t): len(t) for t in user.tags}]
    """,
    "a comprehension of several `for` that awaits": """
        found = [await step.do("s", save, x) for p in user.pairs if p for x in p if x > 1]
        both = {a + b: await step.do("b", text, a + b) for a in user.tags for b in user.tags if a != b}
        return [found, both, [[await step.do("n", save, x) for x in p] for p in user.pairs]]
    """,
    "whether a number is in a range": """
        n = user.age
        up = [n in range(3), n in range(1, 4), n in range(0, 9, 3), -3 in range(-6, 0, 3)]
        try:
            up.append(n in range(9, 10 // n))
        except ZeroDivisionError:
            up.append(False)
        return [*up, n not in range(10, 0, -3), 4 in range(10, 0, -3), n in range(n)]
    """,
    "an item at the number of an Enum": "return [[7, 8, 9][user.level], 'abc'[user.level]]",
    "formats with parts that are known": """
        return [f"{user.score:.{2}f}", f"{user.age!s:>{6}}|", f"{user.user_id:{'*'}<{6}}"]
    """,
    "None in a string": """
        code = user.address.zip_code if user.address else None
        if user.nickname is None:
            return f"never {user.nickname}"
        return [f"{user.nickname}", str(user.nickname), f"a {code} b {user.joined}"]
    """,
}
NAMES = {
    "a name that is computed, in loops and maps": """
        for n, t in enumerate(user.tags):
            await step.do(f"send {t} #{n}", text, t)
            await step.sleep(f"wait {n}", 1)
            await step.do("count " + str(len(t)), save, 1)

        async def one(t: str) -> str:
            return await step.do(f"{t} in a map", text, t)

        found = await step.map("all", one, user.tags)
        return [found, await asyncio.gather(*(step.do(f"each {t}", text, t) for t in user.tags))]
    """,
    "a computed name of a wait, of a call and in a helper": """
        async def notify(kind: str) -> str:
            return await step.do(f"notify {kind}", text, kind)

        tripled = await step.call(f"triple {user.user_id}", Triple, user.age)
        sent = [await notify("a"), await notify(user.user_id)]
        try:
            await step.wait_for_event(f"reply of {user.user_id}", type="replied", payload=str, timeout="1 day")
        except StepTimeoutError:
            return [sent, tripled.value]
    """,
    "an error of a step whose name is computed": """
        try:
            await step.do(f"fail {user.user_id}", fail, "x")
        except ValueError:
            return "a ValueError"
        except EmailTakenError:
            return "taken"
    """,
}
SETS = {
    "sets are asked what they hold and how much": """
        s = {"a", "b", *user.tags}
        t = set(user.tags) if user.active else set()
        known = [user.user_id in ALLOWED, sorted(PRIMES), user.color in {Color.RED}, sorted(set(user.sizes.values()))]
        lengths = sorted({len(t) for t in user.tags})
        return ["a" in s, "x" in s, len(s), sorted(s), bool(s), not t, len(t), known, lengths]
    """,
    "operations of sets": """
        a = set(user.tags)
        b = {"x", "z"}
        first = [sorted(a | b), sorted(a & b), sorted(a - b), sorted(a ^ b), sorted(a.union(["q"]))]
        second = [sorted(a.difference(user.tags)), sorted(b.intersection(a)), sorted(b.symmetric_difference(a))]
        return [first, second]
    """,
    "comparisons of sets": """
        a = set(user.tags)
        b = {"x", "yé"}
        first = [a == b, a != b, a <= b, a < b, a >= b, a > b, set() == set(), set() <= a]
        return [first, a.issubset(b), b.issuperset(["x"]), a.isdisjoint(["q"]), a.isdisjoint(b)]
    """,
    "a set that grows in a loop": """
        seen: set[str] = set()
        order = []
        for t in [*user.tags, *user.tags, "q"]:
            if t in seen:
                continue
            seen.add(t)
            order = [*order, await step.do("s", text, t)]
        once = len(seen)
        seen.discard("q")
        seen |= {"w"}
        seen -= {"x"}
        seen.update(["m", "m"])
        seen.difference_update(["m"])
        return [order, once, sorted(seen)]
    """,
    "what is made of a set in any order": """
        s = {n % 3 for n in range(user.age + 3)}
        sums = [sum(s), min(s), max(s), sum(x * 2 for x in s), max(s | {9}, default=0)]
        return [sums, any(x > 1 for x in s), all(s), min({x for x in s if x > 5}, default=-1)]
    """,
}
MODULE = """
ALLOWED = {"a", "12"}
PRIMES = frozenset({3, 5, 2})
"""
DICTS = {
    "lists in a dict that grow until it is read": """
        groups: dict[str, list[str]] = {}
        others = {"x": [user.user_id]}
        for t in [*user.tags, "xq"]:
            groups.setdefault(t[0], []).append(t)
            if t[0] not in others:
                others[t[0]] = []
            others[t[0]].extend([t, t])
        if "x" in groups:
            groups["x"].append("!")
        for key, tags in groups.items():
            await step.do("s", text, key + ",".join(tags))
        return [groups, others, len(groups)]
    """,
    "a default of a dict": """
        d = {"a": 1}
        x = d.setdefault("b", user.age)
        d.setdefault("a", 5)
        y = d.setdefault(user.user_id, 6)
        return [x, y, d]
    """,
}
FAILING = {
    "numbers are read from text": """
        whole = [int(t) for t in ["1", " 12 ", "-0", "+007", "1_000", "-9007199254740992"]]
        texts = ["1", " 1.5 ", "-0.25", "+007.50", "1_000.5", ".5", "5.", "1e3", "-2.5E-3", "5.e2", "00", "1e+5"]
        return [whole, [float(t) for t in texts], float("123456789.123456789"), int(user.user_id)]
    """,
    "what an expression fails with is caught": """
        found = []
        try:
            found.append(str(user.sizes["k"]))
        except KeyError as error:
            found.append(type(error).__name__)
        try:
            found.append(user.tags[1] + user.user_id[2])
        except IndexError:
            found.append("none")
        try:
            n = int(user.user_id)
        except ValueError:
            n = -1
        try:
            found.append(f"{10 // user.age}")
        except Exception as error:
            found.append(type(error).__name__)
        return [found, n]
    """,
    "the first of several errors counts": """
        try:
            x = user.sizes["k"] // user.age
        except (ZeroDivisionError, KeyError) as error:
            x = type(error).__name__
        try:
            y = user.sizes["k"] // user.age
        except ZeroDivisionError:
            y = "never, as the key is looked for before"
        return [x, y]
    """,
    "an expression is asked only where it is evaluated": """
        try:
            x = user.tags[0] if user.active else user.tags[5]
            y = [int(t) + 1 for t in user.user_id.split(" ") if t != "b"]
        except (IndexError, ValueError) as error:
            return type(error).__name__
        return [x, y]
    """,
    "tests, arguments and results that fail": """
        try:
            if user.age > 100:
                x = 1
            elif user.sizes["k"] > 3:
                x = 2
            else:
                x = 3
            z = await step.do("s", text, user.tags[0])
            return [x, z, max(user.tags)]
        except (KeyError, ValueError):
            return "empty"
    """,
    "errors of expressions in loops and branches": """
        n = 0
        while True:
            try:
                x = user.tags[n]
                n += 1
            except IndexError:
                break

        async def one(n: int) -> str:
            return await step.do("s", text, user.tags[n])

        try:
            for x in user.pairs[1]:
                n += await step.do("p", save, x)
            return [n, await asyncio.gather(one(0), one(1))]
        except IndexError:
            return [n, "none"]
    """,
    "what a `finally` does where an expression failed": """
        n = 0
        for t in ["1", "x", "2"]:
            try:
                n += int(t)
                if n > user.age:
                    break
            except ValueError:
                continue
            finally:
                n += await step.do("s", save, 1)
        try:
            return [n, user.tags[1]]
        finally:
            await step.do("f", text, "f")
    """,
    "an error of one name from a step and from an expression": """
        try:
            read = await step.do("s", text, user.user_id)
            if read == "12":
                raise ValueError("mine")
            return int(read)
        except ValueError as error:
            return type(error).__name__
    """,
}
PROGRAMS = {**FAILING, **DICTS, **SETS, **NAMES, **LOOPS, **ERRORS, **TARGETS, **EXPRESSIONS}


@pytest.mark.parametrize("body", PROGRAMS.values(), ids=PROGRAMS)
def test_agrees_with_cpython(body: str) -> None:
    workflow = written(f"user = event.payload\n{textwrap.dedent(body)}", classes=MODULE)
    for user in USERS:
        agree(workflow, user)


@pytest.mark.parametrize(
    "body",
    [
        'd = {}\nfor t in ["a", "b"]:\n    d.setdefault("k", []).append(t)\n    held = d["k"]\nreturn held',
        'xs = ["a"]\ngroups = {"x": xs}\ngroups["x"].append("b")\nreturn xs',
        'def f(d):\n    d.setdefault("a", []).append(1)\n    return 1\n\nreturn f({"a": [1]})',
    ],
)
def test_a_list_in_a_dict_that_something_else_may_hold_is_not_changed(body: str) -> None:
    with pytest.raises(CompileError, match="changes a value in place"):
        compile_workflow(written(body))
