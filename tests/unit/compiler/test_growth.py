"""What a program compiles to grows with its length: no chain, no loop in a loop and no helper multiplies anything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from durable.asl.syntax import depth, parse_tree
from durable.compiler import Compiled, compile_workflow
from durable.compiler.statements.statements import StatementReader
from durable.errors import CompileError
from tests.unit.compiler.both import agree, all_states
from tests.unit.compiler.sample import User
from tests.unit.compiler.written import written

pytestmark = pytest.mark.slow

USER = User(user_id="u", age=30)
CHAINS = {
    "sum": "x = x + x",
    "conditional": "x = x if x > {i} else {i}",
    "default": "x = x or {j}",
    "extreme": "x = max(x, {i})",
    "remainder": "x = x % 7 + {i}",
    "unpacking": "x, y = y, (x + y) % 1000",
    "item": "x = xs[0] + x",
    "list": "xs = [x, *[y]]",
    "place": "xs[0] = xs[-1] % 7 + {i}",
    "taken": "y = xs.pop()\nxs.append(y % 7 + {i})",
    "division": "x = x // y",
    "field": 'd.lines.append("{i}")\nd.lines[0] = d.title',
    "padding": "t = t.center({j} % 9).replace(' ', '*', 2).rpartition('*')[2]",
    "position": "x = xs.index(xs[0]) + xs.count({i})",
}
DEEPEST = 100


def chain(line: str, times: int) -> str:
    lines = "\n".join(line.format(i=i, j=i + 1) for i in range(times))
    head = 'x = event.payload.age\ny = 1\nxs = [x]\nd = Draft(title="t")\nt = d.title'
    return f"{head}\n{lines}\nreturn [x, y, xs, d.lines, t]"


def size(body: str) -> int:
    return len(compile_workflow(written(body)).text)


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_of_assignments_grows_by_its_own_length(name: str) -> None:
    sizes = [size(chain(CHAINS[name], times)) for times in (40, 80, 160)]
    assert sizes[1] < sizes[0] * 2.5
    assert sizes[2] < sizes[1] * 2.5


@pytest.mark.parametrize("name", [each for each in CHAINS if each != "sum"])
def test_a_chain_of_assignments_is_worked_out_as_python_does(name: str) -> None:
    agree(written(chain(CHAINS[name], 50)), USER)


def test_a_dict_that_is_spread_again_and_again_grows_by_its_keys() -> None:
    def body(times: int) -> str:
        lines = "\n".join(f'd = {{**d, "k{i}": x + {i}}}' for i in range(times))
        return f'x = event.payload.age\nd = {{"a": x}}\n{lines}\nreturn d'

    assert size(body(40)) < size(body(20)) * 2.5
    agree(written(body(20)), USER)


def test_many_values_that_are_all_read_at_the_end_are_shared_between_few_states() -> None:
    def body(times: int) -> str:
        lines = "\n".join(f"x{i + 1} = x{i} % 1000 + {i}" for i in range(times))
        return f"x0 = event.payload.age\n{lines}\nreturn [{', '.join(f'x{i}' for i in range(times))}]"

    small, large = compile_workflow(written(body(60))), compile_workflow(written(body(120)))
    assert len(large.text) < len(small.text) * 2.5
    assert len(all_states(large.definition)) <= 10
    agree(written(body(60)), USER)


def test_what_follows_many_branches_is_written_once() -> None:
    def body(times: int) -> str:
        arms = "".join(f"elif x > {90 - i}:\n    y = {i}\n" for i in range(times))
        lines = "\n".join(f"z{i} = y + {i}" for i in range(times))
        names = ", ".join(f"z{i}" for i in range(times))
        return f"x = event.payload.age\nif x > 99:\n    y = 0\n{arms}else:\n    y = 0\n{lines}\nreturn [{names}]"

    assert size(body(80)) < size(body(40)) * 2.5
    agree(written(body(40)), USER)


def nested(levels: int) -> str:
    lines = []
    for level in range(levels):
        lines += ["    " * level + f"x{level} = None", "    " * level + f"while x{level} is None:"]
    lines.append("    " * levels + "x0 = await step.do('maybe', maybe, 'a')")
    lines += ["    " * level + f"x{level} = x0" for level in range(levels - 1, 0, -1)]
    return "\n".join([*lines, "return x0"])


def test_loops_in_loops_are_read_a_few_times_each(monkeypatch: pytest.MonkeyPatch) -> None:
    read = StatementReader.statement
    counts: list[int] = []

    def counting(reader: StatementReader, node: Any) -> Any:
        counts[-1] += 1
        return read(reader, node)

    monkeypatch.setattr(StatementReader, "statement", counting)
    for levels in (4, 8, 16):
        counts.append(0)
        compile_workflow(written(nested(levels)))
    assert counts[1] < counts[0] * 5
    assert counts[2] < counts[1] * 5


def expressions(compiled: Compiled) -> Iterator[str]:
    for text in re.findall(r'"\{% (.*) %\}"', compiled.text):
        yield text.replace('\\"', '"').replace("\\\\", "\\")


DEEP = {
    "sum": lambda times: "return " + " + ".join(["event.payload.age"] * times),
    "text": lambda times: "return f'" + "-".join(["{event.payload.age}"] * times) + "'",
    "chain": lambda times: chain("x = x + 1", times),
    "joined": lambda times: "return " + " + ".join(["event.payload.user_id"] * times),
    "tests": lambda times: "return " + " and ".join(f"event.payload.age > {i}" for i in range(times // 5)),
}


@pytest.mark.parametrize("name", DEEP)
def test_expressions_nest_less_deep_than_step_functions_allows(name: str) -> None:
    body = DEEP[name](100)
    found = [depth(parse_tree(each)) for each in expressions(compile_workflow(written(body)))]
    assert max(found) < DEEPEST
    agree(written(body), USER)


@pytest.mark.parametrize(
    "body",
    [
        "return " + " + ".join(["event.payload.age"] * 400),
        "return " + "(" * 60 + "1" + " if event.payload.age else 2)" * 60,
        "return " + " and ".join(["event.payload.active"] * 300),
        "return " + "-" * 80 + "event.payload.age",
    ],
)
def test_an_expression_that_nests_too_deep_is_refused_with_its_line(body: str) -> None:
    with pytest.raises(CompileError, match=r"are the most; assign parts of it to variables"):
        compile_workflow(written(body))


@pytest.mark.parametrize("times", [300, 1_500])
@pytest.mark.slow
def test_no_program_is_too_long_for_the_compiler(times: int) -> None:
    lines = "\n".join(f"x = x + {i}" for i in range(times))
    agree(written(f"x = event.payload.age\n{lines}\nreturn x"), USER)


def test_a_definition_that_step_functions_would_not_take_is_refused() -> None:
    texts = "\n".join(f"t{i} = await step.do('s{i}', text, '{'x' * 20_000}')" for i in range(60))
    with pytest.raises(CompileError, match=r"has 1,\d{3},\d{3} bytes, and Step Functions takes 1,000,000; move parts"):
        compile_workflow(written(f"{texts}\nreturn 1"))


def test_a_name_of_more_than_80_characters_is_cut() -> None:
    one, two = "a" * 90, "a" * 90 + "b"
    agree(
        written(f"{one} = await step.do('s', save, 1)\n{two} = await step.do('t', save, 2)\nreturn [{one}, {two}]"),
        USER,
    )


def test_functions_that_double_at_each_level_are_refused_in_no_time() -> None:
    defs = 'async def f0() -> int:\n    return await step.do("s", save, 1)\n\n'
    for n in range(1, 30):
        defs += f"async def f{n}() -> int:\n    return await f{n - 1}() + await f{n - 1}()\n\n"
    with pytest.raises(CompileError, match="more than 500 times; call them in a loop"):
        compile_workflow(written(defs + "return await f29()"))


@pytest.mark.parametrize("function", ["any", "sum"])
def test_what_is_asked_before_grows_by_what_may_fail_and_not_by_how_deep_it_stands(function: str) -> None:
    def within(depth: int) -> int:
        text = "10 // (e0 - user.age) > 1"
        for level in range(depth):
            text = f"{function}({text} for e{level} in [user.age, {level}])"
        body = f"user = event.payload\ntry:\n    x = {text}\nexcept ZeroDivisionError as error:\n    return str(error)"
        return size(body + "\nreturn x")

    sizes = [within(depth) for depth in (2, 4, 8)]
    assert sizes[1] < sizes[0] * 2.5
    assert sizes[2] < sizes[1] * 2.5
