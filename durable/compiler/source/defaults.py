"""`defaultdict` and `Counter`, written as plain dicts: a missing key is put in, or read as 0, in so many words.

`d[k] += 1` of a defaultdict puts the key in before the value is evaluated, and so does each other reading of `d[k]`. A
Counter answers 0, and puts nothing in. A variable that is used where a plain dict would not do stays as it is written,
and is refused.
"""

from __future__ import annotations

import ast
import collections
import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from durable.compiler.source.names import made_up
from durable.compiler.source.places import placed

Function = ast.FunctionDef | ast.AsyncFunctionDef
Zero = Callable[[], ast.expr]

_ZEROS: Final[Mapping[Any, Zero]] = {
    int: lambda: ast.Constant(0),
    float: lambda: ast.Constant(0.0),
    str: lambda: ast.Constant(""),
    list: lambda: ast.List([], ast.Load()),
}
"""What the factories of a defaultdict make."""
_METHODS: Final = frozenset({"get", "items", "keys", "values", "pop", "setdefault"})
_TAKES_DICT: Final = frozenset({"len", "sorted", "list", "dict", "min", "max", "sum", "any", "all", "enumerate"})
_GROWING: Final = frozenset({"append", "extend"})
_PATHS: Final = (
    ast.Name,
    ast.Attribute,
    ast.Constant,
    ast.Subscript,
    ast.Tuple,
    ast.JoinedStr,
    ast.FormattedValue,
    ast.BinOp,
)
_FUNCTIONS: Final = frozenset({"abs", "int", "len", "max", "min", "round", "str"})
_OF_VALUES: Final = frozenset(
    {"date", "isoformat", "lower", "lstrip", "replace", "rstrip", "strftime", "strip", "upper"}
)
_LISTS: Final = (ast.ListComp, ast.GeneratorExp, ast.List)


class _Other(Exception):
    """A variable is used where a plain dict would not do."""


def with_plain_dicts(node: Function, names: Mapping[str, Any]) -> Function:
    """Return a function whose defaultdicts and Counters are plain dicts, each where that does as well.

    Args:
        names: what names stand for in its module.
    """
    for name, zero in _made(node, names):
        try:
            node = _Plain(name, zero).function(copy.deepcopy(node))
        except _Other:
            continue
    return node


def _made(node: Function, names: Mapping[str, Any]) -> Iterator[tuple[str, Zero | None]]:
    """Yield the variables that are a new defaultdict, with what its factory makes, or a Counter, and nothing else."""
    found: dict[str, Zero | None] = {}
    stores = collections.Counter[str]()
    for each in ast.walk(node):
        match each:
            case ast.Assign([ast.Name(name)], ast.Call(func) as call) | ast.AnnAssign(
                ast.Name(name), _, ast.Call(func) as call
            ):
                cls = _stands_for(func, names)
                zero = _zero(call, names) if cls is collections.defaultdict else None
                if cls is collections.Counter or zero is not None:
                    found[name] = zero
            case ast.Name(name, ast.Store()) | ast.arg(name):
                stores[name] += 1
    yield from ((name, zero) for name, zero in found.items() if stores[name] == 1)


def _stands_for(node: ast.expr, names: Mapping[str, Any]) -> Any:
    """Return the class that a name or `collections.name` stands for; None where it is neither."""
    match node:
        case ast.Name(name):
            return names.get(name)
        case ast.Attribute(ast.Name(module), name) if names.get(module) is collections:
            return getattr(collections, name, None)
    return None


def _zero(call: ast.Call, names: Mapping[str, Any]) -> Zero | None:
    match call:
        case ast.Call(_, [ast.Name(name)], []):
            return _ZEROS.get(names.get(name))
        case ast.Call(_, [ast.Lambda(ast.arguments(args=[], kwonlyargs=[]), ast.Constant(value))], []):
            return lambda: ast.Constant(value)
    return None


def _does_nothing(node: ast.AST) -> bool:
    """Return whether a part of an expression only reads."""
    match node:
        case ast.Call(ast.Name(name)):
            return name in _FUNCTIONS
        case ast.Call(ast.Attribute(_, name)):
            return name in _OF_VALUES
    return not isinstance(node, ast.expr) or isinstance(node, _PATHS)


