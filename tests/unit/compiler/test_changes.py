"""Lists, dicts and fields of objects that a statement changes in place: natively, compiled, or refused."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import Literal, NotRequired

import pytest
from pydantic import BaseModel, computed_field
from typing_extensions import TypedDict

from durable.compiler import compile_workflow
from durable.errors import CompileError
from tests.unit.compiler.both import agree
from tests.unit.compiler.test_expressions import USERS
from tests.unit.compiler.written import written


@dataclass
class Acc:
    total: int = 0
    names: list[str] = field(default_factory=list)
    tags: dict[str, int] = field(default_factory=dict)
    rows: list[list[int]] = field(default_factory=list)


@dataclass(frozen=True)
class Frozen:
    names: list[str] = field(default_factory=list)


class Basket(BaseModel):
    items: list[str] = []
    prices: dict[str, int] = {}
    note: str | None = None


class Counted(BaseModel):
    items: list[str] = []

    @computed_field  # type: ignore[prop-decorator]  # as pydantic has it
    @property
    def count(self) -> int:
        return len(self.items)


def get_basket(name: str) -> Basket:
    return Basket(items=[name], prices={name: 1})


def count(basket: Basket) -> int:
    return len(basket.items)


def total(acc: Acc) -> int:
    return acc.total + len(acc.names)


LISTS = {
    "an item": "xs = [1, 2, 3]\nxs[0] = user.point.x\nxs[-1] = 9\nxs[user.point.x - 2] += 5\nreturn xs",
    "an item that is not there": "xs = [1, 2]\nxs[user.point.x] = 7\nreturn xs",
    "an item before the first": "xs = [1, 2]\nxs[-3 + user.point.x] = 7\nreturn xs",
    "one that is caught": """
        xs = [1, 2]
        try:
            xs[user.point.x] = 7
        except IndexError:
            xs.append(0)
        return xs
    """,
    "an item that a step returns": """
        xs = ["a", "b", *user.tags]
        for n in range(len(xs)):
            xs[n] = await step.do("t", text, xs[n] + "!")
        return xs
    """,
    "any item is taken out": (
        "xs = [1, 2, 3, 4]\na = xs.pop(1)\nb = xs.pop(-2)\ndel xs[user.point.x - 3]\nreturn [a, b, xs]"
    ),
    "the first of some": "xs = ['a', 'b', 'a', *user.tags]\nxs.remove('a')\nxs.remove('b')\nreturn xs",
    "one that is not among them": "xs = ['a', *user.tags]\nxs.remove('b')\nreturn xs",
    "all of them": """
        xs = [*user.tags, "x"]
        sizes = {**user.sizes}
        known = {"a": 1}
        for t in user.tags:
            xs.clear()
            xs.append(t)
        sizes.clear()
        known.clear()
        sizes["n"] = 1
        return [xs, sizes, known]
    """,
    "so many times": "xs = [1]\nxs *= 2 + user.point.x % 2\nxs *= 2\nreturn xs",
    "where no value comes": """
        sizes: dict[str, int] = {"a": 1}
        for n in []:
            if max(n, n + n) not in range(user.point.x, user.level):
                sizes["b"] = n
        match user.plan:
            case "" | "plain":
                got = sizes.setdefault(user.plan * 2, user.point.x)
                return f"{got} {sizes[user.plan]}"
        return sizes
    """,
    "lists in a list": "xs = [[1], [2]]\nxs[1] = [user.point.x]\nxs[0] = []\nreturn xs",
}
PARTS = {
    "a list grows": """
        acc = Acc()
        for t in [*user.tags, "z"]:
            acc.names.append(t)
            acc.total += len(t)
            acc.names += [t]
        acc.names.extend(["q"])
        acc.names.insert(0, "first")
        return [await step.do("t", total, acc), acc, acc.names, len(acc.names)]
    """,
    "its items change": """
        acc = Acc(total=1, names=["a", "b", "c"])
        acc.names[0] = user.user_id
        acc.names[-1] += "!"
        gone = acc.names.pop(1)
        last = acc.names.pop()
        acc.names.append("d")
        acc.names.remove("d")
        del acc.names[0]
        acc.names.sort()
        return [acc, gone, last]
    """,
    "an item that is not there": "acc = Acc()\nacc.names[0] = 'x'\nreturn acc",
    "a dict": """
        acc = Acc()
        for t in [*user.tags, "z", "z"]:
            acc.tags[t] = acc.tags.get(t, 0) + 1
        acc.tags["z"] += 3
        acc.tags.update({"n": 1})
        acc.tags |= {"m": 2}
        got = acc.tags.setdefault("k", 5)
        gone = acc.tags.pop("n")
        del acc.tags["m"]
        return [acc.tags, got, gone, sorted(acc.tags)]
    """,
    "of a model that a step returned": """
        basket = await step.do("b", get_basket, user.user_id)
        for t in user.tags:
            basket.items.append(t)
            basket.prices[t] = len(t)
            if await step.do("c", count, basket) > 2:
                break
        return [basket, [x for x in basket.items if x in basket.prices]]
    """,
    "of a model with its defaults, twice": """
        one = Basket()
        two = Basket(note="x")
        one.items.append("a")
        two.items.append("b")
        two.prices["b"] = user.point.x
        return [one, two, Basket()]
    """,
    "of the payload": "user.tags.append('x')\nuser.sizes['n'] = 1\nreturn [user.tags, user.sizes]",
    "of a frozen dataclass": "f = Frozen(names=['a'])\nf.names.append('b')\nreturn f",
    "in branches": """
        acc = Acc(names=[t for t in user.tags])
        if user.active:
            acc.names.append("on")
        else:
            acc.names.clear()
        try:
            acc.names[5] = "x"
        except IndexError:
            acc.names.append("none")
        return acc
    """,
    "made anew in a loop": """
        done = []
        for t in user.tags:
            acc = Acc(names=[t])
            acc.names.append(t)
            done += [len(acc.names), await step.do("t", total, acc)]
        return done
    """,
    "handed over when all is changed": """
        acc = Acc()
        acc.names.append("a")
        other = acc
        names = acc.names
        return [other.names, names]
    """,
    "gone through while another changes": """
        acc = Acc(names=["a", "b"])
        for name in acc.names:
            acc.tags[name] = len(acc.tags)
        return acc
    """,
}

TAKEN = {
    "in a call": "xs = [1, 2, 3]\nreturn [await step.do('s', save, xs.pop()), xs, len(xs) + xs.pop(0), xs]",
    "where there is one": "xs = list(user.tags)\nx = xs.pop() if xs else None\nreturn [x, xs.pop(0) if xs else 0]",
    "of a dict": "d = {'a': 1, 'b': 2}\nn = 0\nn += d.pop('a', 0) * d.pop('c', 3)\nreturn [n, d.pop('z', None), d]",
    "in a test": "xs = [0, 1, 0, 2]\nn = 0\nwhile xs and xs.pop() != 1:\n    n += 1\nreturn n if xs.pop() else [n, xs]",
    "in a comprehension": "xs = [3, 2, 1]\nys = [xs.pop() * n for n in range(2)]\nreturn [xs, ys]",
    "of a field": "acc = Acc(names=['a', 'b'])\nreturn [acc.names.pop() + acc.names.pop(0), acc]",
    "with a type": "xs = [1, 2]\nx: int = xs.pop()\nreturn [x, xs]",
    "returned": "xs = list(user.tags)\nreturn xs.pop()",
    "nothing there": "xs = list(user.tags)\ntry:\n    return [xs.pop(), xs.pop()]\nexcept IndexError:\n    return xs",
}
"""What is taken out in the middle of an expression."""
MADE = {
    "by a function": "xs = halves([1, 2, 3])\nxs.append([4])\nys = evens(5)\nys.append(user.point.x)\nreturn [xs, ys]",
    "lists of a comprehension": "d = {t: [] for t in user.tags}\nfor t in user.tags:\n    d[t].append(1)\nreturn d",
    "lists of a dict that are looked into": (
        "d = {'a': [], 'b': []}\nold = []\nfor n in range(5):\n    k = 'a' if n % 2 else 'b'\n    d[k].append(n)\n"
        "    while len(d[k]) > 1:\n        old.append(d[k][0])\n        d[k] = d[k][1:]\nreturn [d, old, len(d['a'])]"
    ),
    "before another's is assigned": "xs = []\nfor t in user.tags:\n    xs.append(t)\nxs = xs or user.tags\nreturn xs",
    "before it is kept in a loop": (
        "xs = []\nfor t in user.tags:\n    xs.append(t)\nall = []\nfor n in range(2):\n    all.append(xs)\nreturn all"
    ),
    "before a def keeps it": (
        "xs = []\nfor t in user.tags:\n    xs.append(t)\n\n"
        "def kept(n: int) -> list[list[str]]:\n    return [xs, [str(n)]]\n\nreturn [kept(1), kept(2)]"
    ),
}
"""Lists that nothing else holds while they are changed."""


def halves(xs: list[int]) -> list[list[int]]:
    middle = len(xs) // 2
    return [xs[:middle], xs[middle:]]


def evens(most: int) -> list[int]:
    found: list[int] = []
    for each in range(0, most, 2):
        found.append(each)  # noqa: PERF402  # a loop as authors write it
    return found


def same(xs: list[int]) -> list[int]:
    return xs


def _written(body: str) -> str:
    return f"user = event.payload\n{textwrap.dedent(body)}"


@pytest.mark.parametrize("body", [*LISTS.values(), *PARTS.values()], ids=[*LISTS, *(f"a field: {n}" for n in PARTS)])
def test_it_agrees_with_cpython(body: str) -> None:
    workflow = written(_written(body), classes=f"from {__name__} import *")
    for user in USERS:
        agree(workflow, user)


@pytest.mark.parametrize("body", [*TAKEN.values(), *MADE.values()], ids=[*TAKEN, *MADE])
def test_what_is_taken_out_or_made_agrees_with_cpython(body: str) -> None:
    workflow = written(_written(body), classes=f"from {__name__} import *")
    for user in USERS:
        agree(workflow, user)


REFUSED = {
    "a list that is gone through in a comprehension": "xs = [1, 2]\nreturn [xs.pop() for _ in xs]",
    "one that is gone through with numbers": "xs = [1, 2]\nreturn [xs.pop() + n for n, _ in enumerate(xs)]",
    "what a function was given": "xs = [1]\nys = same(xs)\nys.append(2)\nreturn xs",
    "a list that is kept between changes in a loop": (
        "xs = []\nall = []\nfor t in user.tags:\n    xs.append(t)\n"
        "    for n in range(2):\n        all.append(xs)\nreturn all"
    ),
    "a list taken out of and kept in a comprehension": "xs = [1, 2]\nreturn [[xs.pop(), xs] for _ in range(2)]",
    "a list of a dict has a name": "d = {'a': []}\nxs = d['a']\nd['a'].append('x')\nreturn [d, xs]",
    "a list of a dict is kept": "d = {'a': []}\nall = [d['a']]\nd['a'].append('x')\nreturn [d, all]",
    "the lists of a dict are those of another": (
        "d = {t: user.tags for t in user.tags}\nd['a'].append('x')\nreturn [d, user.tags]"
    ),
    "the list has a name": "acc = Acc()\nnames = acc.names\nacc.names.append('a')\nreturn names",
    "the list is that of another": "xs = ['a']\nacc = Acc(names=xs)\nacc.names.append('b')\nreturn xs",
    "the list is given later": "xs = ['a']\nacc = Acc()\nacc.names = xs\nacc.names.append('b')\nreturn xs",
    "the object has a name": "acc = Acc()\nother = acc\nacc.names.append('a')\nreturn other",
    "the object is a copy": "b = Basket()\nc = b.model_copy()\nc.items.append('a')\nreturn b",
    "the object was copied": "b = Basket()\nc = b.model_copy()\nb.items.append('a')\nreturn c",
    "a dataclass was copied": "a = Acc()\nb = replace(a, total=1)\na.names.append('a')\nreturn b",
    "the list is gone through": "acc = Acc(names=['a'])\nfor n in acc.names:\n    acc.names.append(n)\nreturn acc",
    "the object is in a list": "acc = Acc()\nall = [acc]\nacc.names.append('a')\nreturn all",
    "the object is an item": "all = [Acc()]\nfor acc in all:\n    acc.names.append('a')\nreturn all",
    "the object is kept in a loop": (
        "acc = Acc()\nall = []\nfor t in user.tags:\n    acc.names.append(t)\n    all.append(acc)\nreturn all"
    ),
    "the list is kept in a loop": (
        "acc = Acc()\nall = []\nfor t in user.tags:\n    acc.names.append(t)\n    all.append(acc.names)\nreturn all"
    ),
    "the object is a parameter": "def f(a: Acc) -> int:\n    a.names.append('x')\n    return 1\n\nreturn f(Acc())",
    "a list in a list": "acc = Acc(rows=[[1]])\nacc.rows[0].append(2)\nreturn acc",
    "a list that has another name": "xs = [1]\nys = xs\nxs[0] = 2\nreturn ys",
    "a computed field": "c = Counted()\nc.items.append('a')\nreturn c.count",
    "an item of another type": "acc = Acc()\nacc.names.append(1)\nreturn acc",
    "a field that is no list": "acc = Acc()\nacc.total.append(1)\nreturn acc",
    "the last pair": "d = {'a': 1}\nk, v = d.popitem()\nreturn k",
}


FOLLOWED = {
    "of a model": (
        "b = Basket()\nc = [b]\nb.items.append('a')\nreturn [b, c]",
        'b = Basket()\nc = [b]\nb = b.model_copy(update={"items": [*b.items, "a"]})\nreturn b',
    ),
    "of a list with a name": (
        "acc = Acc()\nnames = acc.names\nacc.names.append('a')\nreturn names",
        'acc = Acc()\nnames = acc.names\nacc.names = [*acc.names, "a"]\nreturn [names, acc]',
    ),
    "of a pair": (
        "d = {'a': 1}\nk, v = d.popitem()\nreturn v",
        "d = {'a': 1}\nkey = list(d)[-1]\nvalue = d.pop(key)\nreturn [key, value, d]",
    ),
}


@pytest.mark.parametrize("name", FOLLOWED)
def test_what_the_refusal_says_to_write_compiles(name: str) -> None:
    refused, instead = FOLLOWED[name]
    with pytest.raises(CompileError) as said:
        compile_workflow(written(refused, classes=f"from {__name__} import *"))
    for line in instead.splitlines():
        assert line in str(said.value) or "=" not in line or line in refused
    agree(written(instead, classes=f"from {__name__} import *"), USERS[0])


@pytest.mark.parametrize("name", REFUSED)
def test_what_something_else_may_hold_is_not_changed(name: str) -> None:
    with pytest.raises(CompileError, match="; "):
        compile_workflow(written(_written(REFUSED[name]), classes=f"from {__name__} import *"))


class Turn(TypedDict):
    role: Literal["user", "bot"]
    text: str
    intent: NotRequired[str]


class Note(TypedDict):
    text: str
    pages: int


def get_note(tag: str) -> Note | Turn:
    return {"text": tag, "pages": 1} if tag > "a" else {"role": "bot", "text": tag}


TYPED = {
    "what is added": (
        "turns: list[Turn] = [{'role': 'bot', 'text': 'a'}]\nfor t in user.tags:\n"
        "    turns.append({'role': 'user', 'text': t, 'intent': 'c'})\n    turns += [{'role': 'bot', 'text': 'q'}]\n"
        "turns = [*turns, {'role': 'bot', 'text': 'z'}]\n"
        "return [[t['text'] for t in turns], [t.get('intent') for t in turns], turns[-1]['role'], turns]"
    ),
    "in dicts": (
        "last: dict[str, Turn] = {}\nall: dict[str, list[Turn]] = {}\nfor t in user.tags:\n"
        "    last['x'] = {'role': 'user', 'text': t}\n    all.setdefault(t, []).append({'role': 'bot', 'text': t})\n"
        "return [[t['text'] for t in last.values()], [t['text'] for each in all.values() for t in each]]"
    ),
    "of a union": "note = await step.do('n', get_note, user.user_id)\nreturn [note['text'], note]",
}


@pytest.mark.parametrize("name", TYPED)
def test_a_dict_that_is_written_out_counts_as_the_typed_dict_around(name: str) -> None:
    workflow = written(_written(TYPED[name]), classes=f"from {__name__} import *")
    for user in USERS:
        agree(workflow, user)
