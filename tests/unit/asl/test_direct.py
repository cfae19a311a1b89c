"""What is computed without the library gives what the library gives."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonata.jsonata import Jsonata
from jsonata.utils import Utils

from durable.asl import functions
from durable.asl.evaluator import Evaluator
from durable.asl.expression import (
    Computed,
    EvaluationFailed,
    Expression,
    UnsupportedResult,
    parse,
)
from durable.asl.values import MISSING
from durable.testing.execution import execute
from tests.unit.asl.machines import a_pass, definition
from tests.unit.asl.reference import parse_with_library
from tests.unit.asl.test_expression import evaluate, scope

LEAVES = st.sampled_from(
    [
        *(
            "$n",
            "$m",
            "$f",
            "$s",
            "$t",
            "$b",
            "$z",
            "$l",
            "$e",
            "$k",
            "$o.a",
            "$o.l",
            "$o.x.y",
            "$nope",
            "$states.input",
        ),
        *(
            "0",
            "1",
            "-1",
            "2.5",
            "1e21",
            '"a"',
            '""',
            "'é'",
            "true",
            "false",
            "null",
            "$o",
            "$states.context.Execution.Id",
        ),
    ]
)
OPERATORS = ["+", "-", "*", "<", "<=", ">", ">=", "=", "!=", "&", "in", "and", "or"]


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(OPERATORS), inner),
        st.builds("({})[{}]".format, inner, inner),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
        st.builds("${}({})".format, st.sampled_from(["count", "not", "formatBase", "sum", "length", "exists"]), inner),
        st.builds("$append({}, {})".format, inner, inner),
        st.builds("($x := {}; $n := $x; {})".format, inner, inner | st.just("$x & $n")),
        st.builds("({}).a".format, inner),
        st.builds("$k[{}].a".format, inner),
        st.builds("($x := {}; $assert($exists($x), 'no'); $x)".format, inner),
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        inner.map("({})".format),
    )


EXPRESSIONS = st.recursive(LEAVES, _grown, max_leaves=8) | st.sampled_from(["$l[0]", "$l[$n]", "$o.l[1]", "$k[-1]"])
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 2.0, 1e15, "a", "", "b", 2**53])
VALUES = st.fixed_dictionaries(
    {
        **dict.fromkeys("nm", st.integers(-3, 3)),
        "f": st.sampled_from([0.5, -2.5, 3.0, 1e-7]),
        **dict.fromkeys("st", st.sampled_from(["a", "b", "", "é"])),
        "b": st.booleans(),
        "z": SCALARS,
        "l": st.lists(SCALARS, max_size=4),
        "e": st.just([]),
        "k": st.lists(st.lists(SCALARS, max_size=2) | st.dictionaries(st.just("a"), SCALARS), max_size=3),
        "o": st.fixed_dictionaries({"a": SCALARS, "l": st.lists(SCALARS, max_size=3), "x": st.just({"y": 1})}),
    }
)

OPERANDS = [None, True, False, -1, 0, 1, 2, 1.0, 0.5, 2**53, "", "a", "b", "1", [], [1], ["a", None], {}, {"a": 1}]


def outcome(expression: Expression, values: dict[str, Any]) -> str:
    seen = scope(values, input=values["z"], context={"Execution": {"Id": "id"}})
    try:
        value = expression.evaluate(seen)
    except (EvaluationFailed, UnsupportedResult) as error:
        return str(error)
    return "nothing" if value is MISSING else json.dumps(value)


@settings(max_examples=300, deadline=None)
@given(EXPRESSIONS, VALUES)
def test_a_computed_expression_gives_what_the_library_gives(source: str, values: dict[str, Any]) -> None:
    assert outcome(parse(source), values) == outcome(parse_with_library(source), values)


@pytest.mark.parametrize("operator", OPERATORS)
def test_an_operator_gives_what_the_library_gives_on_every_pair(operator: str) -> None:
    source = f"$x {operator} $y"
    computed, reference = parse(source), parse_with_library(source)
    for left, right in itertools.product(OPERANDS, OPERANDS):
        values = {"x": left, "y": right, "z": None}
        assert outcome(computed, values) == outcome(reference, values), values


@pytest.mark.parametrize(
    "source",
    [
        "$rounds + 1",
        "$rounds >= $count($states.input.tags)",
        "($states.context.Execution.Input.payload.tags)[$rounds]",
        '"item[" & $formatBase($rounds) & "]"',
        '$states.errorOutput.Error in ["A", "B"] ? "C" : $states.errorOutput.Error',
        "$not($a.b = null) and 2 * $x < 10",
        "$n + $length(($_ := $words[$rounds]; $assert($exists($_), 'IndexError'); $_))",
        "$append($out, [$item])",
        "$words[$count($words) - 1]",
        "$items[$rounds].name.first != null",
        "($_ := $items[$rounds]; $assert($exists($_), 'IndexError'); $_).name != null ? 'named' : 'anonymous'",
    ],
)
def test_what_the_compiler_writes_most_is_computed(source: str) -> None:
    assert isinstance(parse(source), Computed)


@pytest.mark.parametrize("source", ["$sum($l)", "$l[a = 1]", "$random() + 1", "($x := [1]; $sum($x))", "$a{'b': c}"])
def test_the_rest_is_left_to_the_library(source: str) -> None:
    assert type(parse(source)) is Expression


def test_an_index_does_not_look_at_the_other_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Evaluator, "run")
    items = [{"n": n} for n in range(1_000)]
    assert evaluate("($states.input)[$i]", {"i": 999}, input=items) == {"n": 999}


INDEXES = ["0", "1", "-1", "$i", "$i + 1", "$f", "-$i", "$i - 5", "$l[$i]", "$i + $i * 2 - 1", "$k[$i]", "$b"]
LISTS: list[Any] = [[], [1], [[1], [2]], [None, {"a": 1}, "x"], [{"a": [1]}, [[3]], []], {"a": 1}, "text", 5]


@pytest.mark.parametrize("index", INDEXES)
def test_an_index_that_is_evaluated_once_gives_what_the_library_gives(
    index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = f"$v[{index}]"
    variables = {"i": 1, "f": 1.5, "b": True, "l": [2, 0, 1], "k": [[0, 1]]}
    ours = [outcome(parse_with_library(source), {"v": each, "z": None, **variables}) for each in LISTS]
    monkeypatch.setattr(Evaluator, "evaluate_filter", Jsonata.evaluate_filter)
    assert ours == [outcome(parse_with_library(source), {"v": each, "z": None, **variables}) for each in LISTS]


def test_an_index_is_not_evaluated_for_each_item(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("durable.asl.evaluator.MAX_STEPS", 20)
    found = parse_with_library("$l[$i - 1].n").evaluate(scope({"l": [{"n": n} for n in range(1_000)], "i": 500}))
    assert found == 499


def test_the_same_value_is_bound_once_in_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    bind = functions.bind_nulls
    walked: list[Any] = []

    def noted(value: Any) -> Any:
        walked.append(value)
        return bind(value)

    monkeypatch.setattr(functions, "bind_nulls", noted)
    bound = functions.BoundValues()
    large, other = [None, {"a": None}], {"b": 1}
    for _ in range(3):
        assert bound(large) == [Utils.NULL_VALUE, {"a": Utils.NULL_VALUE}]
        assert bound(other) is other
    assert [each for each in walked if each is large or each is other] == [large, other]


@pytest.mark.parametrize("pause", [False, True])
def test_a_loop_does_not_walk_a_variable_that_it_does_not_change(pause: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rounds of a loop with an expression for the library, in one turn or in a turn each, bind the list once."""
    items, walks = [{"n": n, "x": None} for n in range(50)], 0
    bind = functions.bind_nulls

    def counted(value: Any) -> Any:
        nonlocal walks
        walks += value == items
        return bind(value)

    monkeypatch.setattr(functions, "bind_nulls", counted)
    again = {
        "Condition": "{% $i < $count($items) %}",
        "Assign": {"total": "{% $sum([$total, $items[$i].n]) %}", "i": "{% $i + 1 %}"},
        "Next": "Loop",
    }
    loop = {"Type": "Choice", "Choices": [{**again, "Next": "Pause" if pause else "Loop"}], "Default": "Done"}
    begin = a_pass(Assign={"items": "{% $states.input %}", "i": 0, "total": 0}, Next="Loop")
    states = {"Begin": begin, "Loop": loop, "Done": a_pass(Output="{% $total %}")}
    if pause:
        states["Pause"] = {"Type": "Wait", "Seconds": 1, "Next": "Loop"}
    outcome = execute(definition("Begin", **states), items)
    assert outcome.output == 1225
    assert walks == 1


def test_a_variable_may_take_a_functions_name() -> None:
    assert evaluate("$count($l)", {"l": [1, 2]}) == 2
    with pytest.raises(EvaluationFailed, match="T1006"):
        evaluate("$count($l)", {"l": [1, 2], "count": 3})
