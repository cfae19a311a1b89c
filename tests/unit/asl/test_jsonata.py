"""JSONata as jsonata 2.0.6 has it, where the library that evaluates it has something else."""

from __future__ import annotations

from typing import Any

import pytest

from durable.asl.expression import BoundExceeded, EvaluationFailed
from durable.asl.values import MISSING
from durable.testing.execution import execute
from tests.unit.asl.machines import a_pass, definition
from tests.unit.asl.test_expression import evaluate


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("2.5 % 3", 2.5),
        ("-7 % 3", -1),
        ("100.5 % 2.5", 0.5),
        ("true in [1, 2]", False),
        ("0 in false", False),
        ("{'a': 1} in [{'a': 1}]", False),
        ("[1] in [[1]]", False),
        ("($o := {'a': 1}; $o in [1, $o])", True),
        ("null in [null]", True),
        ("1e300 * 10", 1e301),
        ("1e21", 1e21),
    ],
)
def test_operators(source: str, value: Any) -> None:
    result = evaluate(source)
    assert (result, type(result)) == (value, type(value))


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("1e20 & ''", "100000000000000000000"),
        ("1e21 & ''", "1e+21"),
        ("1e-7 & ''", "1e-7"),
        ("0.000001 & ''", "0.000001"),
        ("0.1 + 0.2 & ''", "0.3"),
        ("1/3 & ''", "0.333333333333333"),
        ("123456789012345680 & ''", "123456789012346000"),
        ("-0.5 & ''", "-0.5"),
        ("1.50 & 2.0", "1.52"),
        ("null & true", "nulltrue"),
        ("$uppercase & function($x) { $x } & /a/", ""),
        ("['é', 1e20, null, {}] & []", '["é",100000000000000000000,null,{}][]'),
        ("$string({'a': [1, $sum], 'é': 'x\"'})", '{"a":[1,""],"é":"x\\""}'),
        ("$string({'a': [1, {}], 'b': []}, true)", '{\n  "a": [\n    1,\n    {}\n  ],\n  "b": []\n}'),
        ("$string('a', true)", "a"),
        ("$string($sum)", ""),
    ],
)
def test_values_as_text(source: str, text: str) -> None:
    assert evaluate(source) == text


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("$number('0123')", 123),
        ("$number('-007.50')", -7.5),
        ("$number('0xFF') + $number('0b11') + $number('0o7')", 265),
        ("$round(2.5)", 2),
        ("$round(3.5)", 4),
        ("$round(0.49999999999999994)", 0),
        ("$round(-0.49999999999999994)", 0),
        ("$round(-2.5)", -2),
        ("$round(1e300)", 1e300),
        ("$round(2.345, 2)", 2.34),
        ("$round(12345, -2)", 12300),
        ("$round(2.345, 1.9)", 2.3),
        ("$power(2, -1)", 0.5),
        ("$length('\\uD834\\uDD1E')", 1),
        ("$range(0.9, 4.9, 2.5)", [0, 2, 4]),
        ("$partition([1, 2, 3], 2.9)", [[1, 2], [3]]),
        ("$base64decode($base64encode('é😀'))", "é😀"),
        ("$base64decode('YQ')", "a"),
        ('$encodeUrlComponent("a b/é!\'()*-_.~")', "a%20b%2F%C3%A9!'()*-_.~"),
        ("$encodeUrl('https://a.b/c d?e=é&f=[1]')", "https://a.b/c%20d?e=%C3%A9&f=%5B1%5D"),
        ("$formatNumber($nope, '0')", MISSING),
        ("$zip(null, 1)", [[None, 1]]),
        ("$sort(null)", [None]),
        ("null ~> $type()", "null"),
        ("$map(['a b'], $substringBefore(?, ' '))", "a"),
        ("$lowercase('Straße ΣΑΣ')", "straße σας"),
        ("$substring('hello', 1.5, 2.7)", "ell"),
        ("$substring('hello', -3, 2)", "ll"),
        ("$substring('hello', -9, 2)", "he"),
        ("$formatInteger(-1.5, '0')", "-2"),
        ("$distinct(['x', 'x'])", ["x"]),
        ("$distinct([[1], [1]])", [[1]]),
        ("$distinct([1, true, '1', 0, false, 1])", [1, True, "1", 0, False]),
        ("[{'a': 1}, {'a': 1}].a ~> $distinct", 1),
        ("(λ($a, $b)<s-n?:s> { $a & $b })('x')", "x"),
    ],
)
def test_functions(source: str, value: Any) -> None:
    assert evaluate(source) == value


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("$map([[1, 2], 3], $sum)", [3, 3]),
        ("$map([1, [2, 3]], $count)", [1, 2]),
        ("$map([1.26, 2.34], $round)", [1, 2.3]),
        ("$map([1, 2, 3], $power)", [1, 2, 9]),
        ("$map([1, 2], $string)", ["1", "2"]),
        ("$filter([0, 2, 1], $sum)", [2, 1]),
        ("$reduce([1, 2, 3], $append)", [1, 2, 3]),
        ("$each({'a': 1, 'b': [1, 2]}, $sum)", [1, 3]),
    ],
)
def test_a_function_is_given_what_it_takes_by_another(source: str, value: Any) -> None:
    assert evaluate(source) == value


