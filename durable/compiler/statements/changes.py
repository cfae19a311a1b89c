"""Values that a statement changes in place: `xs.append(x)`, `d[key] = value`, `order.names.append(x)`."""

from __future__ import annotations

import ast
import dataclasses
import re
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeGuard

from durable.compiler.expressions.advice import of_change, of_field
from durable.compiler.expressions.iterables import dict_entry, merged_dicts
from durable.compiler.expressions.literals import dict_display
from durable.compiler.expressions.objects import given_fields, record_of, with_part
from durable.compiler.expressions.spans import as_data
from durable.compiler.program.tree import Assign, Statement
from durable.compiler.source import mutations
from durable.compiler.source.aliases import Aliases, Function
from durable.compiler.source.names import made_up
from durable.compiler.source.places import placed
from durable.compiler.source.problems import Refused
from durable.compiler.source.source import Source, read_function
from durable.compiler.statements.reading import Reading
from durable.compiler.types.annotations import record_fields
from durable.compiler.types.assignability import assignable
from durable.compiler.types.kinds import (
    DictOf,
    Event,
    Fixed,
    Integer,
    Kind,
    ListOf,
    Record,
    SetOf,
    acts_as,
    describe,
    is_dict,
    is_list,
    is_unknown,
)
from durable.compiler.types.terms import INTEGER, Expression, Formula, Item, Variable
from durable.modules import is_authors
from durable.workflow import WorkflowStep

_PLACE: Final = '($assert($b >= -$count($a) and $b < $count($a), "IndexError"); $b < 0 ? $count($a) + $b : $b)'
_ASSIGNED_TO: Final = "list assignment index out of range"
_POPPED: Final = '$count($a) = 0 ? "pop from empty list" : "pop index out of range"'
_ASSIGNED: Final = re.compile(r"write `\w+\.\w+ = (.+)`")
Statements = tuple[Statement, ...]


