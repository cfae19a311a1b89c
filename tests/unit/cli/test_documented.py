from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from durable.cli import main
from durable.cli.commands import MODULES

PAGE = (Path(__file__).parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")
OF_ALL = PAGE.partition("## What all commands")[2].partition("## Exit codes")[0]


def command(name: str) -> click.Command:
    found = main.get_command(click.Context(main), name)
    assert found is not None
    return found


def section(name: str) -> str:
    return PAGE.partition(f"\n### {name}\n")[2].partition("\n#")[0]


@pytest.mark.parametrize("name", MODULES)
def test_a_command_is_documented_with_its_options_and_an_example(name: str) -> None:
    text = section(name)
    assert f"    durable {name}" in text
    options = [each for each in command(name).params if isinstance(each, click.Option)]
    missing = [each.opts[0] for each in options if each.opts[0] not in text + OF_ALL]
    assert missing == []


@pytest.mark.parametrize("name", MODULES)
def test_a_command_says_in_a_sentence_what_it_does(name: str) -> None:
    assert command(name).name == name
    assert re.match(r"[A-Z].*[.:]", command(name).help or "")


def test_what_the_page_shows_can_be_said() -> None:
    for line in re.findall(r"^    durable (.*)$", PAGE, re.MULTILINE):
        name, *given = re.findall(r"'[^']*'|\"[^\"]*\"|\S+", line)
        command(name).make_context(name, [each.strip("'\"") for each in given], resilient_parsing=False).close()
