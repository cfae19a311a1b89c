from __future__ import annotations

import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from durable.asl.expression import (
    Constant,
    EvaluationFailed,
    Expression,
    UnsupportedResult,
    parse,
)
from durable.asl.scope import StateScope
from durable.asl.syntax import SyntaxProblem
from durable.asl.values import MISSING
from tests.unit.asl.reference import parse_with_library

NOW_MS = 1_767_225_600_000


class Sections:
    """A context object of fixed sections."""

    def __init__(self, sections: Mapping[str, Any]) -> None:
        self._sections = sections

    def section(self, name: str) -> Any:
        return self._sections.get(name, MISSING)


def scope(variables: Mapping[str, Any] | None = None, **fields: Any) -> StateScope:
    return StateScope(
        variables or {},
        fields.get("input"),
        Sections(fields.get("context", {})),
        NOW_MS,
        Random(1),
        fields.get("result", MISSING),
        fields.get("error", MISSING),
    )


def evaluate(source: str, variables: Mapping[str, Any] | None = None, **fields: Any) -> Any:
    return parse(source).evaluate(scope(variables, **fields))


KEYS = st.sampled_from(["a", "b", "any key", "states", "Payload", "ключ"])
SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.text(max_size=3)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=12
)
PATHS = st.lists(KEYS, max_size=4).map(lambda keys: "".join(f".`{key}`" for key in keys))


@settings(max_examples=400, deadline=None)
@given(
    VALUES, PATHS, st.sampled_from(["$v", "$states.input", "$states.result", "$states.context.Execution", "$states"])
)
@pytest.mark.slow
def test_a_plain_path_gives_what_the_library_gives(value: Any, path: str, root: str) -> None:
    seen = scope({"v": value}, input=value, result=value, context={"Execution": value})
    direct, reference = parse(root + path), parse_with_library(root + path)
    assert type(direct) is not Expression or root + path == "$states"
    assert _same(direct.evaluate(seen), reference.evaluate(seen))


def _same(left: Any, right: Any) -> bool:
    """Compare with types: 1 is not true, and 1 is not 1.0."""
    if left is MISSING or right is MISSING:
        return left is right
    return json.dumps(left) == json.dumps(right)


@pytest.mark.parametrize(
    "source",
    ["$v", "$v.a.b", "$v.`a b`", '$v."a b"', "$states.result.Payload.result", "$states.context.Execution.Input.run"],
)
def test_plain_paths_do_without_the_library(source: str) -> None:
    assert type(parse(source)) is not Expression


@pytest.mark.parametrize("source", ["$v.a[0]", "$v.a[]", "$v.*", "$v.a^(b)", "$v{a: b}", "$v.(a)", "$v@$x.a"])
def test_other_paths_are_left_to_the_library(source: str) -> None:
    assert type(parse(source)) is Expression


@pytest.mark.parametrize(("source", "value"), [("'x'", "x"), ('"{% no %}"', "{% no %}"), ("-1", -1), ("null", None)])
def test_a_literal_is_itself(source: str, value: Any) -> None:
    assert isinstance(parse(source), Constant)
    assert evaluate(source) == value


@pytest.mark.parametrize("source", ["$a ?? 1", "$a ?: 1", "$a[", "'"])
def test_what_aws_refuses_is_refused(source: str) -> None:
    with pytest.raises(SyntaxProblem):
        parse(source)


def test_operators_of_later_versions_may_stand_in_a_regex_or_a_string() -> None:
    assert evaluate("$contains('a?:b ??', /b (?:\\?\\?)/)") is True


def test_variables_are_bound_and_never_pasted() -> None:
    text = 'a"b\\ {% 1 %} $x \n'
    assert evaluate("$v & ''", {"v": text}) == text


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("$v = null", True),
        ("$type($v)", "null"),
        ("$exists($v)", True),
        ("$count($l)", 2),
        ("$l[0]", None),
        ("$l", [None, {"x": None}]),
        ("{'k': $v, 'missing': $nope}", {"k": None}),
    ],
)
def test_null_is_a_value(source: str, value: Any) -> None:
    assert evaluate(source, {"v": None, "l": [None, {"x": None}]}) == value


