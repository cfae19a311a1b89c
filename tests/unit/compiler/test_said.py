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
    "a key that only the run knows": """
        try:
            return user.sizes[user.user_id + "'\\n\u200b"]
        except KeyError as error:
            return str(error)
    """,
    "a number that is none": """
        found = []
        for text in (user.user_id, "1\\t", "x" * 300, '"'):
            try:
                found.append(int(text))
            except ValueError as error:
                found.append(str(error))
            try:
                found.append(float(text) > 0)
            except ValueError as error:
                found.append(str(error))
        return found
    """,
    "a division": """
        found = []
        for kind in range(3):
            try:
                found.append(7 // user.point.x if kind == 0 else 7 % user.point.x if kind == 1 else 0)
                found.append(7 / user.point.x > 1)
            except ZeroDivisionError as error:
                found.append(str(error))
        return found
    """,
    "a list of another length": """
        found = []
        try:
            a, b = user.tags
            found.append(a)
        except ValueError as error:
            found.append(str(error))
        try:
            c, *d, e, f = user.tags
            found.append(c)
        except ValueError as error:
            found.append(str(error))
        return found
    """,
    "what is taken out, deleted or put": """
        found = []
        xs = [*user.tags]
        for n in (0, 3, -4):
            try:
                xs.pop(n)
            except IndexError as error:
                found.append(str(error))
            try:
                del xs[n]
            except IndexError as error:
                found.append(str(error))
            try:
                xs[n] = "new"
            except IndexError as error:
                found.append(str(error))
        try:
            xs.pop(0)
            del xs[-1]
            xs.pop()
            del xs[0]
        except IndexError as error:
            found.append(str(error))
        return [*found, xs]
    """,
    "texts and ranges": """
        found = []
        for kind in range(7):
            try:
                t = user.user_id[5:]
                if kind == 0:
                    found.append(user.user_id.index("é"))
                elif kind == 1:
                    found.append(user.user_id.rindex("é"))
                elif kind == 2:
                    found.append("a-b".split(t))
                elif kind == 3:
                    found.append("a-b".partition(t))
                elif kind == 4:
                    found.append(list(range(0, 5, user.point.x)))
                elif kind == 5:
                    found.append(list(zip(user.tags, [1], strict=True)))
                else:
                    found.append((1, 2).index(user.point.x))
            except ValueError as error:
                found.append(str(error))
        return found
    """,
    "the first item that fails": """
        found = []
        for limit in (1, 5):
            try:
                found.append([10 // (n - limit) + len(user.tags[n]) for n in range(8) if n != 3])
            except (ZeroDivisionError, IndexError) as error:
                found.append([type(error).__name__, str(error)])
            try:
                found.append([int(t) for t in [*user.tags, user.user_id, "1"]])
            except ValueError as error:
                found.append(str(error))
        return found
    """,
    "an item at which `any` or `all` has not stopped before": """
        found = []
        for text in ("1", "0", user.user_id, *user.tags):
            try:
                found.append(any(int(t) > 0 for t in ["0", text, "x"]))
            except ValueError as error:
                found.append(str(error))
            try:
                found.append(all(int(t) == 0 for t in ["0", text, "x"] if t != "y"))
            except ValueError as error:
                found.append(str(error))
        return found
    """,
    "what a call is given": """
        found = []
        for key in ("a", "b", "c"):
            try:
                await step.sleep("nap", user.sizes[key])
                found.append(await step.do(f"f {user.tags[0]}", text, user.tags[1], timeout=30 // user.point.x + 20))
            except (IndexError, KeyError, ZeroDivisionError) as error:
                found.append(str(error))
        try:
            a, b = await asyncio.gather(step.do("b", text, user.tags[1]), step.do("c", text, user.tags[0]))
            found += [a, b]
        except IndexError as error:
            found.append(str(error))
        return found
    """,
    "times and lengths of time": """
        found = []
        for n in (0, 1, 2):
            try:
                found.append(str(datetime.date(9999, 12, 30) + timedelta(days=n)))
                later = datetime.datetime(9999, 12, 30, tzinfo=datetime.UTC) + timedelta(days=n)
                found.append(str(later.year))
            except OverflowError as error:
                found.append(str(error))
            try:
                await step.sleep("nap", user.point.x - n)
                found.append(f"{user.point.x / 3:.2f}")
            except ValueError as error:
                found.append("no length of time")
            finally:
                found.append((event.timestamp + timedelta(days=n)).isoformat())
        when = user.joined or datetime.datetime(2026, 1, 1)
        for n in (0, 1):
            try:
                found.append((event.timestamp - when).days if n else when < event.timestamp)
            except TypeError as error:
                found.append(str(error))
        return found
    """,
    "the test of a `while`": """
        i, found = 0, []
        try:
            while i < 3 and user.tags[i] != "a" and (n := int(user.tags[i])):
                i += n
            else:
                found.append(i)
        except (IndexError, ValueError) as error:
            found.append(str(error))
        finally:
            found.append("done")
        for limit in (2, 4):
            try:
                while 3 // (user.point.x + i) < limit:
                    i += 1
                    if i >= 3:
                        break
                else:
                    found.append("all")
            except ZeroDivisionError as error:
                found.append(str(error))
        return found
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
        "try:\n    return 5.5 / user.age\nexcept ZeroDivisionError as error:\n    return str(error)",
        "try:\n    return max(user.tags)\nexcept ValueError as error:\n    return str(error)",
        "try:\n    return user.tags.index('q')\nexcept ValueError as error:\n    return str(error)",
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
