"""Methods and formats of strings, and the methods of lists and dicts that look or copy, natively and compiled."""

from __future__ import annotations

import textwrap

import pytest

from durable.compiler import compile_workflow
from durable.errors import CompileError
from tests.unit.compiler.both import agree
from tests.unit.compiler.test_expressions import USERS
from tests.unit.compiler.written import written

WORDS = '["", "a", "ab", "abcdefgh", "é😀a", " \\t", "aaa", "::", ":::", "a::b::c", "x\\n\\ny\\r\\nz\\r", "\\u2028q"]'
NUMBERS = "[0, 1, -1, 255, -255, 1234567]"
OF_EACH = {
    "where a text is found last": '[s.rfind("aa"), s.rfind(""), s.rfind(s[:1]), s.rfind("::")]',
    "where it is found, for certain": '[s.index(""), s.rindex(""), s.index(s[-1:]), s.rindex(s[:2])]',
    "a split at the last": '[*s.rpartition("::"), *s.rpartition("aa"), *s.partition("::")]',
    "splits from the right": '[s.rsplit("::"), s.rsplit("aa", 1), s.rsplit(s[:1] or "q"), s.rsplit(s[:2] or "q", 2)]',
    "splits by the names of arguments": '[s.split(":", maxsplit=1), s.split(sep="a"), s.rsplit(":", maxsplit=1)]',
    "lines": "s.splitlines()",
    "whether it is space": "s.isspace()",
    "to a width": '[s.ljust(5), s.rjust(4, "é"), s.center(6), s.center(5, "*"), s.ljust(len(s) - 1), s.rjust(-3)]',
    "some of several": '[s.replace("a", "b", 1), s.replace("aa", "$1", 1), s.replace(":", "", count)]',
    "one of several beginnings": (
        '[s.startswith(("a", ":")), s.endswith(("b", s[:1])), s.startswith(()), s.endswith(("",))]'
    ),
    "as it is written in Python": (
        'f"{s!r} {s!r:>9} {s[:1]!r:.3} {s=} " + repr(s + "\'\\"\\n\\\\\u00ad\u200b\ue000\U0001f600")'
    ),
    "in formats": 'f"{s:^5}|{s:*^4}|{s:.2}|{s:>6.3s}|{s:<3}"',
}
OF_NUMBERS = {
    "in the middle and with a sign": 'f"{n:^5}|{n:+d}|{n:+,}|{n:+05d}|{n:>+4d}|{n:^+7d}|{n:#<5}|{n!r}"',
    "to other bases": 'f"{n:x}|{n:08b}|{n:X}|{n:o}|{n:+x}|{n:>6b}"',
    "in groups": 'f"{n:_}|{n:,}|{n / 4:_.1f}|{n / 4:+,.2f}"',
    "floats": 'f"{n / 8:+.1f}|{n / 8:^9.1f}|{n / 8:+.1%}|{n / 8:+08.2f}"',
}
PROGRAMS = {
    "a text that is not there": "return user.user_id.index('l')",
    "a text that is not there is caught": """
        try:
            return [user.user_id.index("l"), user.tags.index("plain"), user.user_id.rindex("l")]
        except ValueError:
            return "none"
    """,
    "where an item stands, and how often": """
        xs = [3, 1, user.point.x, 1]
        found = [xs.index(1), xs.count(1), xs.count(9), (1, 2).index(2), ["a", user.nickname].count(None)]
        return [*found, [1.5, 2].count(2), user.tags.count(""), ["a", "b"].index(user.tags[0]) if user.tags else 0]
    """,
    "copies that change": """
        xs = [1, 2]
        ys = xs.copy()
        ys.append(user.point.x)
        sizes = user.sizes.copy()
        sizes["q"] = 2
        return [xs, ys, sizes, user.sizes]
    """,
    "a value of several types": """
        v = await step.do("m", mixed, user.user_id)
        w = 5 if user.active else "x" if user.age else True
        x = user.active if user.age else None
        return [f"{v}" if isinstance(v, (int, str)) else "other", f"{w}", str(x), f"{user.point.x=} {user.active!r}"]
    """,
    "several types as they are written in Python": """
        v = await step.do("m", mixed, user.user_id)
        w = 5 if user.active else "x" if user.age else True
        written = repr(v) if isinstance(v, (int, str)) else "other"
        first = repr(user.tags[0] if user.tags else None)
        return [f"{user.nickname!r} {w!r} {user.nickname=} {None!r}", written, first]
    """,
    "by what a dict says": """
        counts: dict[str, int] = {}
        for t in [*user.tags, "b"]:
            counts[t] = counts.get(t, 0) + 1
        most = max(counts, key=counts.get)
        return [most, sorted(counts, key=counts.get, reverse=True), min(user.sizes, key=user.sizes.get, default="")]
    """,
    "the first": 'return [next(iter(user.tags), None), next(iter(user.sizes), "none")]',
}


def _agree(body: str) -> None:
    workflow = written(f"user = event.payload\n{textwrap.dedent(body)}")
    for user in USERS:
        agree(workflow, user)


@pytest.mark.parametrize("name", OF_EACH)
def test_a_method_of_a_string(name: str) -> None:
    text = OF_EACH[name].replace("count", "2")
    _agree(f"return [{text} for s in [*{WORDS}, *user.tags, user.user_id]]")


@pytest.mark.parametrize("name", OF_NUMBERS)
def test_a_format_of_a_number(name: str) -> None:
    _agree(f"return [{OF_NUMBERS[name]} for n in {NUMBERS}]")


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program(name: str) -> None:
    _agree(PROGRAMS[name])


REFUSED = {
    "s.title()": ('" ".join(word[:1].upper() + word[1:].lower() for word in s.split(" "))', "title()"),
    "s.capitalize()": ("s[:1].upper() + s[1:].lower()", "capitalize()"),
    "s.casefold()": ("s.lower()", "casefold()"),
    "s.isupper()": ("s == s.upper()", "isupper()"),
    "f'{tuple(user.tags)}'": ("f'{\", \".join(tuple(user.tags))}'", "tuple[str, ...]"),
    "f'{user.sizes}'": ('", ".join(f"{key}={value}" for key, value in user.sizes.items())', "dict[str, int]"),
    "f'{user.color}'": ("user.color.value", "Color"),
    "f'{user.score:g}'": ("f'{user.point.x / 4:.2f}'", "`:g`"),
    "f'{user.score:.16f}'": ("f'{user.point.x / 4:.2f}'", "`:.16f`"),
    "s.rjust(5, '--')": ("s.rjust(5, '0')", "not one written character"),
    "s.center()": ("s.center(5)", "no width"),
    "s.replace('a', 'b', user.age)": ("s.replace('a', 'b', 1)", "how often"),
    "user.pairs.index([1])": (None, "`in` is for plain values"),
    "user.tags.index('a', 1)": ("user.tags[1:].count('a')", "2 arguments"),
    "[1, 2].count(True)": ("[1, 2].count(1)", "bool"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_says_what_to_write(name: str) -> None:
    instead, said = REFUSED[name]
    head = 's = "Ab cd"\nuser = event.payload\nreturn '
    with pytest.raises(CompileError) as refused:
        compile_workflow(written(head + name))
    assert said in str(refused.value)
    if instead is not None:
        _agree(f's = "Ab cd"\nreturn {instead}')