@pytest.mark.parametrize("source", ["$map([1], $uppercase)", "$map(['a', 'b'], $join)", "$map(['x'], $fromMillis)"])
def test_a_function_that_is_given_by_another_checks_its_arguments(source: str) -> None:
    with pytest.raises(EvaluationFailed, match="T0410"):
        evaluate(source)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("$formatNumber(2.5, '0') & $formatNumber(3.5, '0')", "24"),
        ("$formatNumber(0.125, '0.00')", "0.12"),
        ("$formatNumber(1.015, '0.00')", "1.02"),
        ("$formatNumber(-34.555, '#0.00;(#0.00)')", "(34.56)"),
        ("$formatNumber(-1234.5, '#,##0.00')", "-1,234.50"),
        ("$formatNumber(1234567.891, '#,##0.###')", "1,234,567.891"),
        ("$formatNumber(0.5, '#.##')", ".5"),
        ("$formatNumber(0, '#.##')", ".0"),
        ("$formatNumber(0.147, '0.0%')", "14.7%"),
        ("$formatNumber(0.14, '###pm', {'per-mille': 'pm'})", "140pm"),
        ("$formatNumber(1234.5678, '00.000e0')", "12.346e2"),
        ("$formatNumber(0.00012, '0.0e00')", "1.2e-04"),
        ("$formatNumber(1, '00e00')", "10e-01"),
        ("$formatNumber(0, '0.0e0') & $formatNumber(-12, '0.0e0')", "0.0e0-1.2e1"),
        ("$formatNumber(1e21, '0')", "1e+21"),
        ("$formatNumber(1234.5, '#.##0,00', {'decimal-separator': ',', 'grouping-separator': '.'})", "1.234,50"),
        ("$formatNumber(12, '٠٠٠', {'zero-digit': '٠'})", "٠١٢"),
        ("$formatNumber(0.12345, '0.00,000')", "0.12,345"),
        ("$formatNumber(1234567, '#,##,##0')", "12,34,567"),
    ],
)
def test_number_pictures(source: str, text: str) -> None:
    assert evaluate(source) == text