def test_a_missing_value_is_not_null() -> None:
    assert evaluate("$nope") is MISSING
    assert evaluate("$states.result") is MISSING
    assert evaluate("$exists($states.errorOutput)") is False


@pytest.mark.parametrize(
    ("source", "reference"),
    [
        *[(source, "x") for source in ("x", "x.y", "'x'.y", "[x]", "{'a': x}", "{x: 1}", "-x", "x = 1", "1 + x")],
        *[(source, "x") for source in ("(1; x)", "$v ? x : 1", "x ? 1 : 2", "$exists(x)", "$f(?, x)", "($y := x; 1)")],
        *[(source, "x") for source in ("$map([1], function($n) { x })", "x ~> $f", "[1..x]", "x[1]", "x{a: b}")],
        *[(source, "$") for source in ("$", "$.x", "[$]", "$string($)", "$[0]")],
        *[(source, "$$") for source in ("$$", "[$$.a]", "$v[$$ = 1]", "$v.($$.a)")],
        *[("*", "*"), ("[*.a]", "*"), ("**", "**"), ("$sum(**.a)", "**")],
    ],
)
def test_refuses_to_read_a_document_where_there_is_none(source: str, reference: str) -> None:
    with pytest.raises(SyntaxProblem, match=re.escape(f"reference to '{reference}' at the top level")):
        parse(source)


@pytest.mark.parametrize(
    "source",
    [
        *["$v.a", "$v.(a)", "$v[a = 1]", "$v[$.a = 1]", "$v.$string($)", "$v^(a)", "$v{a: b}", "$v.*", "$v.**.a"],
        *["$v.a.%.b", "$v ~> |a|{'b': c}|", "$v#$i[$i = 1]", "$v@$x.a", "$filter($v, function($x) { $x.a })"],
        *["{'a': $v}", "($x := 1; $x)", "$states.input.a"],
    ],
)
def test_what_is_read_of_a_value_is_no_reference_to_a_document(source: str) -> None:
    parse(source)


@pytest.mark.parametrize("source", ["$eval('1')", "$map([1], $eval)"])
def test_eval_is_no_function(source: str) -> None:
    with pytest.raises(EvaluationFailed):
        evaluate(source)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("$nothing(1)", "T1006: Attempted to invoke a non-function"),
        ("'a' + 1", 'T2001: The left side of the "+" operator must evaluate to a number'),
        ("1 < 'a'", 'T2009: The values 1 and "a" either side of operator "<" must be of the same data type'),
        ("$error('bad')", "D3137: bad"),
        ("1 / 0", "D1001: Number out of range: null"),
        ("$hash(1, 'MD5')", 'T0410: Argument 1 of function "hash" does not match function signature'),
        ("$uppercase(1)", 'T0410: Argument 1 of function "uppercase" does not match function signature'),
        ("$toMillis('soon')", "D3110: The argument of the toMillis function must be an ISO 8601 formatted timestamp."),
        ("-'a'", 'D1002: Cannot negate a non-numeric value: "a"'),
        ("$number('x')", 'D3030: Unable to cast value to a number: "x"'),
    ],
)
def test_errors_carry_the_code_and_message_of_jsonata(source: str, message: str) -> None:
    with pytest.raises(EvaluationFailed, match="^" + re.escape(message)):
        evaluate(source)


@pytest.mark.parametrize("source", ["$decodeUrl('%E0%A4%A')", "1 % 0", "($f := function() { 1 + $f() }; $f())"])
def test_whatever_the_library_raises_is_an_evaluation_error(source: str) -> None:
    with pytest.raises(EvaluationFailed):
        evaluate(source)


