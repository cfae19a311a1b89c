"""Assignments of every form: by `:=`, to several names, in place; natively and compiled."""

from __future__ import annotations

import pytest

from durable import Retries
from durable.compiler import compile_workflow
from durable.errors import CompileError
from tests.unit.compiler.both import agree, state_count
from tests.unit.compiler.sample import User
from tests.unit.compiler.test_expressions import USERS
from tests.unit.compiler.written import written

FORMS = {
    "in a test": "if (n := len(user.tags)) > 1:\n    return n\nreturn -n",
    "in a test that narrows": (
        "if (n := user.nickname) is not None and (m := len(n)) > 1:\n    return [n, m]\nreturn 'none'"
    ),
    "in a guard": "if user.nickname is None or (m := len(user.nickname)) == 0:\n    return 'no'\nreturn m",
    "in an elif": "if user.active:\n    n = 0\nelif (n := user.age) > 3:\n    n += 1\nelse:\n    n -= 1\nreturn n",
    "in the test of a loop": (
        'i = 0\nwhile (x := await step.do("s", save, i)) < 4 and (y := x + i) < 9:\n    i += 1\nreturn [x, i]'
    ),
    "in a comprehension": "return [y for t in user.tags if (y := t.upper()) != 'A']",
    "in the order of evaluation": "n = 1\nreturn [n, (n := 5), n, (n := n * 2) + n, n]",
    "beside the name that it binds": "n = 1\nn = n + (n := 5) + n\nn += (n := 7)\nreturn n",
    "on one side of an and": "x = user.active and (y := user.age) > 3\nreturn x",
    "growing": (
        "xs = [1]\nxs += [2, user.age]\nys: list[str] = []\nfor t in user.tags:\n    ys += [t]\n    ys.append(t)\n"
        "ys.extend(user.tags)\nys += ys\nreturn {'xs': xs, 'ys': ys, 'n': len(xs)}"
    ),
    "growing in a branch": (
        "async def one(n: int) -> list[int]:\n    xs = [n]\n    xs.append(n)\n    return xs\n\n"
        "return await one(user.age)"
    ),
    "growing by what is awaited": 'xs: list[int] = []\nxs += [await step.do("s", save, 1)]\nxs.append(2)\nreturn xs',
    "items of a dict": (
        "d: dict[str, int] = {}\nfor t in user.tags:\n    d[t] = len(d)\n    d[t] += 1\nd['a'] = 7\n"
        "return {'d': d, 'keys': list(d.keys())}"
    ),
    "known keys of a dict": "d = {'a': 1}\nd['b'] = 'x'\nreturn [d['b'], d['a'] + 1, d]",
    "several": (
        "(a, b), *c = (1, [2]), 3, 'x'\n*d, e = (1, 2)\nx = y = [a, user.age]\np, q = x\n"
        "return [a, b, c, d, e, x, y, p, q]"
    ),
    "a queue": (
        "queue = [len(user.tags) + 2, 3]\ndone: list[int] = []\nwhile queue:\n    n = queue.pop(0)\n"
        "    done.append(n)\n    if n > 1:\n        queue.extend([n // 2, n - 2])\nreturn done"
    ),
    "a stack": (
        "xs = [*user.tags]\nx = xs.pop()\nxs.insert(0, x)\nxs.insert(-1, 'y')\nxs.pop()\nreturn [x, xs, len(xs)]"
    ),
    "an empty stack": "xs = [*user.tags]\nxs.pop()\nreturn xs",
    "sorted and turned in place": (
        "xs = [*user.tags, 'b', 'a']\nxs.sort(key=len, reverse=True)\nys = xs[:]\nys.sort()\nys.reverse()\n"
        "del ys[0]\ndel ys[-1]\nreturn [xs, ys]"
    ),
    "a dict changed in place": (
        "d = {**user.sizes, 'x': 1}\nd.update({'y': 2})\nd.update(user.sizes, z=user.age)\nd |= {'a': 5}\n"
        "n = d.pop('x')\nm = d.pop('none', 7)\nd.pop('y', None)\ndel d['a']\nreturn [d, n, m]"
    ),
    "a key that is not there": "d = {**user.sizes}\ndel d['b']\nreturn d",
    "a key that is not there to pop": "d = {**user.sizes}\nn = d.pop(user.user_id)\nreturn [d, n]",
    "of a list of another length": "a, b = user.tags\nreturn [a, b]",
}