@dataclass(slots=True)
class ChangeReader:
    """Reads changes of lists, dicts and objects that nothing else holds, as assignments of new ones."""

    reading: Reading
    aliases: dict[Function, Aliases] = field(default_factory=dict)
    makers: dict[types.FunctionType, bool] = field(default_factory=dict)
    """Functions of modules, and whether nothing else holds what they return."""
    made: set[str] = field(default_factory=set)
    """Names that the compiler made up for a part, which nothing else holds meanwhile."""

    def own_part(self, target: ast.expr) -> ast.expr | None:
        """Return what reads the item or field that is assigned, of a dict or object that nothing else holds."""
        match target:
            case ast.Subscript(ast.Name(name) as of, key) if self.is_own_dict(name):
                return ast.copy_location(ast.Subscript(of, key, ast.Load()), target)
            case ast.Subscript(ast.Name(name) as of, key) if self.is_item(target, name):
                return ast.copy_location(ast.Subscript(of, key, ast.Load()), target)
            case ast.Subscript(ast.Attribute() as of, key) if self.is_own_part(of):
                return ast.copy_location(ast.Subscript(of, key, ast.Load()), target)
            case ast.Attribute(ast.Name(name) as of, part) if self.is_own_object(name):
                return ast.copy_location(ast.Attribute(of, part, ast.Load()), target)
        return None

    def changed_by(self, node: ast.Call) -> Statements | None:
        """Return `xs.append(x)` and the like, of a list or dict that nothing else holds."""
        taken = self.taken_out(node)
        if taken is not None:
            return taken[0]
        entry = mutations.grown_entry(node)
        if entry is not None and self.is_dict(entry[0].id) and self._aliases().holds_own_lists(entry[0].id):
            return self.bound(entry[0].id, self.reading.value(mutations.with_grown(node, *entry)))
        match node:
            case ast.Call(ast.Attribute(ast.Attribute() as part)) if self.is_own_part(part):
                return self.in_part(part, lambda kept: self.changed_by(_called_on(node, kept)))
            case ast.Call(ast.Attribute(ast.Attribute(ast.Name(name)) as part)) if self._is_shared_object(name):
                self._refuse_part(node, part, name)
            case ast.Call(ast.Attribute(ast.Name(name) as of, method)) if self.is_own(name):
                if method == "clear" and self.is_dict(name):
                    return self._cleared(name)
                if self.is_set(name):
                    new = mutations.set_changed(node, of, method)
                else:
                    new = mutations.changed(node, of, method, is_list=not self.is_dict(name))
                if new is not None:
                    return self.bound(name, self.reading.value(new))
        return None

    def bound(self, name: str, value: Expression) -> Statements:
        """Return the assignment of a changed list or dict; one of TypedDicts stays one, where dicts are added."""
        kind = self.kind(name)
        if kind is not None and _holds_typed(kind) and not is_unknown(value.kind) and assignable(value.kind, kind):
            value = dataclasses.replace(value, kind=kind)
        return self.reading.bind(name, value)

    def takes(self, node: ast.AST) -> bool:
        """Return whether a call takes an item out of a list or dict that nothing else holds."""
        match node:
            case ast.Call(ast.Attribute(ast.Name(name), "pop")):
                return self.reading.scope is not None and self.is_own(name) and not self.is_set(name)
            case ast.Call(ast.Attribute(ast.Attribute() as part, "pop")):
                return self.reading.scope is not None and self.is_own_part(part)
        return False

    def unmarked(self, node: ast.expr) -> ast.expr:
        """Return a call that takes an item out without the `await` by which it was moved out of an expression."""
        return node.value if isinstance(node, ast.Await) and self.takes(node.value) else node

    def taken_out(self, node: ast.Call) -> tuple[Statements, Expression] | None:
        """Return `xs.pop()`, `xs.pop(0)`, `d.pop(key)`, and what it takes out; None of anything else."""
        match node:
            case ast.Call(ast.Attribute(ast.Attribute() as part, "pop" | "setdefault")) if self.is_own_part(part):
                found: list[Expression] = []
                statements = self.in_part(part, lambda kept: self._taking(_called_on(node, kept), found))
                return statements, found[0]
            case ast.Call(ast.Attribute(ast.Name(name) as of, "setdefault"), [key, _], []) if self.is_own_dict(name):
                kind = self.kind(name)
                written = key.value if isinstance(key, ast.Constant) else None
                is_new = isinstance(kind, Fixed) and isinstance(written, str) and written not in dict(kind.entries)
                new = mutations.with_default(node, of, is_new=is_new)
                left = self.reading.bind(name, self.reading.value(new))
                return left, self.reading.value(mutations.item(node, of, key))
            case ast.Call(ast.Attribute(ast.Name(name) as of, "pop"), arguments, []) if self.is_own(name):
                if self.is_dict(name) and len(arguments) in (1, 2):
                    got = mutations.popped(node, of, arguments)
                    return self._without(node, of, got, mutations.without_key(node, of, arguments[0]))
                end = mutations.end_of(arguments[0] if arguments else None)
                if self.is_dict(name) or self.is_set(name) or len(arguments) > 1:
                    return None
                if end is None:
                    return self._without_place(node, of, arguments[0], _POPPED)
                got = mutations.item(node, of, ast.copy_location(ast.Constant(end), node))
                return self._without(node, of, got, mutations.without_end(node, of, end), "pop from empty list")
        return None

    def deleted(self, node: ast.Delete, name: ast.Name | ast.Attribute, key: ast.expr) -> Statements | None:
        """Return `del d[key]` or `del xs[0]`, where nothing else holds it."""
        if isinstance(name, ast.Attribute):
            if not self.is_own_part(name):
                return None
            return self.in_part(name, lambda kept: self.deleted(node, kept, key))
        if not self.is_own(name.id):
            return None
        of = _read(name)
        end = mutations.end_of(key)
        if self.is_dict(name.id):
            rest = mutations.without_key(node, of, key)
        elif end is not None:
            rest = mutations.without_end(node, of, end)
        elif isinstance(key, ast.Slice) or self.is_set(name.id):
            return None
        else:
            return self._without_place(node, of, key, f'"{_ASSIGNED_TO}"')[0]
        return self._without(node, of, mutations.item(node, of, key), rest, _ASSIGNED_TO)[0]

    def _without(
        self, node: ast.AST, of: ast.Name, got: ast.expr, rest: ast.expr, says: str = ""
    ) -> tuple[Statements, Expression]:
        """Return what reads a part and assigns the rest, and the part; one that is not there ends the run.

        Args:
            says: what CPython says of a place that a list has not.
        """
        # Both are read before the name changes: the rest is that of the list which the item was taken out of.
        taken, left = self.reading.value(got), self.reading.value(rest)
        taken = dataclasses.replace(taken, says=says) if isinstance(taken, Item) else taken
        variable = self.reading.variable("taken", node)
        statements = (Assign(variable, taken), *self.reading.bind(of.id, left))
        return statements, Variable(variable, taken.kind)

    def _without_place(
        self, node: ast.expr | ast.stmt, of: ast.Name, key: ast.expr, says: str
    ) -> tuple[Statements, Expression]:
        """Return what reads any item of a list and assigns the others, and the item."""
        before, place = self._place(node, of, key, says)
        statements, item = self._without(
            node, of, mutations.item(node, of, place), mutations.with_others(node, of, place, ())
        )
        return (*before, *statements), item

    def put(self, target: ast.Subscript, of: ast.Name, value: Expression) -> Statements:
        """Return `xs[place] = value`."""
        item = self._made_up("item", target)
        bound = self.reading.bind(item.id, as_data(target, value))
        before, place = self._place(target, of, target.slice, f'"{_ASSIGNED_TO}"')
        new = mutations.with_others(target, _read(of), place, (item,))
        return (*bound, *before, *self.reading.bind(of.id, self.reading.value(new)))

    def _place(self, node: ast.expr | ast.stmt, of: ast.Name, key: ast.expr, says: str) -> tuple[Statements, ast.Name]:
        """Return what works out where an item stands, and the name of that: it counts from the beginning."""
        index, whole = self.reading.value(key), self.reading.value(_read(of))
        if not isinstance(acts_as(index.kind), Integer):
            found = f"`{self.reading.source(node)}` takes {describe(index.kind)} for a place in a list"
            raise Refused(node, found, "give it a whole number")
        name = self._made_up("place", node)
        checked = Formula(_PLACE, (whole, index), INTEGER, fails=True, says=says)
        place = self.reading.expressions.located(key, checked)
        return self.reading.bind(name.id, place), name

    def _made_up(self, word: str, node: ast.expr | ast.stmt) -> ast.Name:
        name = placed(ast.Name(made_up(word, node), ast.Load()), node)
        self.made.add(name.id)
        return name

    def _cleared(self, name: str) -> Statements:
        empty, kind = dict_display({}), self.kind(name)
        # A dict keeps the type that it is declared with; one whose keys are known has none any more.
        return self.reading.bind(name, dataclasses.replace(empty, kind=kind) if isinstance(kind, DictOf) else empty)

    def in_part(self, part: ast.Attribute, change: Callable[[ast.Name], Statements | None]) -> Statements:
        """Return a change of a list or dict in a field of an object: it is taken out, changed and put back."""
        assert isinstance(part.value, ast.Name)
        kept, name = self._made_up(part.attr, part), part.value.id
        before = self.reading.bind(
            kept.id, self.reading.value(placed(ast.Attribute(_read(part.value), part.attr, ast.Load()), part))
        )
        changed = change(kept)
        source = self.reading.source(part)
        if changed is None:
            raise Refused(part, f"`{source}` is changed in place", "assign a new one to the field, as in `x.field = …`")
        whole, value = self.reading.value(_read(part.value)), self.reading.value(kept)
        return (*before, *changed, *self.reading.bind(name, with_part(part, whole, part.attr, value, source)))

    def _is_shared_object(self, name: str) -> bool:
        return _is_object(self.kind(name)) and self.is_shared(name)

    def _refuse_part(self, node: ast.Call, part: ast.Attribute, name: str) -> None:
        """Refuse a change in an object that may have another name: a copy of it is what `run` can say."""
        written = _ASSIGNED.fullmatch(of_change(node, self.reading.value(part).kind))
        instead = of_field(part, written[1], self.kind(name)) if written else None
        if instead is not None:
            found = f"`{self.reading.source(node)}` changes an object in place, and something else may hold it"
            raise Refused(node, found, instead)

    def _taking(self, node: ast.Call, found: list[Expression]) -> Statements | None:
        taken = self.taken_out(node)
        if taken is None:
            return None
        found.append(taken[1])
        return taken[0]

    def with_entry(self, of: Expression, key: ast.expr, value: Expression) -> Expression:
        """Return a dict with one entry replaced or added."""
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            entry: Expression = dict_display({key.value: value})
        else:
            entry = dict_entry(key, self.reading.value(key), value, self.reading.source(key))
        return merged_dicts([of, entry])

    def kind(self, name: str) -> Kind | None:
        """Return the kind of what a name stands for; None where it stands for no value of `run`."""
        local = self.reading.here().locals.get(name)
        return None if local is None else local.value.kind

    def is_dict(self, name: str) -> bool:
        kind = self.kind(name)
        return kind is not None and is_dict(kind)

    def is_set(self, name: str) -> bool:
        return isinstance(self.kind(name), SetOf)

    def is_own_dict(self, name: str) -> bool:
        """Return whether a name stands for a dict that nothing else holds."""
        return self.is_dict(name) and not self.is_shared(name)

    def is_own_object(self, name: str) -> bool:
        """Return whether a name stands for a model or dataclass that nothing else holds."""
        return _is_object(self.kind(name)) and not self.is_shared(name)

    def is_own(self, name: str) -> bool:
        """Return whether a name stands for a list or dict that nothing else holds."""
        kind = self.kind(name)
        return (is_list(kind) or self.is_dict(name) or self.is_set(name)) and not self.is_shared(name)

    def is_item(self, target: ast.Subscript, name: str) -> bool:
        """Return whether an item of a list is assigned that nothing else holds."""
        return not isinstance(target.slice, ast.Slice) and self.is_own(name) and isinstance(self.kind(name), ListOf)

    def is_own_part(self, part: ast.Attribute) -> bool:
        """Return whether a field of an object holds a list or dict that nothing else holds."""
        if not isinstance(part.value, ast.Name):
            return False
        kind = self.kind(part.value.id)
        if not _is_object(kind) or part.attr not in record_fields(kind):
            return False
        of = record_fields(kind)[part.attr].kind
        return (is_dict(of) or is_list(of)) and not self._aliases().share_part(part.value.id, part.attr)

    def is_shared(self, name: str) -> bool:
        if name in self.made:
            return False
        return self._aliases().share(name)

    def _aliases(self) -> Aliases:
        function = self.reading.function
        if function not in self.aliases:
            expressions = self.reading.expressions
            parameters = function.args.args if function is expressions.source.run else []
            events = (each.arg for each in parameters if isinstance(self.kind(each.arg), Event))
            self.aliases[function] = Aliases(
                function, expressions.names.step, next(events, None), self._makes, self._given
            )
        return self.aliases[function]

    def _makes(self, called: ast.expr) -> bool:
        _, function = self.reading.steps.resolve(called)
        if isinstance(function, types.FunctionType) and function is not dataclasses.replace:
            return self._returns_new(function)
        return isinstance(function, type) or function is dataclasses.replace

    def _returns_new(self, function: types.FunctionType) -> bool:
        if function not in self.makers:
            self.makers[function] = False  # of one that calls itself, which is refused
            source = read_function(function) if is_authors(function.__code__.co_filename) else None
            if source is not None:
                step = next((each.arg for each in source.run.args.args if _is_step(each)), "")
                inside = Aliases(source.run, step, None, lambda called: self._makes_in(source, called), lambda *_: None)
                self.makers[function] = inside.returns_new()
        return self.makers[function]

    def _makes_in(self, source: Source, called: ast.expr) -> bool:
        function = source.names.get(called.id) if isinstance(called, ast.Name) else None
        return self._returns_new(function) if isinstance(function, types.FunctionType) else isinstance(function, type)

    def _given(self, node: ast.Call, name: str) -> list[ast.expr] | None:
        """Return what a new object is given for a field, nothing for its default; None of other calls."""
        record = record_of(self.reading.steps.resolve(node.func)[1])
        if record is None:
            return None
        try:
            given = given_fields(node, record, "")
        except Refused:
            return None  # it is refused where it is built
        return [given[name]] if name in given else []