@pytest.mark.parametrize(
    ("picture", "code"),
    [
        ("abc", "D3085"),
        ("1;2;3", "D3080"),
        ("0.0.0", "D3081"),
        ("0%%", "D3082"),
        ("0‰‰", "D3083"),
        ("0%‰", "D3084"),
        (".", "D3085"),
        ("0a0", "D3086"),
        ("0,.0", "D3087"),
        ("0,", "D3088"),
        ("0,,0", "D3089"),
        ("0#", "D3090"),
        ("0.#0", "D3091"),
        ("0e0%", "D3092"),
        ("0e#", "D3093"),
    ],
)
def test_a_number_picture_that_makes_no_sense(picture: str, code: str) -> None:
    with pytest.raises(EvaluationFailed, match=code):
        evaluate(f"$formatNumber(1, '{picture}')")


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("$replace('68F and 7F', /(\\d+)F/, function($m) { $m.groups[0] & 'C' })", "68C and 7C"),
        ("$replace('aaaa', /a/, 'ba', 2)", "babaaa"),
        ("$replace('aaaa', 'a', 'b', 3)", "bbba"),
        ("$replace('ab', /(a)(b)/, '$2$1$0$$3$12')", "baab$3a2"),
        ("$replace('a.b', '.', '$0')", "a$0b"),
        ("$replace('ab', /(x)?b/, '[$1]')", "a[]"),
        ("$match('ab12', /([a-z])(\\d)?/).groups", ["a", None, "b", "1"]),
        ("$match('aaa', /a/, 2).index", [0, 1]),
        ("$split('a1b22c', /\\d+/, 2)", ["a", "b"]),
        ("$split('a1b', /(\\d)/)", ["a", "b"]),
        ("$split('abc', '', 2)", ["a", "b"]),
        ("$contains('a\\n', /a$/)", False),
        ("$contains('a\\nb', /a$/m)", True),
        ("$contains('٣', /\\d/)", False),
        ("$contains('é', /\\w/)", False),
        ("$contains('É', /é/i)", True),
        ("$contains('a]b', /[\\]]/) and $contains('[', /[\\[]/)", True),
        ("$replace('2026-01', /(?<year>\\d{4})-(?<month>\\d\\d)/, '$2/$1')", "01/2026"),
        ("$contains('a-1', /^[\\w-]+$/)", True),
        ("$contains('abc', /x*/)", True),
    ],
)
def test_regular_expressions(source: str, value: Any) -> None:
    assert evaluate(source) == value


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("$substring('a', 'b')", 'T0410: Argument 2 of function "substring" does not match function signature'),
        ("$contains(null, 'a')", 'T0410: Argument 1 of function "contains" does not match function signature'),
        ("$power(2, null)", 'T0410: Argument 2 of function "power" does not match function signature'),
        ("'a' ~> $sum", 'T0412: Argument 1 of function "sum" must be an array of "numbers"'),
        ("$join([1, 2])", 'T0412: Argument 1 of function "join" must be an array of "strings"'),
        ("$number('10e500')", 'D3030: Unable to cast value to a number: "10e500"'),
        ("$number(null)", 'T0410: Argument 1 of function "number" does not match function signature'),
        ("$replace('a', '', 'b')", "D3010: Second argument of replace function cannot be an empty string"),
        (
            "$replace('a', 'a', 'b', -1)",
            "D3011: Fourth argument of replace function must evaluate to a positive number",
        ),
        (
            "$replace('a', /a/, function() { 1 })",
            "D3012: Attempted to replace a matched string with a non-string value",
        ),
        ("$replace('ab', /.*?/, '')", "D1004: Regular expression matches zero length string"),
        ("$sort([1, 'a'])", "D3070: The single argument form of the sort function can only be applied to an array of"),
        ("$power(-2, 1/3)", "D3061: The power function has resulted in a value that cannot be represented as a JSON"),
        ("$power(100, 1000)", "D3061: "),
        ("$decodeUrl('%E0%A4%A')", 'D3140: Malformed URL passed to $decodeUrl(): "%E0%A4%A"'),
        ("1e300 * 1e300", "D1001: Number out of range: null"),
        ("-function() { 1 }", "D1002: Cannot negate a non-numeric value: {}"),
        ("'a'(1)", "T1006: Attempted to invoke a non-function"),
        ("[1..10000001]", "D2014: The size of the sequence allocated by the range operator (..) must not exceed 1e6."),
    ],
)
def test_errors(source: str, message: str) -> None:
    with pytest.raises(EvaluationFailed) as caught:
        evaluate(source)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("source", ["($f := function() { $f() }; $f())", "$map([1..9999], function() { 1 })"])