@dataclass(slots=True)
class _Plain:
    """Writes one variable as a plain dict.

    Attributes:
        zero: makes what a missing key of a defaultdict is given; None for a Counter.
        before: what has to stand before the statement that is being read.
        puts_in: whether an expression of that statement puts a missing key in.
        is_certain: whether what is read now is evaluated whenever its statement is, and nothing goes on where it fails.
    """

    name: str
    zero: Zero | None
    before: list[ast.stmt] = field(default_factory=list)
    puts_in: bool = False
    is_certain: bool = True

    def function(self, node: Function) -> Function:
        """Return a function that was copied, changed.

        Raises:
            _Other: it is not to be changed.
        """
        node.body = self._block(node.body)
        return node

    # Statements

    def _block(self, nodes: list[ast.stmt]) -> list[ast.stmt]:
        written: list[ast.stmt] = []
        for node in nodes:
            outer, self.before = (self.before, self.puts_in), []
            self.puts_in, is_read_whole = False, self._is_read_whole(node)
            statements = self._statement(node)
            # What else reads the variable there may come first, and not see the key yet.
            if self.puts_in and is_read_whole:
                raise _Other
            written += [*self.before, *statements]
            self.before, self.puts_in = outer
        return written

    def _statement(self, node: ast.stmt) -> list[ast.stmt]:
        match node:
            case ast.Assign([ast.Name(self.name)], ast.Call() as call):
                return [placed(ast.Assign(node.targets, ast.Dict([], [])), node), *self._begun(call)]
            case ast.AnnAssign(ast.Name(self.name), annotation, ast.Call() as call):
                made = ast.AnnAssign(node.target, self._annotation(annotation), ast.Dict([], []), 1)
                return [placed(made, node), *self._begun(call)]
            case ast.AugAssign(ast.Subscript(ast.Name(self.name), key), operator, value):
                return self._added(node, key, operator, value)
            case ast.Expr(ast.Call(ast.Attribute(ast.Subscript(ast.Name(self.name), key), method), [more], []) as call):
                if method not in _GROWING or self.zero is not _ZEROS[list]:
                    raise _Other
                call.func = placed(ast.Attribute(self._with_default(node, self._read(key)), method, ast.Load()), node)
                call.args = [self._read(more)]
            case ast.Expr(ast.Call(ast.Attribute(ast.Name(self.name), "update"), [more], [])) if self.zero is None:
                return [self._count(node, more)]
            case ast.Return(ast.Dict(keys, values) as made):
                made.keys = [key and self._read(key) for key in keys]
                made.values = [self._taken(each) for each in values]
            case ast.Return(ast.List(elements) | ast.Tuple(elements) as made):
                made.elts = [self._taken(each) for each in elements]
            case ast.While(test):
                with self._sometimes():
                    node.test = self._taken(test)
                node.body, node.orelse = self._block(node.body), self._block(node.orelse)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Try():
                with self._sometimes():
                    self._parts(node)
            case _:
                self._parts(node)
        return [node]

    def _is_read_whole(self, node: ast.stmt) -> bool:
        """Return whether a statement reads the variable, its blocks left out, otherwise than by a key."""
        values = [value for _, value in ast.iter_fields(node)]
        parts = [each for value in values for each in (value if isinstance(value, list) else [value])]
        inside = [each for part in parts if isinstance(part, ast.expr) for each in ast.walk(part)]
        items = sum(isinstance(each, ast.Subscript) and self._is_own(each.value) for each in inside)
        return sum(map(self._is_own, inside)) > items

    @contextmanager
    def _sometimes(self) -> Iterator[None]:
        was, self.is_certain = self.is_certain, False
        yield
        self.is_certain = was

    def _begun(self, call: ast.Call) -> list[ast.stmt]:
        """Return what counts the items that a Counter begins with."""
        if self.zero is not None:
            return []
        match call.args, call.keywords:
            case [], []:
                return []
            case [items], []:
                return [self._count(call, items)]
        raise _Other

    def _annotation(self, annotation: ast.expr) -> ast.expr:
        """Return `dict[K, V]` of what a defaultdict or Counter is declared to be."""
        match annotation:
            case ast.Subscript(_, ast.Tuple([_, _]) as kinds):
                pass
            case ast.Subscript(_, key) if self.zero is None:
                kinds = ast.Tuple([key, ast.Name("int", ast.Load())], ast.Load())
            case _:
                raise _Other
        return placed(ast.Subscript(ast.Name("dict", ast.Load()), kinds, ast.Load()), annotation)

    def _count(self, node: ast.expr | ast.stmt, items: ast.expr) -> ast.stmt:
        """Return a loop that counts items; a slice makes sure that they are a list: of a dict the values count."""
        if isinstance(items, ast.Dict):
            raise _Other
        many = self._read(items)
        if isinstance(many, ast.GeneratorExp):
            many = ast.ListComp(many.elt, many.generators)
        if not isinstance(many, _LISTS):
            many = ast.Subscript(many, ast.Slice(), ast.Load())
        item = made_up("item", node)
        one = self._sum(ast.Name(item, ast.Load()), ast.Add(), ast.Constant(1))
        return placed(ast.For(ast.Name(item, ast.Store()), many, [one], []), node)

    def _added(self, node: ast.AugAssign, key: ast.expr, operator: ast.operator, value: ast.expr) -> list[ast.stmt]:
        """Return `d[key] += value`."""
        if self.zero is _ZEROS[list]:
            if not isinstance(operator, ast.Add):
                raise _Other
            # Of a list it is the same: it grows in place.
            method = ast.Attribute(self._with_default(node, self._read(key)), "extend", ast.Load())
            return [placed(ast.Expr(ast.Call(method, [self._read(value)], [])), node)]
        key = self._twice(key)
        if self.zero is None:
            return [placed(self._sum(key, operator, self._read(value)), node)]
        self.before.append(placed(ast.Expr(self._with_default(node, key)), node))
        node.value = self._read(value)
        return [node]

    def _sum(self, key: ast.expr, operator: ast.operator, value: ast.expr) -> ast.stmt:
        """Return `c[key] = c.get(key, 0) + value`."""
        target = ast.Subscript(self._own(), copy.deepcopy(key), ast.Store())
        return ast.Assign([target], ast.BinOp(self._or_zero(key), operator, value))

    # Expressions

    def _parts(self, node: ast.AST) -> None:
        """Change the blocks and expressions of a node, but for the variable itself where a plain dict does as well."""
        for name, value in ast.iter_fields(node):
            if isinstance(value, list):
                is_block = bool(value) and isinstance(value[0], ast.stmt)
                setattr(node, name, self._block(value) if is_block else [self._read(each) for each in value])
            elif not self._is_own(value) or (type(node), name) not in _ALIKE:
                setattr(node, name, self._read(value))

    def _read(self, node: Any) -> Any:
        """Return a part of a statement, changed."""
        match node:
            case ast.Name(self.name):
                raise _Other
            case ast.Subscript(ast.Name(self.name), key):
                return self._item(node, key)
            case ast.Attribute(ast.Name(self.name), "get"):  # as in `max(counts, key=counts.get)`
                pass
            case ast.Call(ast.Attribute(ast.Name(self.name), "most_common" | "total")) if self.zero is None:
                return placed(self._of_counter(node), node)
            case ast.Call(ast.Attribute(ast.Name(self.name), method)) if method in _METHODS:
                node.args = [self._read(each) for each in node.args]
            case ast.Call(ast.Name(function), arguments, keywords) if function in _TAKES_DICT:
                self._hand_over(node, arguments, keywords)
            case ast.Call(ast.Attribute(_, "do" | "call") as method, arguments, keywords):
                self._parts(method)
                self._hand_over(node, arguments, keywords)
            case ast.Compare(left, [ast.In() | ast.NotIn()], [container]):
                node.left, node.comparators = self._read(left), [self._taken(container)]
            case ast.Compare(left, _, [first, *rest]):
                node.left, node.comparators = self._read(left), [self._read(first), *self._maybe(rest)]
            case ast.BoolOp(_, [first, *rest]):
                node.values = [self._read(first), *self._maybe(rest)]
            case ast.UnaryOp(ast.Not(), operand):
                node.operand = self._taken(operand)
            case ast.IfExp(test, body, orelse):
                node.test = self._taken(test)
                node.body, node.orelse = self._maybe([body, orelse])
            case ast.Lambda() | ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp() | ast.match_case():
                with self._sometimes():
                    self._parts(node)
            case ast.AST():
                self._parts(node)
        return node

    def _maybe(self, nodes: list[ast.expr]) -> list[ast.expr]:
        """Return expressions that are not always evaluated."""
        with self._sometimes():
            return [self._read(each) for each in nodes]

    def _taken(self, node: ast.expr) -> ast.expr:
        """Return an expression, which may be the variable itself."""
        return node if self._is_own(node) else self._read(node)

    def _hand_over(self, node: ast.Call, arguments: list[ast.expr], keywords: list[ast.keyword]) -> None:
        node.args = [self._taken(each) for each in arguments]
        for each in keywords:
            each.value = self._taken(each.value)

    def _is_own(self, node: Any) -> bool:
        return isinstance(node, ast.Name) and node.id == self.name

    def _own(self) -> ast.Name:
        return ast.Name(self.name, ast.Load())

    def _item(self, node: ast.Subscript, key: ast.expr) -> ast.expr:
        """Return `d[key]`, read, written or deleted."""
        if not isinstance(node.ctx, ast.Load):
            node.slice = self._read(key)
        elif self.zero is None:
            return placed(self._or_zero(self._read(key)), node)
        elif self.is_certain:
            self.before.append(placed(ast.Expr(self._with_default(node, self._twice(key))), node))
            self.puts_in = True
        else:
            raise _Other
        return node

    def _twice(self, key: ast.expr) -> ast.expr:
        """Return a key that is the same when it is evaluated twice, the variable changed in between."""
        if not all(_does_nothing(each) and not self._is_own(each) for each in ast.walk(key)):
            raise _Other
        return self._read(key)  # type: ignore[no-any-return]  # an expression stays one

    def _or_zero(self, key: ast.expr) -> ast.expr:
        return ast.Call(ast.Attribute(self._own(), "get", ast.Load()), [copy.deepcopy(key), ast.Constant(0)], [])

    def _with_default(self, at: ast.AST, key: ast.expr) -> ast.expr:
        """Return `d.setdefault(key, zero)`."""
        if self.zero is None:
            raise _Other
        method = ast.Attribute(self._own(), "setdefault", ast.Load())
        return placed(ast.Call(method, [copy.deepcopy(key), self.zero()], []), at)

    def _of_counter(self, node: ast.Call) -> ast.expr:
        """Return `c.most_common(n)` or `c.total()`."""

        def of(function: str, view: str, *keywords: ast.keyword) -> ast.expr:
            items = ast.Call(ast.Attribute(self._own(), view, ast.Load()), [], [])
            return ast.Call(ast.Name(function, ast.Load()), [items], list(keywords))

        if isinstance(node.func, ast.Attribute) and node.func.attr == "total":
            return of("sum", "values")
        pair = ast.arguments(posonlyargs=[], args=[ast.arg("pair")], kwonlyargs=[], kw_defaults=[], defaults=[])
        count = ast.Subscript(ast.Name("pair", ast.Load()), ast.Constant(1), ast.Load())
        # Both sorts are stable: of the same counts the one that came first stays first.
        in_order = of("sorted", "items", ast.keyword("key", ast.Lambda(pair, count)), ast.keyword("reverse", _true()))
        match node.args:
            case []:
                return in_order
            case [ast.Constant(int(most)) as upper] if most >= 0:
                return ast.Subscript(in_order, ast.Slice(upper=upper), ast.Load())
        raise _Other


def _true() -> ast.expr:
    return ast.Constant(True)


_ALIKE: Final = frozenset({(ast.If, "test"), (ast.For, "iter"), (ast.Return, "value"), (ast.comprehension, "iter")})
"""Where the variable itself may stand: as what is tested, gone through, or returned."""
