"""Reading assignments: to a name, to several, and in place."""

from __future__ import annotations

import ast
import dataclasses
from dataclasses import dataclass
from typing import Final

from durable.compiler.expressions import options, sets
from durable.compiler.expressions.advice import of_field, of_item
from durable.compiler.expressions.arithmetic import arithmetic
from durable.compiler.expressions.iterables import targets as unpacked
from durable.compiler.expressions.objects import with_field
from durable.compiler.expressions.slices import sliced
from durable.compiler.expressions.spans import in_run
from durable.compiler.program.tree import Assign, Statement
from durable.compiler.source import mutations
from durable.compiler.source.names import made_up
from durable.compiler.source.places import placed
from durable.compiler.source.problems import Refused
from durable.compiler.statements.awaits import Awaited, AwaitReader
from durable.compiler.statements.changes import ChangeReader, held_elsewhere
from durable.compiler.statements.reading import Reading
from durable.compiler.types.assignability import assignable, names_remedy
from durable.compiler.types.kinds import (
    Float,
    Integer,
    Kind,
    ListOf,
    Opaque,
    Record,
    SetOf,
    Unknown,
    describe,
    is_dict,
    is_list,
    is_unknown,
    join,
    may_be_none,
    members,
    present,
)
from durable.compiler.types.terms import FLOAT, INTEGER, Constant, Expression, Formula, Variable, element
from durable.retries import Retries

_IMMUTABLE: Final = "the values of a run are never changed: assign a new one to a name"

Statements = tuple[Statement, ...]


def _is_of_items(target: ast.Tuple | ast.List) -> bool:
    return any(isinstance(each, ast.Subscript) for each in target.elts)


