"""The library's evaluator, with the operators of jsonata 2.0.6 where it deviates, and a bound on its work."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.utils import Utils

from durable.asl.bounds import OutOfBounds, check_characters, check_items
from durable.asl.numerals import value_text
from durable.asl.signatures import Checked

MAX_STEPS: Final = 1_000_000
"""How many nodes of expressions one evaluation may visit: a few seconds, where Step Functions allows one second."""
MAX_DEPTH: Final = 100
"""How deeply evaluations may be nested, as measured on AWS: a sum of 100 terms is evaluated, one of 101 is not."""
OUT_OF_TIME: Final = "Expression evaluation timeout"
STACK_OVERFLOW: Final = (
    "Stack overflow error: Check for non-terminating recursive function. Consider rewriting as tail-recursive."
)
_TOO_DEEP: Final = f"{STACK_OVERFLOW} Depth={MAX_DEPTH + 1} max={MAX_DEPTH}"


class Frame(Jsonata.Frame):  # type: ignore[misc]  # jsonata-python has no types
    """The variables of one block; looks names up without recursion."""

    def __init__(self, parent: Any) -> None:
        self.bindings: dict[str, Any] = {}
        self.parent = parent
        self.is_parallel_call = False

    def bind(self, name: str, val: Any) -> None:
        """Bind, without giving a shared function the variable's name as the library does."""
        self.bindings[name] = val

    def lookup(self, name: str) -> Any:
        frame = self
        # A loop, since blocks may be nested deeper than Python nests calls.
        while type(frame) is Frame:
            if name in frame.bindings:
                return frame.bindings[name]
            frame = frame.parent
        return None if frame is None else frame.lookup(name)


