"""`defaultdict` and `Counter`: natively and compiled, and what is refused."""

from __future__ import annotations

import pytest

from durable.compiler import compile_workflow
from durable.errors import CompileError
from tests.unit.compiler.both import agree
from tests.unit.compiler.test_expressions import USERS
from tests.unit.compiler.written import written

PROGRAMS = {
    "sums by key": """
        totals: dict[str, int] = defaultdict(int)
        for tag in ["a", *event.payload.tags, "a"]:
            totals[tag] += await step.do("n", save, len(tag))
        return {"totals": totals, "many": [k for k, n in totals.items() if n > 1], "a": "a" in totals, "n": len(totals)}
    """,
    "a key that is read is put in": """
        totals = collections.defaultdict(float)
        seen = totals["x"] + 1.5
        if totals[f"n{len(event.payload.tags)}"] == 0:
            totals["again"] += seen
        last = f"{totals['y']:.1f} {totals['z']:.0f}"
        return [sorted(totals), last, not totals, dict(totals)]
    """,
    "a key is put in before what is added fails": """
        totals = defaultdict(int)
        try:
            totals["b"] += len(await step.do("fail", fail, "x", retries=Retries(limit=0)))
        except EmailTakenError:
            totals["c"] += 1
        return totals
    """,
    "lists by key": """
        groups: defaultdict[str, list[str]] = defaultdict(list)
        for tag in ["a", "bb", *event.payload.tags]:
            groups[str(len(tag))].append(tag)
            groups["all"] += [tag, tag]
            groups["all"].extend(["."])
        return {size: ",".join(found) for size, found in sorted(groups.items())}
    """,
    "a default that is written out": """
        left = defaultdict(lambda: 10)
        for tag in event.payload.tags:
            left[tag] -= 1
        texts: defaultdict[str, str] = defaultdict(str)
        texts["a"] += "x"
        return [max(left, key=left.get, default=None), texts]
    """,
    "counts": """
        counts: Counter[str] = Counter()
        for tag in ["a", "b", *event.payload.tags, "b", "a", "c"]:
            counts[tag] += 1
        top = counts.most_common(2)
        counts["c"] -= 5
        return [top, counts["nope"], counts.total(), [k for k in counts if counts[k] > 1], counts.most_common(), counts]
    """,
    "what a Counter begins with, and is given": """
        counts = Counter(tag.upper() for tag in ["a", *event.payload.tags])
        counts.update(event.payload.tags)
        counts.update(["a", "a"])
        words = Counter("the cat the dog".split())
        return [counts, {word: n for word, n in words.most_common()}, await step.do("n", save, words["the"])]
    """,
    "a branch of an if has its own": """
        counts = Counter()
        if event.payload.active:
            counts["active"] += 1
        else:
            counts["other"] += len(event.payload.tags)
        return counts
    """,
}
REFUSED = {
    "another name": "totals = defaultdict(int)\nother = totals\nother['a'] += 1\nreturn totals",
    "only sometimes read": "totals = defaultdict(int)\nx = totals['a'] if len(event.payload.tags) else 1\nreturn x",
    "read before a key is put in": "totals = defaultdict(int)\nreturn [len(totals), totals['a']]",
    "read where a failure is caught": (
        "totals = defaultdict(int)\ntry:\n    x = await step.do('x', save, 1) + totals['a']\n"
        "except StepError:\n    x = 0\nreturn [x, totals]"
    ),
    "read by the test of a loop": "n = defaultdict(int)\nwhile n['a'] < 3:\n    n['a'] += 1\nreturn n",
    "read in a comprehension": "totals = defaultdict(int)\nreturn [totals[tag] for tag in event.payload.tags]",
    "a key that it changes": "d = defaultdict(int)\nd[f'k{len(d)}'] += 1\nreturn d",
    "its text": "counts = Counter()\nreturn f'{counts}'",
    "sums of counts": "counts = Counter()\nreturn counts + counts",
    "counts of a dict": "d = {'a': 3}\ncounts = Counter(d)\nreturn counts",
    "counts by name": "counts = Counter(a=3)\nreturn counts",
    "another class of this name": "totals = helping.defaultdict(int)\nreturn totals",
    "sets by key": "groups = defaultdict(set)\ngroups['a'].add(1)\nreturn len(groups)",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_they_mean_what_they_mean_in_python(name: str) -> None:
    for user in USERS:
        agree(written(PROGRAMS[name]), user)


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_plain_dict_would_answer_otherwise_is_refused(name: str) -> None:
    with pytest.raises(CompileError):
        compile_workflow(written(REFUSED[name]))