@dataclass(slots=True)
class AssignmentReader:
    """Reads assignments; `awaits` reads what they await, `changes` what is changed in place."""

    reading: Reading
    awaits: AwaitReader
    changes: ChangeReader

    def assign(self, targets: list[ast.expr], node: ast.expr, declared: Kind | None = None) -> Statements:
        """Return `target = value`; of several targets each is assigned the value, from the left."""
        first, *others = targets
        if any(isinstance(each, ast.Tuple | ast.List) and _is_of_items(each) for each in targets):
            return self._to_items(targets, node)
        if isinstance(first, ast.Name) and not others and self._is_policy(first.id, node):
            self.reading.expressions.names.retries[first.id] = options.retries(node, self.reading.steps.resolve)
            return ()
        taken = self.changes.taken_out(node) if isinstance(node, ast.Call) else None
        if taken is not None:
            statements, value = taken
            if declared is not None:
                value = dataclasses.replace(value, kind=self._declared_kind(node, value.kind, declared))
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
                value = in_run(node, value, declared)
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
                name = ast.Name(made_up("item", each), ast.Store())
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
                return self.changes.bound(name, value)
            case ast.Subscript(ast.Name(name), key) if self.changes.is_own_dict(name):
                return self.changes.bound(name, self.changes.with_entry(self.reading.value(target.value), key, value))
            case ast.Subscript(ast.Name(name) as listed) if self.changes.is_item(target, name):
                return self.changes.put(target, listed, value)
            case ast.Subscript(ast.Attribute() as part, key) if self.changes.is_own_part(part):
                return self.changes.in_part(
                    part, lambda kept: self._bound(placed(ast.Subscript(kept, key, ast.Store()), target), value, source)
                )
            case ast.Attribute(ast.Name(name), part) if self.changes.is_own_object(name):
                of = self.reading.value(target.value)
                return self._with_field(target, name, part, with_field(target, of, part, value, source), value.kind)
            case ast.Tuple() | ast.List():
                # First into a variable: in `a, b = b, a` both values are read before one of the names changes.
                whole = self.reading.variable("tuple", target)
                return (Assign(whole, value), *self._parts(target, Variable(whole, value.kind)))
        if self._was_refused(target):
            return ()
        raise self.changed(target, source)

    def _with_field(self, target: ast.Attribute, name: str, part: str, new: Expression, given: Kind) -> Statements:
        """Return an object that has another value in a field; what tests have said of its other fields holds still."""
        known = [
            (path, kind)
            for path, kind in self.reading.here().narrowed.items()
            if path[0] == name and len(path) > 1 and path[1] != part
        ]
        statements = self.reading.bind(name, new)
        for path, kind in known:
            self.reading.scope = self.reading.here().narrow(path, kind)
        if isinstance(new.kind, Record) and not may_be_none(given) and not is_unknown(given):
            field = self.reading.value(ast.copy_location(ast.Attribute(target.value, part, ast.Load()), target)).kind
            self.reading.scope = self.reading.here().narrow((name, part), present(field))
        return statements

    def _was_refused(self, target: ast.expr) -> bool:
        """Whether a part is changed of what was reported already."""
        of = target.value if isinstance(target, ast.Subscript | ast.Attribute) else None
        return isinstance(of, ast.Name) and isinstance(self.changes.kind(of.id), Unknown)

    def changed(self, target: ast.expr, value: str) -> Refused:
        """Return the refusal of an assignment to a part of a value."""
        instead = None
        match target:
            case ast.Attribute(ast.Name("self")):
                instead = of_field(target, value, None)
            case ast.Subscript(
                ast.Name() | ast.Subscript(ast.Name()) | ast.Attribute(ast.Name()) as name
            ) | ast.Attribute(ast.Name() as name):
                kind = self.reading.value(name).kind
                of_part = (
                    of_item(target, value, kind) if isinstance(target, ast.Subscript) else of_field(target, value, kind)
                )
                instead = None if is_unknown(kind) else of_part
                if instead is not None and isinstance(target, ast.Attribute) and isinstance(name, ast.Name):
                    instead += self._put_back(name.id)
        return Refused(target, f"`{self.reading.source(target)}` is changed in place", instead or _IMMUTABLE)

    def _put_back(self, name: str) -> str:
        """Return what to do with the changed copy of a value that stands in a dict or list: CPython changes that."""
        for node in ast.walk(self.reading.function):
            match node:
                case ast.Assign([ast.Name(named)], ast.Subscript(of, key)) | ast.Assign(
                    [ast.Name(named)], ast.Call(ast.Attribute(of, "get" | "setdefault"), [key, *_])
                ) if named == name:
                    place = f"{self.reading.source(of)}[{self.reading.source(key)}]"
                    return f", and after the last such line `{place} = {name}`"
                case ast.For(ast.Name(named), of) if named == name:
                    return f", and put `{name}` into a new list in place of `{self.reading.source(of)}`"
        return ""

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
        least = len(target.elts) - (star is not None)
        wanted = f"expected {'' if star is None else 'at least '}{least}"
        says = f'"not enough values to unpack ({wanted}, got " & $formatBase($count($a)) & ")"'
        if star is None:
            says = f'$count($a) > {least} ? "too many values to unpack ({wanted})" : {says}'
        text = f'($assert($count($a) {test}, "ValueError"); $a)'
        checked = Formula(text, (whole,), whole.kind, fails=True, says=says)
        statements: Statements = (Assign(whole.name, self.reading.expressions.located(target, checked)),)
        after = 0 if star is None else len(target.elts) - star - 1
        for place, each in enumerate(target.elts):
            if isinstance(each, ast.Starred):
                ends = (Constant(place, INTEGER), Constant(-after, INTEGER) if after else None)
                rest = sliced(each, whole, list(ends), 1, self.reading.source(each))
                statements += self._bound(each.value, rest, self.reading.source(target))
            else:
                index = place if star is None or place < star else place - len(target.elts)
                item = element(whole, index, whole.kind.element)
                statements += self._bound(each, item, self.reading.source(target))
        return statements

    def _declared_kind(self, node: ast.expr, kind: Kind, declared: Kind) -> Kind:
        """Return the kind of a value that is assigned to an annotated name."""
        if is_list(kind) and is_list(declared) and _is_error_class(declared.element):
            return kind  # which errors it keeps is known better from what is put into it
        if not assignable(kind, declared):
            given, text = describe(kind), self.reading.source(node)
            remedy = names_remedy(kind, declared) or "change the annotation or the value"
            raise Refused(node, f"`{text}` ({given}) is declared {describe(declared)}", remedy)
        # The name keeps what is known of the value, as a type checker has it: `x: int | None = 1` is an int until it is
        # assigned again.
        fitting = [each for each in members(declared) if assignable(kind, each)]
        if isinstance(kind, Integer) and fitting == [FLOAT]:
            return Float(may_be_int=True)  # `x: float = 1` is an int in CPython
        return join(*fitting) if fitting else declared

    def augmented(self, node: ast.AugAssign) -> Statements:
        """Return `name += value`."""
        target, source = node.target, self.reading.source(node)
        if isinstance(target, ast.Attribute) and self.changes.is_own_part(target):
            return self.changes.in_part(target, lambda kept: self._augmented_part(node, kept))
        part = self.changes.own_part(target)
        if part is not None:
            item = self.reading.value(part)
            # CPython changes the list or dict itself, which has been put into the dict and may have another name.
            if is_list(item.kind):
                raise held_elsewhere(node, source, self.reading.source(target), is_list=True)
            if isinstance(node.op, ast.BitOr) and is_dict(item.kind):
                raise held_elsewhere(node, source, self.reading.source(target), is_list=False)
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
        if isinstance(node.op, ast.BitOr) and self.changes.is_dict(target.id) and self.changes.is_shared(target.id):
            raise held_elsewhere(node, source, target.id, is_list=False)
        if isinstance(left.kind, SetOf):
            right = self.reading.value(node.value)
            combined = None if self.changes.is_shared(target.id) else sets.operation(node, left, right, source)
            if combined is not None:
                return self.reading.bind(target.id, combined)
            sign = source.partition("=")[0].removeprefix(target.id).strip()
            found = f"`{source}` changes a set in place, and something else may hold the same set"
            raise Refused(node, found, f"write `{target.id} = {target.id} {sign} …`, which makes a new set")
        if not is_list(left.kind) or not isinstance(node.op, ast.Add | ast.Mult):
            return self.changes.bound(target.id, arithmetic(node, left, self.reading.value(node.value), source))
        if self.changes.is_shared(target.id):
            raise held_elsewhere(node, source, target.id, is_list=True)
        if isinstance(node.op, ast.Mult):
            return self.reading.bind(target.id, self.reading.value(placed(ast.BinOp(of, node.op, node.value), node)))
        return self.changes.bound(target.id, self.reading.value(mutations.grown(node, of, node.value)))

    def _augmented_part(self, node: ast.AugAssign, kept: ast.Name) -> Statements:
        """Return `order.names += value`, where the list in the field has a name meanwhile."""
        target = placed(ast.Name(kept.id, ast.Store()), kept)
        return self.augmented(placed(ast.AugAssign(target, node.op, node.value), node))


def _is_error_class(kind: Kind) -> bool:
    """Whether an annotation names a class of errors, as `Exception`."""
    return isinstance(kind, Opaque) and isinstance(kind.python, type) and issubclass(kind.python, BaseException)