class Evaluator(Jsonata):  # type: ignore[misc]  # jsonata-python has no types
    """Evaluates syntax trees in one thread, one after the other."""

    input: Any
    environment: Any

    def __init__(self) -> None:
        super().__init__("null")
        self._steps = self._depth = 0
        self._path_depth = self._gathered = 0

    def run(self, ast: Any, frame: Any) -> Any:
        """Return the value in the library's terms; whatever the library raises goes through."""
        local = Jsonata.CURRENT
        before = getattr(local, "jsonata", None)
        local.jsonata = self
        self._steps = self._depth = 0
        self._path_depth, self._gathered = -1, 0
        try:
            return self.eval(ast, None, frame)
        finally:
            local.jsonata = before
            if before is None:
                del local.jsonata

    def get_per_thread_instance(self) -> Evaluator:
        return self

    def create_frame(self, enclosing_environment: Any = None) -> Frame:
        return Frame(enclosing_environment)

    def eval(self, expr: Any, input: Any, environment: Any) -> Any:
        """Do what the library's own does, without its hooks, and count."""
        self._steps += 1
        self._depth += 1
        if self._steps > MAX_STEPS:
            raise OutOfBounds(OUT_OF_TIME)
        if self._depth > MAX_DEPTH:
            raise OutOfBounds(_TOO_DEEP)
        around = self.input, self.environment
        self.input, self.environment = input, environment
        try:
            result = _EVALUATE[expr.type](self, expr, input, environment)
            for predicate in expr.predicate or ():
                result = self.evaluate_filter(predicate.expr, result, environment)
            if expr.group is not None and expr.type != "path":
                result = self.evaluate_group_expression(expr.group, result, environment)
        finally:
            self.input, self.environment = around
            self._depth -= 1
        # A result of the step itself, and not of what is evaluated within it: see `evaluate_step`.
        if self._depth == self._path_depth and isinstance(result, list):
            self._gathered += len(result)
            check_items(self._gathered)
        return _unwrapped(expr, result) if type(result) is Utils.JList else result

    def evaluate_step(self, expr: Any, input: Any, environment: Any, last_step: bool) -> Any:
        """Count the items that a step of a path gives for all its inputs: the library makes one list of them."""
        around = self._path_depth, self._gathered
        self._path_depth, self._gathered = self._depth, 0
        try:
            return super().evaluate_step(expr, input, environment, last_step)
        finally:
            self._path_depth, self._gathered = around

    def evaluate_filter(self, predicate: Any, input: Any, environment: Any) -> Any:
        """Evaluate a predicate once if it is an index that does not depend on the item: the library does for each."""
        if type(input) is list and input and predicate.type != "number" and _is_index(predicate):
            index = self.eval(predicate, input[0], environment)
            if Utils.is_numeric(index):
                position = int(index)
                result = Utils.create_sequence()
                if -len(input) <= position < len(input):
                    result.append(input[position])
                return result
        return super().evaluate_filter(predicate, input, environment)

    def apply_inner(self, proc: Any, args: Any, input: Any, environment: Any) -> Any:
        if not self.is_function_like(proc):
            raise JException("T1006", -1)
        if isinstance(proc, Checked):
            return proc.perform(input, self.validate_arguments(proc, args, input))
        return super().apply_inner(proc, args, input, environment)

    def evaluate_numeric_expression(self, lhs: Any, rhs: Any, op: str) -> Any:
        if op != "%" or not (Utils.is_numeric(lhs) and Utils.is_numeric(rhs)):
            return super().evaluate_numeric_expression(lhs, rhs, op)
        # The sign is that of the left side, as in JavaScript; Python's % has that of the right.
        if rhs == 0:
            raise JException("D1001", -1, math.nan)
        return Utils.convert_number(math.fmod(lhs, rhs))

    def evaluate_string_concat(self, lhs: Any, rhs: Any) -> str:
        left, right = self._text(lhs), self._text(rhs)
        check_characters(len(left) + len(right))
        return left + right

    def evaluate_range_expression(self, lhs: Any, rhs: Any) -> Any:
        numbers = super().evaluate_range_expression(lhs, rhs)
        if numbers is not None:
            check_items(rhs - lhs + 1)
        return numbers

    def _text(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        return "" if value is None or self.is_function_like(value) else value_text(value, Utils.NULL_VALUE)

    def evaluate_includes_expression(self, lhs: Any, rhs: Any) -> bool:
        if lhs is None or rhs is None:
            return False
        items = rhs if isinstance(rhs, list) else [rhs]
        if isinstance(lhs, dict | list):  # JavaScript's === of objects is identity
            return any(item is lhs for item in items)
        return any(Utils.is_deep_equal(item, lhs) for item in items)


def _is_index(node: Any) -> bool:
    """Tell whether a node computes with named variables and numbers alone: it gives the same for every item."""
    if node.predicate or node.group is not None:
        return False
    if node.type == "binary":
        return node.value in _ARITHMETIC and _is_index(node.lhs) and _is_index(node.rhs)
    return node.type == "number" or (node.type == "variable" and node.value not in ("", "$"))


_ARITHMETIC: Final = frozenset("+-*/%")


def _unwrapped(expr: Any, result: Any) -> Any:
    """Return a sequence of one as its element and an empty one as nothing, unless they are to be kept."""
    if not Utils.is_sequence(result) or result.tuple_stream:
        return result
    if expr.keep_array:
        result.keep_singleton = True
    if not result:
        return None
    return result if len(result) > 1 or result.keep_singleton else result[0]


_EVALUATE: Final[dict[Any, Callable[[Evaluator, Any, Any, Any], Any]]] = {
    "path": lambda on, expr, input, frame: on.evaluate_path(expr, input, frame),
    "binary": lambda on, expr, input, frame: on.evaluate_binary(expr, input, frame),
    "unary": lambda on, expr, input, frame: on.evaluate_unary(expr, input, frame),
    "name": lambda on, expr, input, frame: on.evaluate_name(expr, input, frame),
    "string": lambda on, expr, input, frame: on.evaluate_literal(expr),
    "number": lambda on, expr, input, frame: on.evaluate_literal(expr),
    "value": lambda on, expr, input, frame: on.evaluate_literal(expr),
    "wildcard": lambda on, expr, input, frame: on.evaluate_wildcard(expr, input),
    "descendant": lambda on, expr, input, frame: on.evaluate_descendants(expr, input),
    "parent": lambda on, expr, input, frame: frame.lookup(expr.slot.label),
    "condition": lambda on, expr, input, frame: on.evaluate_condition(expr, input, frame),
    "block": lambda on, expr, input, frame: on.evaluate_block(expr, input, frame),
    "bind": lambda on, expr, input, frame: on.evaluate_bind_expression(expr, input, frame),
    "regex": lambda on, expr, input, frame: on.evaluate_regex(expr),
    "function": lambda on, expr, input, frame: on.evaluate_function(expr, input, frame, Utils.NONE),
    "variable": lambda on, expr, input, frame: on.evaluate_variable(expr, input, frame),
    "lambda": lambda on, expr, input, frame: on.evaluate_lambda(expr, input, frame),
    "partial": lambda on, expr, input, frame: on.evaluate_partial_application(expr, input, frame),
    "apply": lambda on, expr, input, frame: on.evaluate_apply_expression(expr, input, frame),
    "transform": lambda on, expr, input, frame: on.evaluate_transform_expression(expr, input, frame),
}