@pytest.mark.parametrize("name", FORMS)
def test_an_assignment(name: str) -> None:
    workflow = written(f"user = event.payload\n{FORMS[name]}")
    for user in USERS:
        agree(workflow, user)


OF_OBJECTS = {
    "fields of the payload": (
        "user = event.payload\nuser.age = len(user.tags)\nuser.age += 2\n"
        "user.nickname = None if user.age > 3 else 'x'\nreturn user"
    ),
    "fields of what is made here": (
        "p = Point(1)\nfor n in range(event.payload.age % 4):\n    p.x += n\n    p.y = p.x * 2\nreturn [p, p.x]"
    ),
    "fields of what a step has returned": (
        "p = await step.do('p', settle, Point(3), Options(theme='x'))\np.y -= 1\n"
        "q = replace(p, x=5)\nq.y = p.y + 1\nreturn [p, q, await step.do('q', settle, q, Options(theme='y'))]"
    ),
    "a field by its alias": (
        "a = sample.Address(street_name='x')\na.zip_code = 5\na.street_name += 'y'\nreturn [a, a.zip_code]"
    ),
    "a field that becomes another object": (
        "user = event.payload\nuser.point = Point(7)\nuser.tags = [*user.tags, 'z']\nreturn [user, user.point.x]"
    ),
}


@pytest.mark.parametrize("name", OF_OBJECTS)
def test_a_field_that_is_assigned(name: str) -> None:
    workflow = written(OF_OBJECTS[name])
    for user in USERS:
        agree(workflow, user)


SHARED = {
    "another name": "xs = [1]\nys = xs\nys += [2]\nreturn xs",
    "a name that is changed later": "xs = [1]\nys = xs\nxs.append(2)\nreturn ys",
    "a list of lists": "xs = [1]\nys = [xs]\nxs += [2]\nreturn ys",
    "a choice": "xs = [1]\nys = xs if event.payload.active else []\nxs.append(2)\nreturn ys",
    "either of two": "xs = [1]\nys = xs or [0]\nxs.append(2)\nreturn ys",
    "a loop over it": "xs = [1]\nfor x in xs:\n    if x < 3:\n        xs += [x + 1]\nreturn xs",
    "a loop over it in a call": "xs = [1]\nfor n, x in enumerate(xs):\n    if x < 3:\n        xs.append(x)\nreturn xs",
    "the payload": "xs = event.payload.tags\nxs += ['x']\nreturn event.payload.tags",
    "a list of the module": "xs = NAMES\nxs += ['x']\nreturn NAMES",
    "a parameter": "async def f(xs: list[int]) -> None:\n    xs += [1]\n\nys = [0]\nawait f(ys)\nreturn ys",
    "what a branch returns": (
        "xs = [1]\n\nasync def f() -> list[int]:\n    return xs\n\nys = await f()\nxs += [2]\nreturn ys"
    ),
    "what is popped": "xs = [[1]]\nx = xs.pop()\nys = [x]\nx.append(2)\nreturn ys",
    "a list with another name that is sorted": "xs = [2, 1]\nys = xs\nxs.sort()\nreturn ys",
    "a dict that is merged into": "d = {'a': 1}\ne = d\nd |= {'b': 2}\nreturn e",
    "a dict that is updated": "d = {'a': 1}\ne = d\nd.update({'b': 2})\nreturn e",
    "a dict that loses a key": "d = {'a': 1}\ne = d\ndel d['a']\nreturn e",
    "a list that is gone through": "xs = [1, 2]\nfor x in xs:\n    xs.pop()\nreturn xs",
    "the larger of two": "xs = [1]\nys = max(xs, [0])\nxs += [2]\nreturn ys",
    "an element": "xs = [[1]]\nx = xs[0]\nx += [2]\nreturn xs",
    "a dict": "d = {'a': 1}\ne = d\nd['b'] = 2\nreturn e",
    "a dict in a dict": "inner = {'a': 1}\nd = {'x': inner}\nd['x'] |= {'b': 2}\nreturn inner",
    "an item of a dict": "d = {'x': {'a': 1}}\ne = d['x']\nd[event.instance_id] |= {'b': 2}\nreturn e",
    "a dict of the function around": (
        "d = {'a': 1}\n\nasync def f() -> None:\n    d['a'] = await step.do('s', save, 2)\n\nawait f()\nreturn d"
    ),
    "a list of the function around": "xs = [1]\n\nasync def f() -> None:\n    xs.append(2)\n\nawait f()\nreturn xs",
    "an object of the function around": (
        "p = Point(1)\n\nasync def f() -> None:\n    p.x = await step.do('s', save, 2)\n\nawait f()\nreturn p"
    ),
    "an object with another name": "p = Point(1)\nq = p\np.x = 2\nreturn q",
    "an object in a list": "p = Point(1)\nps = [p]\np.x = 2\nreturn ps",
    "an object of a list": "ps = [Point(1)]\nfor p in ps:\n    p.x = 2\nreturn ps",
    "an object in a field": "user = event.payload\np = user.point\np.x = 2\nreturn user",
    "a payload that is read again": "user = event.payload\nuser.age = 3\nreturn event.payload",
    "a payload that a loop takes again": (
        "n = 0\nfor i in range(2):\n    user = event.payload\n    user.age += 1\n    n += user.age\nreturn n"
    ),
    "a list in a field": "p = Draft(title='x')\nq = p.lines\np.lines += ['y']\nreturn q",
    "a finally": (
        "xs = [1]\ntry:\n    await step.do('s', save, 1)\n    return xs\n"
        "finally:\n    xs += [2]\n    await step.do('t', save, 1)"
    ),
}