def _is_step(parameter: ast.arg) -> bool:
    return parameter.annotation is not None and ast.unparse(parameter.annotation).endswith(WorkflowStep.__name__)


def _called_on(node: ast.Call, name: ast.Name) -> ast.Call:
    """Return a call of a method on a name instead."""
    assert isinstance(node.func, ast.Attribute)
    return placed(ast.Call(ast.Attribute(name, node.func.attr, ast.Load()), node.args, node.keywords), node)


def _is_object(kind: Kind | None) -> TypeGuard[Record]:
    """Return whether a value is a model or dataclass, and no dict with known keys."""
    return isinstance(kind, Record) and not kind.by_key


def _holds_typed(kind: Kind) -> bool:
    """Return whether a list or dict holds TypedDicts, as which a dict that is written out counts."""
    match kind:
        case ListOf(element) | DictOf(element):
            return (isinstance(element, Record) and element.by_key) or _holds_typed(element)
    return False


def _read(name: ast.Name) -> ast.Name:
    return placed(ast.Name(name.id, ast.Load()), name)


def held_elsewhere(node: ast.AST, source: str, name: str, *, is_list: bool) -> Refused:
    """Return the refusal of a change that another name of the same list or dict would see."""
    what, new = ("list", f"[*{name}, …]") if is_list else ("dict", f"{{**{name}, …}}")
    found = f"`{source}` changes a {what} in place, and something else may hold the same {what}"
    return Refused(node, found, f"write `{name} = {new}`, which makes a new {what}")
