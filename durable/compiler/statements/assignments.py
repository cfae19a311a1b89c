"""Reading assignments: to a name, to several, and in place."""

from __future__ import annotations

import ast
import dataclasses
from dataclasses import dataclass, field
from typing import Final

from durable.compiler.expressions import options, sets
from durable.compiler.expressions.advice import of_field, of_item
from durable.compiler.expressions.arithmetic import arithmetic
from durable.compiler.expressions.iterables import dict_entry, merged_dicts
from durable.compiler.expressions.iterables import targets as unpacked
from durable.compiler.expressions.literals import dict_display
from durable.compiler.expressions.objects import with_field
from durable.compiler.expressions.slices import sliced
from durable.compiler.expressions.spans import as_data
from durable.compiler.program.tree import Assign, Statement
from durable.compiler.source import mutations
from durable.compiler.source.aliases import Aliases, Function, grown_entry
from durable.compiler.source.names import HOISTED
from durable.compiler.source.problems import Refused
from durable.compiler.statements.awaits import Awaited, AwaitReader
from durable.compiler.statements.reading import Reading
from durable.compiler.types.assignability import assignable, names_remedy
from durable.compiler.types.kinds import (
    Event,
    Fixed,
    Float,
    Integer,
    Kind,
    ListOf,
    Record,
    SetOf,
    Unknown,
    describe,
    is_dict,
    is_unknown,
    join,
    members,
)
from durable.compiler.types.terms import Constant, Expression, Formula, Item, Variable
from durable.retries import Retries

_IMMUTABLE: Final = "the values of a run are never changed: assign a new one to a name"

Statements = tuple[Statement, ...]


def _is_of_items(target: ast.Tuple | ast.List) -> bool:
    return any(isinstance(each, ast.Subscript) for each in target.elts)


