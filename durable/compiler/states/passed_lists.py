"""The lists that gathers and maps make, whose elements may travel by reference, and the names of these elements."""

from __future__ import annotations

from collections.abc import Iterator

from durable.compiler.program.outcomes import is_results
from durable.compiler.states.states import AnyState, Edge, Machine, Map, Parallel
from durable.compiler.types.terms import Constant, Expression, Item, Variable


class Lists:
    """Which variables hold the list of one gather or map, and nothing else.

    An element has the name of what it comes from: a branch of the gather, or the body of the map.

    Attributes:
        items: the names of all elements of maps.
    """

    def __init__(self, machine: Machine) -> None:
        self._endings: dict[Edge, str] = {}
        self._elements: dict[AnyState, tuple[str, ...]] = {}
        self._aliases: dict[str, str] = {}
        self._sources: dict[str, AnyState] = {}
        for number, state in enumerate(states_of(machine)):
            self._name(number, state)
        self.items = [names[0] for state, names in self._elements.items() if isinstance(state, Map)]
        edges = list(edges_of(machine))
        for edge in edges:
            for variable, value in edge.sequence:
                if isinstance(value, Variable):
                    self._aliases[self._root(variable)] = self._root(value.name)
        self._find(edges)

    def _name(self, number: int, state: AnyState) -> None:
        machines = state.inner()
        if not machines:
            return
        names = tuple(f"branch {branch} of block {number}" for branch in range(len(machines)))
        self._elements[state] = names
        for name, machine in zip(names, machines, strict=True):
            self._endings |= dict.fromkeys(machine.edges(), name)

    def _find(self, edges: list[Edge]) -> None:
        mixed: set[str] = set()
        for edge in edges:
            for variable, value in edge.sequence:
                root = self._root(variable)
                source = self._source(value, edge)
                if source is not None and self._sources.setdefault(root, source) is source:
                    continue
                if not isinstance(value, Variable | Constant):
                    mixed.add(root)
        for root in mixed:
            self._sources.pop(root, None)

    def _source(self, value: Expression, edge: Edge) -> AnyState | None:
        """Return the gather or map whose list a value is, as it stands on the edge out of it."""
        state = edge.source
        return state if isinstance(state, Parallel | Map) and state.next is edge and is_results(value) else None

    def _root(self, name: str) -> str:
        while (other := self._aliases.get(name, name)) != name:
            name = other
        return name

    def is_alias(self, one: str, other: str) -> bool:
        """Return whether two variables hold one list, if they hold any."""
        return self._root(one) == self._root(other)

    def ending(self, edge: Edge) -> str | None:
        """Return the element that the output of an edge is; None where the edge ends the run, or is in no block."""
        return self._endings.get(edge)

    def elements(self, value: Expression) -> tuple[str, ...]:
        """Return the elements of a variable that holds such a list."""
        source = self._sources.get(self._root(value.name)) if isinstance(value, Variable) else None
        return () if source is None else self._elements[source]

    def element(self, value: Expression) -> str | None:
        """Return the element that is taken out of such a list; None where it may be one of several branches."""
        if not isinstance(value, Item):
            return None
        names = self.elements(value.of)
        if not names or isinstance(self._sources[self._root(_variable(value.of))], Map):
            return next(iter(names), None)
        # Branches of a gather are steps of their own; an index that only the run knows may mean any of them.
        index = value.index.value if isinstance(value.index, Constant) else None
        return names[index] if isinstance(index, int) and 0 <= index < len(names) else None

    def looked_into(self, value: Expression) -> Expression:
        """Return what is looked into where a value is taken whole: of an element of such a list, the index."""
        return value.index if isinstance(value, Item) and self.element(value) is not None else value

    def lost(self, name: str, value: Expression, edge: Edge) -> tuple[str, ...]:
        """Return the elements of a list that is assigned to a variable of which nothing is known."""
        source = self._source(value, edge)
        return () if source is None or self._sources.get(self._root(name)) is source else self._elements[source]


def _variable(value: Expression) -> str:
    assert isinstance(value, Variable)
    return value.name


def states_of(machine: Machine) -> Iterator[AnyState]:
    """Yield the states of a machine, and of the machines in them."""
    for each in _machines(machine):
        yield from each.states


def edges_of(machine: Machine) -> Iterator[Edge]:
    """Yield the edges of a machine, and of the machines in it."""
    for each in _machines(machine):
        yield from each.edges()


def _machines(machine: Machine) -> Iterator[Machine]:
    yield machine
    for state in machine.states:
        for inner in state.inner():
            yield from _machines(inner)
