"""A synthesised template, and questions that tests ask of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Resource = Mapping[str, Any]


@dataclass(frozen=True)
class Template:
    """The resources of a stack by logical id."""

    path: Path
    resources: Mapping[str, Resource]
    parameters: frozenset[str]

    @classmethod
    def read(cls, path: Path) -> Template:
        written = json.loads(path.read_text())
        return cls(path, written["Resources"], frozenset(written.get("Parameters", {})))

    def of(self, kind: str) -> dict[str, Resource]:
        """Return the resources of a type, as `Lambda::Function`."""
        return {name: each for name, each in self.resources.items() if each["Type"] == f"AWS::{kind}"}

    def one(self, kind: str, part: str = "") -> tuple[str, Resource]:
        """Return the one resource of a type whose logical id holds this part, with that id."""
        found = [(name, each) for name, each in self.of(kind).items() if part in name]
        assert len(found) == 1, f"{kind} {part}: {[name for name, _ in found]}"
        return found[0]

    def queue(self) -> tuple[str, Resource]:
        """Return the one queue of app.py that has dead letters, with its id."""
        queues = {name: each for name, each in self.of("SQS::Queue").items() if not name.startswith("Wakes")}
        found = [(name, each) for name, each in queues.items() if "RedrivePolicy" in each["Properties"]]
        assert len(found) == 1
        return found[0]

    def functions(self) -> dict[str, Resource]:
        """Return the Lambdas by what they run: the function of a step or consumer, or else the entry."""
        return {what_runs(each): each for each in self.of("Lambda::Function").values()}

    def statements(self, role: str) -> list[Mapping[str, Any]]:
        """Return what a role's policies say."""
        return [
            statement
            for policy in self.of("IAM::Policy").values()
            if {"Ref": role} in policy["Properties"]["Roles"]
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        ]

    def grants(self, function: str) -> set[tuple[str, str]]:
        """Return what a Lambda may do: actions, each with its resource as a text that names logical ids."""
        role = self.functions()[function]["Properties"]["Role"]["Fn::GetAtt"][0]
        return {
            (action, text(resource))
            for statement in self.statements(role)
            for action in _list(statement["Action"])
            for resource in _list(statement["Resource"])
        }


def what_runs(function: Resource) -> str:
    """Return what a Lambda runs."""
    variables = function["Properties"]["Environment"]["Variables"]
    name: str = variables.get("DURABLE_FUNCTION", variables["DURABLE_ENTRY"])
    return name


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def text(value: Any) -> str:
    """Return a value of a template as a text: `<Logical>` for a Ref, `<Logical.Attribute>` for a GetAtt."""
    match value:
        case str():
            return value
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(text(each) for each in parts)
        case {"Fn::Sub": str(form)}:
            return form.replace("${", "<").replace("}", ">")
    return json.dumps(value)


def references(value: Any) -> Iterator[str]:
    """Yield the logical ids that a part of a template refers to."""
    match value:
        case {"Ref": name}:
            yield name
        case {"Fn::GetAtt": [name, *_]}:
            yield name
        case Mapping():
            for each in value.values():
                yield from references(each)
        case list():
            for each in value:
                yield from references(each)


def dangling(template: Template) -> list[str]:
    """Return the ids that a template refers to and does not have: CloudFormation refuses such a template."""
    known = {*template.resources, *template.parameters}
    found = {each for each in references(template.resources) if not each.startswith("AWS::")}
    return sorted(found - known)
