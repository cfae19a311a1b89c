"""Each message says what to write instead: here it is done as told, compiled, and run natively and as a machine."""

from __future__ import annotations

import re

import pytest

from durable.compiler import compile_workflow
from durable.errors import CompileError
from tests.unit.compiler.both import agree
from tests.unit.compiler.test_expressions import USERS
from tests.unit.compiler.written import written

ADVICE = {
    "a key of a model": ('return event.payload["userId"]', "return event.payload.user_id"),
    "get of a model": ('return event.payload.get("age")', "return event.payload.age"),
    "an item of a dict": (
        'd = event.payload.sizes\nd["a"] = 1\nreturn d',
        'd = event.payload.sizes\nd = {**d, "a": 1}\nreturn d',
    ),
    "an item of a dict in a loop": (
        "d = event.payload.sizes\nfor tag in event.payload.tags:\n    d[tag] = len(tag)\nreturn d",
        "d = event.payload.sizes\nfor tag in event.payload.tags:\n    d = {**d, tag: len(tag)}\nreturn d",
    ),
    "an item of a dict, counted up": (
        'd = {"a": 1}\ne = d\nd["a"] += event.payload.age + 1\nreturn [d, e]',
        'd = {"a": 1}\ne = d\nd = {**d, "a": d["a"] + (event.payload.age + 1)}\nreturn [d, e]',
    ),
    "an item of a dict, removed": (
        "d = event.payload.sizes\ndel d['a']\nreturn d",
        "d = event.payload.sizes\nd = {k: v for k, v in d.items() if k != 'a'}\nreturn d",
    ),
    "an item of a list": (
        "ys = xs = [1, 2, 3]\nxs[1] = event.payload.age\nreturn [xs, ys]",
        "ys = xs = [1, 2, 3]\nxs = [*xs[:1], event.payload.age, *xs[2:]]\nreturn [xs, ys]",
    ),
    "the last item of a list": (
        "ys = xs = [1, 2, 3]\nxs[-1] = event.payload.age\nreturn [xs, ys]",
        "ys = xs = [1, 2, 3]\nxs = [*xs[:-1], event.payload.age]\nreturn [xs, ys]",
    ),
    "an item of a list by a variable": (
        "n, xs = 2, [1, 2, 3]\nys = xs\nxs[n] = 7\nreturn [xs, ys]",
        "n, xs = 2, [1, 2, 3]\nys = xs\nxs = [*xs[:n], 7, *xs[n + 1:]]\nreturn [xs, ys]",
    ),
    "an item of a list in a list": (
        "grid = [[0, 0], [0, 0]]\ngrid[0][1] = 5\nreturn grid",
        "grid = [[0, 0], [0, 0]]\ngrid[0] = [*grid[0][:1], 5, *grid[0][2:]]\nreturn grid",
    ),
    "an item of a dict in a dict": (
        'd = {"a": {"n": 1}}\nd["a"]["n"] += event.payload.age\nreturn d',
        'd = {"a": {"n": 1}}\nd["a"] = {**d["a"], "n": d["a"]["n"] + event.payload.age}\nreturn d',
    ),
    "a slice": (
        "xs = [1, 2, 3]\nxs[:2] = [9]\nreturn xs",
        "xs = [1, 2, 3]\nxs = [*[9], *xs[2:]]\nreturn xs",
    ),
    "a slice that is deleted": (
        "xs = [1, 2, 3]\ndel xs[1:2]\nreturn xs",
        "xs = [1, 2, 3]\nxs = [*xs[:1], *xs[2:]]\nreturn xs",
    ),
    "an item that is deleted of a list with two names": (
        "ys = xs = [1, 2, 3]\ndel xs[-2]\nreturn [xs, len(ys)]",
        "ys = xs = [1, 2, 3]\nxs = [*xs[:-2], *xs[-1:]]\nreturn [xs, len(ys)]",
    ),
    "append": (
        "xs = event.payload.tags\nxs.append('x')\nreturn xs",
        'xs = event.payload.tags\nxs = [*xs, "x"]\nreturn xs',
    ),
    "extend": (
        "xs = event.payload.tags\nxs.extend(event.payload.tags)\nreturn xs",
        "xs = event.payload.tags\nxs = [*xs, *event.payload.tags]\nreturn xs",
    ),
    "insert": (
        "xs = event.payload.tags\nxs.insert(0, 'x')\nreturn xs",
        'xs = event.payload.tags\nxs = ["x", *xs]\nreturn xs',
    ),
    "sort": ("xs = event.payload.tags\nxs.sort()\nreturn xs", "xs = event.payload.tags\nxs = sorted(xs)\nreturn xs"),
    "reverse": (
        "xs = event.payload.tags\nxs.reverse()\nreturn xs",
        "xs = event.payload.tags\nxs = xs[::-1]\nreturn xs",
    ),
    "pop": ("xs = event.payload.tags\nxs.pop()\nreturn xs", "xs = event.payload.tags\nxs = xs[:-1]\nreturn xs"),
    "update": (
        "d = event.payload.sizes\nd.update({'n': 1})\nreturn d",
        'd = event.payload.sizes\nd = {**d, **{"n": 1}}\nreturn d',
    ),
    "a list in a field": (
        "user = event.payload\ntags = user.tags\nuser.tags.append('x')\nreturn [user, tags]",
        'user = event.payload\ntags = user.tags\nuser.tags = [*user.tags, "x"]\nreturn [user, tags]',
    ),
    "a list in a dict": (
        "d = {'a': [1]}\nxs = [0]\nfor n in range(2):\n    xs = d['a']\n    d['a'].append(n)\nreturn xs",
        "d = {'a': [1]}\nxs = [0]\nfor n in range(2):\n    xs = d['a']\n    d['a'] = [*d['a'], n]\nreturn len(xs)",
    ),
    "a field that is assigned": (
        "user = event.payload\nother = user\nuser.age = 3\nreturn user",
        'user = event.payload\nuser = user.model_copy(update={"age": 3})\nreturn user',
    ),
    "a field that is counted up": (
        "user = event.payload\nother = user\nuser.age += 1\nreturn user",
        'user = event.payload\nuser = user.model_copy(update={"age": user.age + 1})\nreturn user',
    ),
    "an attribute of the workflow": (
        "n = event.payload.age\nself.total = n\nreturn n",
        "n = event.payload.age\ntotal = n\nreturn n",
    ),
    "a dict of retries": (
        'return await step.do("save", save, 1, retries={"limit": 3, "delay": "5 seconds"})',
        'return await step.do("save", save, 1, retries=Retries(limit=3, delay="5 seconds"))',
    ),
    "a number of retries": (
        'return await step.do("save", save, 1, retries=0)',
        'return await step.do("save", save, 1, retries=Retries(limit=0))',
    ),
    "a short duration": ('await step.sleep("a", "2h")\nreturn 1', 'await step.sleep("a", "2 hours")\nreturn 1'),
    "a set": (
        "return list(set(event.payload.tags))",
        "return list(sorted(set(event.payload.tags)))",
    ),
    "a field of what stands in a dict": (
        """
        points: dict[str, Point] = {}
        for tag in ["a", "a", *event.payload.tags]:
            point = points.setdefault(tag, Point(x=0))
            point.x += len(tag)
        return points
        """,
        """
        points: dict[str, Point] = {}
        for tag in ["a", "a", *event.payload.tags]:
            point = points.setdefault(tag, Point(x=0))
            point = replace(point, x=point.x + len(tag))
            points[tag] = point
        return points
        """,
    ),
    "map of several lists": (
        "return list(map(max, event.payload.tags, NAMES))",
        "return [max(x, y) for x, y in zip(event.payload.tags, NAMES)]",
    ),
    "a generator that looks at what the loop changes": (
        """
        seen = []
        for tag in (tag for tag in event.payload.tags if tag not in seen):
            seen.append(tag)
        return seen
        """,
        """
        seen = []
        for tag in event.payload.tags:
            if tag not in seen:
                seen.append(tag)
        return seen
        """,
    ),
    "text by %": ('return "%s!" % event.payload.user_id', 'return f"{event.payload.user_id}!"'),
    "text by format": ('return "{}!".format(event.payload.user_id)', 'return f"{event.payload.user_id}!"'),
    "a method in camel case": (
        'return await step.waitForEvent("reply", type="replied", payload=User)',
        'return await step.wait_for_event("reply", type="replied", payload=User)',
    ),
    "a member by its value": ("return Color(event.payload.age)", "return Color.RED"),
    "the name of a member": ("return event.payload.color.title", "return event.payload.color.name"),
    "keys and values of a dict": (
        "n = 0\nfor key, size in event.payload.sizes:\n    n += size\nreturn n",
        "n = 0\nd = event.payload.sizes\nfor key, size in d.items():\n    n += size\nreturn n",
    ),
    "the time of a step": (
        "try:\n    n = await step.do('save', save, 1)\nexcept TimeoutError:\n    n = 0\nreturn n",
        "try:\n    n = await step.do('save', save, 1)\nexcept StepTimeoutError:\n    n = 0\nreturn n",
    ),
    "a wait without a payload": (
        "reply = await step.wait_for_event('reply', type='replied')\nreturn reply.age",
        "reply = await step.wait_for_event('reply', type='replied', payload=User)\nreturn reply.age",
    ),
    "retries made in run": (
        "if event.payload.active:\n    kept = Retries(limit=2)\nreturn await step.do('save', save, 1, retries=kept)",
        "return await step.do('save', save, 1, retries=Retries(limit=2))",
    ),
    "a function called": ('return await step.do("save", save(1))', 'return await step.do("save", save, 1)'),
    "a lambda as a step": (
        'return await step.do("save", lambda: save(event.payload.age))',
        'return await step.do("save", save, event.payload.age)',
    ),
    "a decorated step": (
        '@step.do("save one")\nasync def numbers() -> int:\n    return 1\n\nn = await numbers()\nreturn n',
        'n = await step.do("save one", numbers, 1)\nreturn n',
    ),
    "options before the function": (
        'return await step.do("save", {"retries": 2}, save, 1)',
        'return await step.do("save", save, 1, retries=Retries(limit=2), timeout="1 minute")',
    ),
    "a task": (
        'task = asyncio.create_task(step.do("save", save, 1))\nawait step.do("text", text, "a")\nreturn await task',
        'return (await asyncio.gather(step.do("save", save, 1), step.do("text", text, "a")))[0]',
    ),
    "a timeout around a step": (
        'return await asyncio.wait_for(step.do("save", save, 1), 30)',
        'return await step.do("save", save, 1, timeout="30 seconds")',
    ),
}
SHOWN = {
    "a wait without a payload",
    "a decorated step",
    "map of several lists",
    "a generator that looks at what the loop changes",
    "text by %",
    "text by format",
    "the name of a member",
}
"""Those whose message shows a part of what is written."""
USER = USERS[0]