def test_an_expression_that_goes_on_and_on_is_stopped(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("durable.asl.evaluator.MAX_STEPS", 2_000)
    with pytest.raises(EvaluationFailed, match=r"^Expression evaluation timeout$"):
        evaluate(source)
    assert evaluate("$sum([1..10])") == 55


@pytest.mark.parametrize(
    ("source", "deep"),
    [
        ("+".join(["1"] * 100), False),
        ("+".join(["1"] * 101), True),
        ("&".join(["$v"] * 101), True),
        ("(" * 99 + "1" + ")" * 99, False),
        ("(" * 100 + "1" + ")" * 100, True),
        ("[" * 100 + "1" + "]" * 100, True),
        ("$v in [1] and " * 100 + "true", True),
        ("false ? " + "+".join(["1"] * 101) + " : 1", False),
        ("($f := function($n) { $n = 0 ? 0 : 1 + $f($n - 1) }; $f(20))", False),
        ("($f := function($n) { $n = 0 ? 0 : 1 + $f($n - 1) }; $f(40))", True),
        ("($f := function($n, $sum) { $n = 0 ? $sum : $f($n - 1, $sum + 1) }; $f(200, 0))", False),
    ],
)
def test_evaluations_are_nested_a_hundred_deep_at_most(source: str, deep: bool) -> None:
    if not deep:
        evaluate(source, {"v": 1})
        return
    with pytest.raises(BoundExceeded, match=r"^Stack overflow error: .* Depth=101 max=100$"):
        evaluate(source, {"v": 1})


@pytest.mark.parametrize(
    ("fits", "too_large"),
    [
        ("$count([1..873782])", "$count([1..873783])"),
        ("$count($range(1, 200000, 1))", "$count($range(1, 500000, 1))"),
        ("$length($pad('', 4194304))", "$length($pad('', 8388608))"),
        ("$length($pad('', 4194304) & 'x')", "$length($pad('', 4194304) & $pad('', 4194304))"),
        ("$count($append([1..400000], [1..400000]))", "$count($append([1..400000], [1..500000]))"),
        ("$length($join([$pad('', 99), 'x'], 'y'))", "($a := $pad('', 4194304); $length($join([$a, $a])))"),
        ("$length($replace('aaa', 'a', 'bb'))", "$length($replace($pad('', 9999), ' ', $pad('', 9999)))"),
        ("$length($replace('aaa', /a/, 'bb'))", "$length($replace($pad('', 999), / /, $pad('', 9999)))"),
        ("$count([1..10].[1..80000])", "$count([1..10].[1..90000])"),
        ("($v := [1..9000]; $count([1..99].($count($v))))", "($v := [1..9000]; $count([1..99].($v)))"),
    ],
)
def test_an_expression_that_takes_too_much_memory_is_stopped(fits: str, too_large: str) -> None:
    evaluate(fits)
    with pytest.raises(BoundExceeded, match=r"^Expression evaluation memory limit exceeded"):
        evaluate(too_large)


def test_a_state_says_which_bound_its_expression_exceeded() -> None:
    source = "+".join(["1"] * 101)
    outcome = execute(definition(S=a_pass(Output=f"{{% {source} %}}")))
    assert outcome.error == "States.QueryEvaluationError"
    assert f"'{source}' specified for the field 'Output' threw an error during evaluation: Stack overflow" in str(
        outcome.cause
    )


def test_a_name_that_is_bound_to_a_function_is_not_taken_for_the_functions_own() -> None:
    assert evaluate("($x := $uppercase; $x('a'))") == "A"
    with pytest.raises(EvaluationFailed, match='function "uppercase"'):
        evaluate("$uppercase(1)")