@dataclass(slots=True)
class AssignmentReader:
    """Reads assignments; `awaits` reads what they await."""

    reading: Reading
    awaits: AwaitReader
    aliases: dict[Function, Aliases] = field(default_factory=dict)

    def assign(self, targets: list[ast.expr], node: ast.expr, declared: Kind | None = None) -> Statements:
        """Return `target = value`; of several targets each is assigned the value, from the left."""
        first, *others = targets
        if any(isinstance(each, ast.Tuple | ast.List) and _is_of_items(each) for each in targets):
            return self._to_items(targets, node)
        if isinstance(first, ast.Name) and not others and self._is_policy(first.id, node):
            self.reading.expressions.names.retries[first.id] = options.retries(node, self.reading.steps.resolve)
            return ()
        taken = self._taken_out(node) if isinstance(node, ast.Call) and declared is None else None
        if taken is not None:
            statements, value = taken
            statements += self._bound(first, value, self.reading.source(node))
        elif isinstance(node, ast.Await):
            awaited = self.awaits.read(node)
            if not isinstance(awaited, Awaited):
                raise Refused(node, f"`{self.reading.source(node)}` returns nothing", "await it on a line of its own")
            if declared is not None:
                kind = self._declared_kind(node, awaited.kind, declared)
                awaited = dataclasses.replace(awaited, kind=kind)
            statements, value = self._result(first, awaited)
        else:
            value = self.reading.value(node)
            if declared is not None:
                value = value if isinstance(declared, SetOf) else as_data(node, value)
                value = dataclasses.replace(value, kind=self._declared_kind(node, value.kind, declared))
            statements = self._bound(first, value, self.reading.source(node))
            if others and isinstance(first, ast.Name):
                value = self.reading.here().locals[first.id].value
        return sum((self._bound(each, value, self.reading.source(node)) for each in others), statements)

    def _to_items(self, targets: list[ast.expr], node: ast.expr) -> Statements:
        """Return `d[a], d[b] = value`: what is taken apart has names first, and is put into the dicts from the left."""
        names, items = list[ast.expr](), list[tuple[ast.Subscript, ast.Name]]()
        for target in targets:
            if not isinstance(target, ast.Tuple | ast.List):
                names.append(target)
                continue
            parts = list[ast.expr]()
            for each in target.elts:
                name = ast.Name(f"item{HOISTED}{each.lineno}:{each.col_offset}", ast.Store())
                if isinstance(each, ast.Subscript):
                    items.append((each, name))
                parts.append(ast.copy_location(name, each) if isinstance(each, ast.Subscript) else each)
            names.append(ast.copy_location(type(target)(parts, ast.Store()), target))
        statements = self.assign(names, node)
        for item, name in items:
            statements += self.assign([item], ast.copy_location(ast.Name(name.id, ast.Load()), item))
        return statements

    def _is_policy(self, name: str, node: ast.expr) -> bool:
        """Whether a name is that of retries, which are written out and stay what they are."""
        resolve, function = self.reading.steps.resolve, self.reading.function
        if not isinstance(node, ast.Call) or resolve(node.func) != (True, Retries):
            return False
        names = (each for each in ast.walk(function) if isinstance(each, ast.Name) and each.id == name)
        is_assigned_once = sum(isinstance(each.ctx, ast.Store) for each in names) == 1
        at_top = any(
            isinstance(each, ast.Assign | ast.AnnAssign) and each.lineno == node.lineno for each in function.body
        )
        return is_assigned_once and at_top and options.is_written(node, resolve)

    def _bound(self, target: ast.expr, value: Expression, source: str) -> Statements:
        match target:
            case ast.Name(name):
                return self.reading.bind(name, value)
            case ast.Subscript(ast.Name(name), key) if self._is_own_dict(name):
                return self.reading.bind(name, self._with_entry(self.reading.value(target.value), key, value))
            case ast.Attribute(ast.Name(name), part) if self._is_own_object(name):
                of = self.reading.value(target.value)
                return self.reading.bind(name, with_field(target, of, part, value, source))
            case ast.Tuple() | ast.List():
                # First into a variable: in `a, b = b, a` both values are read before one of the names changes.
                whole = self.reading.variable("tuple", target)
                return (Assign(whole, value), *self._parts(target, Variable(whole, value.kind)))
        if self._was_refused(target):
            return ()
        raise self.changed(target, source)

    def _was_refused(self, target: ast.expr) -> bool:
        """Whether a part is changed of what was reported already."""
        of = target.value if isinstance(target, ast.Subscript | ast.Attribute) else None
        return isinstance(of, ast.Name) and isinstance(self._kind(of.id), Unknown)

    def changed(self, target: ast.expr, value: str) -> Refused:
        """Return the refusal of an assignment to a part of a value."""
        instead = None
        match target:
            case ast.Attribute(ast.Name("self")):
                instead = of_field(target, value, None)
            case ast.Subscript(ast.Name() as name) | ast.Attribute(ast.Name() as name):
                kind = self.reading.value(name).kind
                of_part = (
                    of_item(target, value, kind) if isinstance(target, ast.Subscript) else of_field(target, value, kind)
                )
                instead = None if is_unknown(kind) else of_part
        return Refused(target, f"`{self.reading.source(target)}` is changed in place", instead or _IMMUTABLE)

    def _result(self, target: ast.expr, awaited: Awaited) -> tuple[Statements, Expression]:
        """Return a run of something with its result bound to the target, and the result."""
        reading = self.reading
        match target:
            case ast.Name(name):
                result = Variable(reading.variable(name), awaited.kind)
                reading.scope = reading.here().bind(name, result)
                return (dataclasses.replace(awaited.run, variable=result.name),), result
            case ast.Tuple() | ast.List():
                result = Variable(reading.variable("tuple", target), awaited.kind)
                run = dataclasses.replace(awaited.run, variable=result.name)
                return (run, *self._parts(target, result)), result
        result = Variable(reading.variable("item", target), awaited.kind)
        run = dataclasses.replace(awaited.run, variable=result.name)
        return (run, *self._bound(target, result, "…")), result

    def _parts(self, target: ast.Tuple | ast.List, whole: Variable) -> Statements:
        """Return the assignments of the parts of a variable; a list is first asked for its length."""
        if not isinstance(whole.kind, ListOf):
            bound = (self.reading.bind(name, value) for name, value in unpacked(target, whole, whole.kind))
            return sum(bound, Statements())
        star = next((place for place, each in enumerate(target.elts) if isinstance(each, ast.Starred)), None)
        test = f"= {len(target.elts)}" if star is None else f">= {len(target.elts) - 1}"
        checked = Formula(f'($assert($count($a) {test}, "ValueError"); $a)', (whole,), whole.kind, fails=True)
        statements: Statements = (Assign(whole.name, self.reading.expressions.located(target, checked)),)
        after = 0 if star is None else len(target.elts) - star - 1
        for place, each in enumerate(target.elts):
            if isinstance(each, ast.Starred):
                ends = (Constant(place, Integer()), Constant(-after, Integer()) if after else None)
                rest = sliced(each, whole, list(ends), 1, self.reading.source(each))
                statements += self._bound(each.value, rest, self.reading.source(target))
            else:
                index = place if star is None or place < star else place - len(target.elts)
                item = Item(whole, Constant(index, Integer()), whole.kind.element, certain=True)
                statements += self._bound(each, item, self.reading.source(target))
        return statements

    def _declared_kind(self, node: ast.expr, kind: Kind, declared: Kind) -> Kind:
        """Return the kind of a value that is assigned to an annotated name."""
        if not assignable(kind, declared):
            given, text = describe(kind), self.reading.source(node)
            remedy = names_remedy(kind, declared) or "change the annotation or the value"
            raise Refused(node, f"`{text}` ({given}) is declared {describe(declared)}", remedy)
        # The name keeps what is known of the value, as a type checker has it: `x: int | None = 1` is an int until it is
        # assigned again.
        fitting = [each for each in members(declared) if assignable(kind, each)]
        if isinstance(kind, Integer) and fitting == [Float()]:
            return Float(may_be_int=True)  # `x: float = 1` is an int in CPython
        return join(*fitting) if fitting else declared

    def augmented(self, node: ast.AugAssign) -> Statements:
        """Return `name += value`."""
        target, source = node.target, self.reading.source(node)
        part = self._own_part(target)
        if part is not None:
            item = self.reading.value(part)
            # CPython changes the list or dict itself, which has been put into the dict and may have another name.
            if isinstance(item.kind, ListOf) and not item.kind.is_tuple:
                raise _held_elsewhere(node, source, self.reading.source(target), is_list=True)
            if isinstance(node.op, ast.BitOr) and is_dict(item.kind):
                raise _held_elsewhere(node, source, self.reading.source(target), is_list=False)
            return self._bound(target, arithmetic(node, item, self.reading.value(node.value), source), source)
        if not isinstance(target, ast.Name):
            operand = self.reading.source(node.value)
            operand = f"({operand})" if isinstance(node.value, ast.BinOp) else operand
            if self._was_refused(target):
                return ()
            sign = ast.unparse(ast.AugAssign(ast.Name("a"), node.op, ast.Name("b"))).split()[1].removesuffix("=")
            raise self.changed(target, f"{self.reading.source(target)} {sign} {operand}")
        of = ast.copy_location(ast.Name(target.id, ast.Load()), target)
        left = self.reading.value(of)
        if isinstance(node.op, ast.BitOr) and self._is_dict(target.id) and self._is_shared(target.id):
            raise _held_elsewhere(node, source, target.id, is_list=False)
        if isinstance(left.kind, SetOf):
            right = self.reading.value(node.value)
            combined = None if self._is_shared(target.id) else sets.operation(node, left, right, source)
            if combined is not None:
                return self.reading.bind(target.id, combined)
            sign = source.partition("=")[0].removeprefix(target.id).strip()
            found = f"`{source}` changes a set in place, and something else may hold the same set"
            raise Refused(node, found, f"write `{target.id} = {target.id} {sign} …`, which makes a new set")
        if not isinstance(left.kind, ListOf) or left.kind.is_tuple or not isinstance(node.op, ast.Add):
            return self.reading.bind(target.id, arithmetic(node, left, self.reading.value(node.value), source))
        if self._is_shared(target.id):
            raise _held_elsewhere(node, source, target.id, is_list=True)
        return self.reading.bind(target.id, self.reading.value(mutations.grown(node, of, node.value)))

    def _own_part(self, target: ast.expr) -> ast.expr | None:
        """Return what reads the item or field that is assigned, of a dict or object that nothing else holds."""
        match target:
            case ast.Subscript(ast.Name(name) as of, key) if self._is_own_dict(name):
                return ast.copy_location(ast.Subscript(of, key, ast.Load()), target)
            case ast.Attribute(ast.Name(name) as of, part) if self._is_own_object(name):
                return ast.copy_location(ast.Attribute(of, part, ast.Load()), target)
        return None

    def changed_by(self, node: ast.Call) -> Statements | None:
        """Return `xs.append(x)` and the like, of a list or dict that nothing else holds."""
        taken = self._taken_out(node)
        if taken is not None:
            return taken[0]
        entry = grown_entry(node)
        if entry is not None and self._is_dict(entry[0].id) and self._aliases().holds_own_lists(entry[0].id):
            return self.reading.bind(entry[0].id, self.reading.value(mutations.with_grown(node, *entry)))
        match node:
            case ast.Call(ast.Attribute(ast.Name(name) as of, method)) if self._is_own(name):
                if self._is_set(name):
                    new = mutations.set_changed(node, of, method)
                else:
                    new = mutations.changed(node, of, method, is_list=not self._is_dict(name))
                if new is not None:
                    return self.reading.bind(name, self.reading.value(new))
        return None

    def _taken_out(self, node: ast.Call) -> tuple[Statements, Expression] | None:
        """Return `xs.pop()`, `xs.pop(0)`, `d.pop(key)`, and what it takes out; None of anything else."""
        match node:
            case ast.Call(ast.Attribute(ast.Name(name) as of, "setdefault"), [key, _], []) if self._is_own_dict(name):
                kind = self._kind(name)
                written = key.value if isinstance(key, ast.Constant) else None
                is_new = isinstance(kind, Fixed) and isinstance(written, str) and written not in dict(kind.entries)
                new = mutations.with_default(node, of, is_new=is_new)
                left = self.reading.bind(name, self.reading.value(new))
                return left, self.reading.value(mutations.item(node, of, key))
            case ast.Call(ast.Attribute(ast.Name(name) as of, "pop"), arguments, []) if self._is_own(name):
                if self._is_dict(name) and len(arguments) in (1, 2):
                    got = mutations.popped(node, of, arguments)
                    return self._without(node, of, got, mutations.without_key(node, of, arguments[0]))
                end = mutations.end_of(arguments[0] if arguments else None)
                if not (self._is_dict(name) or self._is_set(name)) and len(arguments) < 2 and end is not None:
                    got = mutations.item(node, of, ast.copy_location(ast.Constant(end), node))
                    return self._without(node, of, got, mutations.without_end(node, of, end))
        return None

    def deleted(self, node: ast.Delete, name: ast.Name, key: ast.expr) -> Statements | None:
        """Return `del d[key]`, or `del` of an end of a list, where nothing else holds it."""
        if not self._is_own(name.id):
            return None
        of = ast.copy_location(ast.Name(name.id, ast.Load()), name)
        end = mutations.end_of(key)
        if self._is_dict(name.id):
            rest = mutations.without_key(node, of, key)
        elif end is not None:
            rest = mutations.without_end(node, of, end)
        else:
            return None
        return self._without(node, of, mutations.item(node, of, key), rest)[0]

    def _without(self, node: ast.AST, of: ast.Name, got: ast.expr, rest: ast.expr) -> tuple[Statements, Expression]:
        """Return what reads a part and assigns the rest, and the part; one that is not there ends the run."""
        # Both are read before the name changes: the rest is that of the list which the item was taken out of.
        taken, left = self.reading.value(got), self.reading.value(rest)
        variable = self.reading.variable("taken", node)
        statements = (Assign(variable, taken), *self.reading.bind(of.id, left))
        return statements, Variable(variable, taken.kind)

    def _with_entry(self, of: Expression, key: ast.expr, value: Expression) -> Expression:
        """Return a dict with one entry replaced or added."""
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            entry: Expression = dict_display({key.value: value})
        else:
            entry = dict_entry(key, self.reading.value(key), value, self.reading.source(key))
        return merged_dicts([of, entry])

    def _kind(self, name: str) -> Kind | None:
        """Return the kind of what a name stands for; None where it stands for no value of `run`."""
        local = self.reading.here().locals.get(name)
        return None if local is None else local.value.kind

    def _is_dict(self, name: str) -> bool:
        kind = self._kind(name)
        return kind is not None and is_dict(kind)

    def _is_set(self, name: str) -> bool:
        return isinstance(self._kind(name), SetOf)

    def _is_own_dict(self, name: str) -> bool:
        """Return whether a name stands for a dict that nothing else holds."""
        return self._is_dict(name) and not self._is_shared(name)

    def _is_own_object(self, name: str) -> bool:
        """Return whether a name stands for a model or dataclass that nothing else holds."""
        kind = self._kind(name)
        return isinstance(kind, Record) and not kind.by_key and not self._is_shared(name)

    def _is_own(self, name: str) -> bool:
        """Return whether a name stands for a list or dict that nothing else holds."""
        kind = self._kind(name)
        is_list = isinstance(kind, ListOf) and not kind.is_tuple
        return (is_list or self._is_dict(name) or self._is_set(name)) and not self._is_shared(name)

    def _is_shared(self, name: str) -> bool:
        return self._aliases().share(name)

    def _aliases(self) -> Aliases:
        function = self.reading.function
        if function not in self.aliases:
            expressions = self.reading.expressions
            parameters = function.args.args if function is expressions.source.run else []
            events = (each.arg for each in parameters if isinstance(self._kind(each.arg), Event))
            self.aliases[function] = Aliases(function, expressions.names.step, next(events, None), self._makes)
        return self.aliases[function]

    def _makes(self, called: ast.expr) -> bool:
        _, function = self.reading.steps.resolve(called)
        return isinstance(function, type) or function is dataclasses.replace


def _held_elsewhere(node: ast.AST, source: str, name: str, *, is_list: bool) -> Refused:
    """Return the refusal of a change that another name of the same list or dict would see."""
    what, new = ("list", f"[*{name}, …]") if is_list else ("dict", f"{{**{name}, …}}")
    found = f"`{source}` changes a {what} in place, and something else may hold the same {what}"
    return Refused(node, found, f"write `{name} = {new}`, which makes a new {what}")