@pytest.mark.parametrize("name", ADVICE)
def test_advice_that_is_followed_compiles_and_means_what_python_means(name: str) -> None:
    wrong, right = ADVICE[name]
    with pytest.raises(CompileError) as refused:
        compile_workflow(written(wrong))

    assert not hasattr(refused.value, "errors"), "one mistake, one message"
    shown = re.findall(r"`([^`]*)`", refused.value.remedy) + re.findall(r'write ("[^"]*")$', refused.value.remedy)
    if shown and "…" not in "".join(shown) and name not in SHOWN:
        assert any(_plain(each) in _plain(right) for each in shown), refused.value.remedy
    agree(written(right), USER, events={"replied": [USER.model_dump(mode="json", by_alias=True)]})


def _plain(text: str) -> str:
    return text.replace("'", '"').replace(" ", "")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("import json\nx = json.dumps(1)\nreturn x", 1),
        ("f = lambda x: x\nreturn f(3)", 1),
        ("retries = Retries(limit=event.payload.age)\nreturn await step.do('save', save, 1, retries=retries)", 1),
        ("t = asyncio.create_task(step.do('save', save, 1))\nawait step.sleep('s', 1)\nn = await t\nreturn n + 1", 1),
        ("call = step.do('save', save, 1)\nreturn (await call) + 1", 1),
        ("@step.do('a')\nasync def a() -> int:\n    return 1\n\nreturn (await a()) + 1", 1),
        ("n = self.limit\nm = self.other\nreturn n + m", 2),
        (
            "a = step.do('a', save, 1)\nb = step.do('b', save, 2)\nc = 1\nn, m = await asyncio.gather(a, b)\nreturn n",
            2,
        ),
        ("age = event.payload['nothing']\nreturn age.more + 1", 1),
    ],
)
def test_what_follows_from_a_refused_line_is_silent(wrong: str, said: int) -> None:
    with pytest.raises(CompileError) as refused:
        compile_workflow(written(wrong))

    assert len(getattr(refused.value, "errors", (refused.value,))) == said, refused.value


@pytest.mark.parametrize(
    ("called", "remedy"),
    [
        ("checked(event.payload.age)", "checked, event.payload.age"),
        ("await saved(step, 1)", "saved, step, 1"),
        ("(checked(\n    event.payload.age))", "checked, event.payload.age"),
    ],
)
def test_a_helper_that_is_called_in_the_place_of_a_step_is_told_to_be_passed(called: str, remedy: str) -> None:
    workflow = written(f'return await step.do("check", {called})')
    with pytest.raises(CompileError) as caught:
        compile_workflow(workflow)
    assert f'pass the function, and what it is given after it: `step.do("check", {remedy})`' in str(caught.value)
