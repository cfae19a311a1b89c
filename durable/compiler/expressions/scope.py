"""What is known at a point of `run`: the variables there, and what tests have said of them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from durable.compiler.types.kinds import Kind, join
from durable.compiler.types.terms import Expression

Path = tuple[str, ...]
"""A variable and the attributes and keys read from it: what a test can say something about."""


@dataclass(frozen=True, slots=True)
class Local:
    """A variable: how it is read, and whether it is certain to be bound."""

    value: Expression
    certain: bool = True


@dataclass(frozen=True, slots=True)
class Scope:
    """The variables at a point, by their Python name; never changed, only replaced."""

    locals: Mapping[str, Local] = field(default_factory=dict)
    narrowed: Mapping[Path, Kind] = field(default_factory=dict)

    def bind(self, name: str, value: Expression) -> Scope:
        """Return the scope after an assignment."""
        # What tests have said of the name and its fields, they said of the value that it had before.
        narrowed = {path: kind for path, kind in self.narrowed.items() if path[0] != name}
        return Scope({**self.locals, name: Local(value)}, narrowed)

    def narrow(self, path: Path | None, kind: Kind) -> Scope:
        """Return the scope in which a test has shown the kind of a path."""
        return self if path is None else Scope(self.locals, {**self.narrowed, path: kind})

    def kind(self, path: Path) -> Kind | None:
        """Return what is known of a path, if anything."""
        # A field is known by tests alone; a name alone has the kind of its variable, too.
        if path in self.narrowed or len(path) > 1 or path[0] not in self.locals:
            return self.narrowed.get(path)
        return self.locals[path[0]].value.kind

    def within(self, outer: Scope) -> Scope:
        """Return the variables of an outer scope, with what is known of them here; what hides one is left out.

        A name that is no identifier is none of the author's, as that of the error which is being handled: it stays.
        """
        kept = {name: each for name, each in self.locals.items() if not name.isidentifier()}
        for name, local in outer.locals.items():
            mine = self.locals.get(name)
            is_same = mine is not None and replace(mine.value, kind=local.value.kind) == local.value
            kept[name] = mine if mine is not None and is_same else local
        same = {name for name, each in kept.items() if each is self.locals.get(name)}
        narrowed = {path: kind for path, kind in self.narrowed.items() if path[0] in same}
        narrowed |= {path: kind for path, kind in outer.narrowed.items() if path[0] not in same}
        return Scope(kept, narrowed)

    def hide(self, names: Iterable[str]) -> Scope:
        """Return the scope in which these are not bound."""
        gone = frozenset(names)
        return Scope({name: each for name, each in self.locals.items() if name not in gone}, self.narrowed)


def merge(scopes: Iterable[Scope | None]) -> Scope | None:
    """Return what is known where several paths meet; None stands for a path that is never taken."""
    found = [each for each in scopes if each is not None]
    if not found:
        return None
    merged = found[0]
    for other in found[1:]:
        merged = _merged(merged, other)
    return merged


def _merged(one: Scope, other: Scope) -> Scope:
    names = {**one.locals, **other.locals}
    narrowed: dict[Path, Kind] = {}
    for path in sorted(one.narrowed.keys() | other.narrowed.keys()):
        # A test that only one of the paths made says nothing where both meet.
        kinds = [known for each in (one, other) if (known := each.kind(path)) is not None]
        if len(kinds) == 2:
            narrowed[path] = join(*kinds)
    return Scope({name: _local(one.locals.get(name), other.locals.get(name)) for name in names}, narrowed)


def _local(one: Local | None, other: Local | None) -> Local:
    if one is None or other is None:
        known = one or other
        assert known is not None
        return Local(known.value, certain=False)
    # Both paths assign the same variable, since a name has one in each block: the values can differ in their kind
    # alone.
    kind = join(one.value.kind, other.value.kind)
    return Local(replace(one.value, kind=kind), one.certain and other.certain)


def path_of(node: ast.expr) -> Path | None:
    """Return the path that an expression reads, where it is one that tests can narrow."""
    match node:
        case ast.Name(name):
            return (name,)
        case ast.Attribute(of, attribute):
            base = path_of(of)
            return None if base is None else (*base, attribute)
        case ast.Subscript(of, ast.Constant(str() as key)):
            base = path_of(of)
            return None if base is None else (*base, f"[{key}]")
    return None


def assigned_names(statements: Iterable[ast.stmt]) -> dict[str, None]:
    """Return the names that statements bind, nested defs left out, in the order they are met."""
    found: dict[str, None] = {}
    for statement in statements:
        _collect(statement, found)
    return found


def _collect(node: ast.AST, found: dict[str, None]) -> None:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        found[node.id] = None
    if isinstance(node, ast.alias):
        found[node.asname or node.name.partition(".")[0]] = None
    if isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name:
        found[node.name] = None
    if isinstance(node, ast.ExceptHandler) and node.name:
        found[node.name] = None
    # The body of a nested def binds names of its own; in this function only the name of the def is bound.
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        found[node.name] = None
        return
    # The targets of a comprehension are its own. What `:=` in it binds is the function's (PEP 572).
    if isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        found |= {each.target.id: None for each in ast.walk(node) if isinstance(each, ast.NamedExpr)}
    elif not isinstance(node, ast.Lambda):
        for child in ast.iter_child_nodes(node):
            _collect(child, found)
