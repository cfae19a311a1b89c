"""Idioms of Python in drawn programs: functions of functions, tuples, objects in objects, values changed in place."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

PARTS = [".zfill(7)", '.strip("a")', '.rsplit("a", 1)[0]', "[::-1]"]
Forms = dict[str, list[Callable[[], str]]]
"""What makes an expression of each type."""


def expressions(one: Callable[[str], str], random: Random, *, fallible: bool) -> Forms:
    """Return expressions; `one` draws a part of a type, and `fallible` ones take what the compiler sees as missing."""
    some = random.choice

    def pair() -> str:
        return f"({one('int')}, {one('str')})"

    return {
        "int": [
            lambda: f"sum(map({some(['len', 'lambda e: len(e) + 1'])}, {one('list[str]')}))",
            lambda: f"sum(list(range({one('int')} % 9, len({one('str')}), {some(['', '-'])}user.level)))",
            *([lambda: f"max([{pair()}, {pair()}])[0]"] * fallible),
            lambda: f"min(((e % 3, -e) for e in {one('list[int]')}), default=({one('int')}, 0))[1]",
            lambda: f"sample.Draft(title={one('str')}, point=Point({one('int')}, y={one('int')})).point.{some('xy')}",
            lambda: f'{one("user")}.model_copy(update={{"point": Point({one("int")})}}).point.x',
            lambda: f"replace(Point({one('int')}, {one('int')}), {some('xy')}={one('int')}).y",
            lambda: f"sum(v for k, v in sorted({one('dict[int]')}.items()) if k >= {one('str')})",
            lambda: f"({one('when')}).isocalendar(){some(['[0]', '.week', '.weekday'])}",
        ],
        "str": [
            lambda: f"{one('user')}.{some(['color', 'level', 'size'])}.name",
            lambda: f"{one('str')}{some(PARTS)}",
            lambda: f"repr({some(['1', '-2'])} + {one('int')} if {one('bool')} else {one('str')} + 'é')",
            lambda: f'f"{{{some(["user.user_id", "user.nickname", "user.age"])}!r:>9}}"',
            *([lambda: f"sorted([{pair()}, {pair()}])[0][1]"] * fallible),
            lambda: f"f'{{{some(['MOMENT', 'event.timestamp'])}:{some(['%G-W%V', '%u %a', '%d %b'])}}}'",
        ],
        "bool": [
            lambda: f"({pair()} {some(['<', '<=', '>', '>=', '==', '!='])} {pair()})",
            lambda: f"({one('user')}.color.name == {one('str')})",
            lambda: f"{some(['any', 'all'])}(map(lambda e: e > {one('int')}, {one('list[int]')}))",
        ],
        "list[str]": [
            lambda: f"list(map({some(['str.upper', 'str', 'lambda e: e + e', 'repr'])}, {one('list[str]')}))",
            lambda: f"[*filter({some(['None', 'len', 'lambda e: e != ' + one('str')])}, {one('list[str]')})]",
            lambda: f"[b for a, b in sorted(zip({one('list[int]')}, {one('list[str]')}))]",
            lambda: f"sorted({one('list[str]')}, key=lambda e: (-len(e), e))",
        ],
        "list[int]": [
            lambda: f"list(map({some(['abs', 'lambda e: e * 2 - 1'])}, {one('list[int]')}))",
            lambda: f"list(filter(lambda e: e {some(['<', '!='])} {one('int')}, {one('list[int]')}))",
            lambda: f"list(range(len({one('str')}), {one('int')} % 7, {some(['', '-'])}user.level))",
            lambda: f"[a - b for (a, b) in sorted((e % 4, e) for e in {one('list[int]')})]",
        ],
        "dict[int]": [
            lambda: f"dict(sorted({one('dict[int]')}.items()))",
            lambda: f"dict(zip({one('list[str]')}, {one('list[int]')}))",
            lambda: f"({one('dict[int]')} | {one('dict[int]')})",
        ],
    }


def changes(name: str, one: Callable[[str], str], random: Random, *, missing: bool) -> tuple[list[str], str]:
    """Return lines that change a dict or an object that only `name` holds, and the type of what it is then.

    Args:
        missing: whether a line may fail.
    """
    some = random.choice
    if random.random() < 0.5:
        forms: list[Callable[[], str]] = [
            lambda: f"{name}[{one('str')}] = {one('int')}",
            lambda: f"{name} |= {one('dict[int]')}",
            lambda: f"{name}.update({one('dict[int]')})",
            lambda: f"{name}.pop({one('str')}, 0)",
            lambda: f'{name}["a"] = {name}.get("a", 0) + {one("int")}',
            *([lambda: f'{name}["a"] += {one("int")}', lambda: f'{name}gone = {name}.pop("a")'] * missing),
            *([lambda: f'del {name}["a"]'] * missing),
        ]
        whole = f'{{"a": {one("int")}, **{one("dict[int]")}}}'
        return [f"{name} = {whole}", *(some(forms)() for _ in range(random.randint(1, 4)))], "dict[int]"
    fields: list[Callable[[], str]] = [
        lambda: f"{name}.tags.append({one('str')})",
        lambda: f"{name}.tags = {one('list[str]')}",
        lambda: f"{name}.sizes[{one('str')}] = {one('int')}",
        lambda: f"{name}.age += {one('int')}",
        lambda: f"{name}.nickname = {one('str?')}",
        lambda: f"{name}.point = Point({one('int')}, y={name}.age)",
        lambda: f"{name}.tags.{some(['reverse()', 'sort()', 'extend([' + one('str') + '])', 'clear()'])}",
        lambda: f"{name}.sizes.update({one('dict[int]')})",
        *([lambda: f"{name}.tags[{some(['0', '-1', '1'])}] = {one('str')}"] * missing),
        *([lambda: f'{name}.sizes["a"] -= {one("int")}'] * missing),
    ]
    made = f"sample.User(user_id={one('str')}, age={one('int')}, sizes={{}}, tags=[{one('str')}])"
    return [f"{name} = {made}", *(some(fields)() for _ in range(random.randint(1, 5)))], "user"