@pytest.mark.parametrize("name", SHARED)
def test_what_another_name_would_see_changed_is_refused(name: str) -> None:
    with pytest.raises(CompileError, match=r"changes a (dict|list|value) in place|is changed in place"):
        compile_workflow(written(SHARED[name]))


def test_what_a_log_entry_would_fail_at_fails() -> None:
    workflow = written('LOG.info("first of %s", event.payload.tags[0])\nprint(f"{event.payload.age!r}")\nreturn 1')
    assert {agree(workflow, user).error for user in USERS} == {None, "IndexError"}


def test_a_log_entry_is_no_state() -> None:
    body = 'n = await step.do("s", save, 1)\n{}\nreturn await step.do("t", save, n)'
    assert state_count(written(body.format('LOG.warning("have %s", n)'))) == 2


RETRIED = """
    policy = Retries(limit=2, delay="1 second")

    async def inner(word: str) -> str:
        return await step.do("b", text, word, retries=policy)

    async def other(policy: str) -> str:
        return policy + "!"

    first = await step.do("a", text, "x", retries=policy)
    return [first, await inner("y"), await other("z")]
"""


def test_retries_may_have_a_name_in_run() -> None:
    steps = {each.name: each for each in compile_workflow(written(RETRIED)).steps}
    assert steps["a"].retries == steps["b"].retries == Retries(limit=2, delay="1 second")
    assert agree(written(RETRIED), User(user_id="u")).output == ["x", "y", "z!"]


@pytest.mark.parametrize(
    "body",
    [
        RETRIED.replace("first =", "policy = Retries(limit=1)\n    first ="),
        """
    if event.payload.active:
        policy = Retries(limit=2)
    return await step.do("a", text, "x", retries=policy)
""",
    ],
)
def test_retries_that_are_not_the_same_throughout_are_refused(body: str) -> None:
    with pytest.raises(CompileError, match="outside of a step"):
        compile_workflow(written(body))


def test_a_dict_may_be_put_into_a_value_when_nothing_changes_it_any_more() -> None:
    body = """
        sizes: dict[str, int] = {}
        for word in event.payload.tags:
            sizes[word] = sizes.get(word, 0) + 1
        user = sample.User(user_id="v", sizes=sizes)
        return [user.sizes, sizes]
    """
    agree(written(body), User(user_id="u", tags=["a", "b", "a"]))


@pytest.mark.parametrize("end", ["xs.append(3)", "xs += [3]", "while len(xs) < 5:\n    xs.append(3)"])
def test_a_list_that_is_changed_after_it_was_kept_is_refused(end: str) -> None:
    kept = written(f"xs = [1]\nxs.append(2)\npair = [xs, xs]\n{end}\nreturn pair")
    begin = "xs = [1]\npairs: list[list[int]] = []\n"
    looped = written(begin + "for n in range(2):\n    xs.append(n)\n    pairs = [*pairs, xs]\nreturn pairs")
    for workflow in (kept, looped):
        with pytest.raises(CompileError, match="in place"):
            compile_workflow(workflow)
