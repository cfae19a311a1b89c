"""What is computed without the library gives what the library gives."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from durable.asl.evaluator import Evaluator
from durable.asl.expression import (
    Computed,
    EvaluationFailed,
    Expression,
    UnsupportedResult,
    parse,
    parse_with_library,
)
from durable.asl.values import MISSING
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
        st.builds("${}({})".format, st.sampled_from(["count", "not", "formatBase", "sum"]), inner),
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
    ],
)
def test_what_the_compiler_writes_most_is_computed(source: str) -> None:
    assert isinstance(parse(source), Computed)


@pytest.mark.parametrize("source", ["$sum($l)", "$l[a = 1]", "$random() + 1", "($x := 1; $x)", "$a{'b': c}"])
def test_the_rest_is_left_to_the_library(source: str) -> None:
    assert type(parse(source)) is Expression


def test_an_index_does_not_look_at_the_other_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Evaluator, "run")
    items = [{"n": n} for n in range(1_000)]
    assert evaluate("($states.input)[$i]", {"i": 999}, input=items) == {"n": 999}


def test_a_variable_may_take_a_functions_name() -> None:
    assert evaluate("$count($l)", {"l": [1, 2]}) == 2
    with pytest.raises(EvaluationFailed, match="T1006"):
        evaluate("$count($l)", {"l": [1, 2], "count": 3})
