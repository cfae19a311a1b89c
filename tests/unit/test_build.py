"""A project that is wrong in several places: all of it is said at once."""

from __future__ import annotations

import pytest

from durable import KVNamespace, Workflow
from durable.build import build
from durable.errors import DeclarationError
from durable.project import Project
from tests.unit.compiler.written import FIRST_LINE, written


def test_every_error_of_every_workflow_and_declaration_is_listed_in_one_order() -> None:
    first = Workflow("first", written('await step.do("a", text, 1)\nreturn event.payload.agee'))
    second = Workflow("second", written("return today"))
    third = Workflow("third", written('await step.do("a", text, "x")'), bindings={"unknown": KVNamespace("spare")})
    with pytest.raises(DeclarationError) as caught:
        build(Project("app", (first, second, third, KVNamespace("idle"))))
    said = str(caught.value).splitlines()
    parts = ['the step "a" is given `1`', "has no field `agee`", "`today` is not defined", "idle", "spare", "unknown"]
    assert [part for line in said for part in parts if part in line][:3] == parts[:3]
    assert all(part in str(caught.value) for part in parts)
    assert f":{FIRST_LINE}: " in said[0]
    assert f":{FIRST_LINE + 1}: " in said[1]