@pytest.mark.parametrize("source", ["function($x) { $x }", "$sum", "[$sum]", "{'a': function() { 1 }}"])
def test_a_function_is_no_result(source: str) -> None:
    with pytest.raises(UnsupportedResult):
        evaluate(source)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("$partition([0, 1, 2], 2)", [[0, 1], [2]]),
        ("$partition([0], 5)", [[0]]),
        ("$range(0, 9, 3)", [0, 3, 6, 9]),
        ("$range(1, 9, 9)", 1),
        ("$range(3, 1, -1)", [3, 2, 1]),
        ("$hash('a', 'MD5')", "0cc175b9c0f1b6a831c399e269772661"),
        ("$hash('a', 'SHA-1')", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"),
        ("$parse('{\"a\": [1, null]}')", {"a": [1, None]}),
        ("$parse('null') = null", True),
        ("$now()", "2026-01-01T00:00:00.000Z"),
        ("$millis()", NOW_MS),
        ("$fromMillis($millis(), '[Y]')", "2026"),
        ("$random(7) = $random(7)", True),
        ("$toMillis('2026-01-01T00:00:00.123Z')", NOW_MS + 123),
        ("$toMillis('2026') = $toMillis('2026-01') and $toMillis('2026') = $millis()", True),
        ("$toMillis('2026-01-01T02:00:00+0200')", NOW_MS),
        ("$toMillis('01.02.2026', '[D].[M].[Y]')", 1_769_904_000_000),
        ("$number('0x1F') + $number('1e2') + $number(true)", 132),
        ("$sort([3, 1, 2])", [1, 2, 3]),
        ("$sort(['b', 'a'], function($l, $r) { $l > $r })", ["a", "b"]),
        ("$sort([{'k': 1, 'n': 1}, {'k': 1, 'n': 2}], function($l, $r) { $l.k > $r.k }).n", [1, 2]),
        ("[1..3]", [1, 2, 3]),
        ("$map([1, 2], function($x) { $x * 2 })", [2, 4]),
        ("$x := 1", 1),
        ("$random(42)", 0.7275636800328681),
        ("$random(42.9) = $random(42)", True),
        ("$random(-1) >= 0 and $random(-1) < 1", True),
        ("$range(-1.7, 2, 1)", [-1, 0, 1, 2]),
        ("$range(0, 6, 2)", [0, 2, 4, 6]),
        ("$range(6.9, 0, -2.5)", [6, 4, 2, 0]),
        ("$count($range(1, 200000, 1))", 200_000),
        ("$partition([1, 2, 3], 2.9)", [[1, 2], [3]]),
        ("[$range(1, 2, 0), $range(2, 1, 1), $partition([1], 0), $hash('a', 'MD4')]", []),
        ("$string(1e20)", "100000000000000000000"),
        ("$string(123456789012345678901)", "123456789012346000000"),
        ("1e21 & ''", "1e+21"),
        ("$string(9007199254740993)", "9007199254740990"),
        ("$pad('a', -3, '.')", "..a"),
    ],
)
def test_functions(source: str, value: Any) -> None:
    assert evaluate(source) == value


@pytest.mark.parametrize(
    "source",
    ["$partition([1], -1)", "$parse('{')", "$parse('NaN')", "$parse('')"],
)
def test_functions_refuse_what_they_cannot_do(source: str) -> None:
    with pytest.raises(EvaluationFailed):
        evaluate(source)


def test_randomness_is_the_one_that_was_given() -> None:
    assert evaluate("[$random(), $uuid(), $shuffle([1..9])]") == evaluate("[$random(), $uuid(), $shuffle([1..9])]")
    assert evaluate("$match($uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab]/)") is not MISSING


@pytest.mark.parametrize(("source", "volatile"), [("$uuid()", True), ("[$now()]", True), ("$sum([1])", False)])
def test_knows_what_gives_another_value_each_time(source: str, volatile: bool) -> None:
    assert parse(source).volatile is volatile


def test_evaluation_leaves_its_input_alone() -> None:
    value = {"a": [None, {"b": None}]}
    assert evaluate("$v ~> |$|{'c': 1}|", {"v": value}) == {"a": [None, {"b": None}], "c": 1}
    assert value == {"a": [None, {"b": None}]}


def test_an_expression_serves_several_threads() -> None:
    shared = parse("$sum($map([1..20], function($x) { $x * $v.n }))")
    with ThreadPoolExecutor(4) as pool:
        sums = list(pool.map(lambda n: shared.evaluate(scope({"v": {"n": n}})), range(40)))
    assert sums == [210 * n for n in range(40)]
