"""The commands of the README and of docs, typed in their order on one machine: each prints what its page shows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.e2e.documents import Command, Reader, commands, differences
from tests.e2e.server import ROOT, Server

PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if path.name != "tutorial.md"  # it has a test of its own
}
COMMANDS = {name: found for name, page in PAGES.items() if (found := commands(page))}
UUIDS = ("01a20ae3-dfe7-7f94-8b11-947e8332a0ea", "01a20ae4-cf1a-7831-af7b-950ff2e87956")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A machine on which `make run` was typed."""
    local = Server(ROOT, tmp_path_factory.mktemp("machine") / ".data")
    local.start()
    yield local
    local.stop()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("page", COMMANDS)
def test_the_commands_of_a_page_print_what_it_shows(page: str, machine: Server) -> None:
    reader = Reader(machine)
    for command in COMMANDS[page]:
        reader.follow(command)


@pytest.mark.parametrize("page", PAGES)
def test_no_page_has_a_curl_line_where_it_is_not_run(page: str) -> None:
    assert PAGES[page].count("curl ") == sum(each.line.count("curl ") for each in COMMANDS.get(page, []))


def test_commands_are_told_from_what_they_print() -> None:
    page = """\
Prose.

    curl -X POST \\
      there
    curl here

    HTTP/1.1 200 OK
    age: 3

    {"a": 1}

    cat file

Prose.

    {"b": 1}

```python
def curl() -> None:

    curl it
```
"""

    assert commands(page) == [
        Command("curl -X POST there"),
        Command("curl here", 'HTTP/1.1 200 OK\nage: 3\n\n{"a": 1}'),
        Command("cat file"),
    ]


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ('{"a": 1, "b": [true, null]}', '{"a":1,"b":[true,null]}'),
        ('{"a": 1, …}', '{"a":1,"b":2}'),
        ('{…, "b": {"c": 2, …}, …}', '{"a":1,"b":{"c":2}}'),
        ('{"a": [{"b": 1, …}, …]}', '{"a":[{"b":1,"c":2},{"b":3}]}'),
        ('{"at": "2026-11-24T00:10:35.880Z"}', '{"at":"2027-01-01T12:00:00.000Z"}'),
        ('{"a": "Hello, …!"}', '{"a":"Hello, Ann!"}'),
        (f'{{"id": "{UUIDS[0]}", "of": "x/{UUIDS[0]}"}}', f'{{"id":"{UUIDS[1]}","of":"x/{UUIDS[1]}"}}'),
        ('HTTP/1.1 201 Created\nage: 3\n\n{"a": 1}', 'HTTP/1.1 201 Created\ndate: today\nage: 3\n\n{"a":1}'),
        ("", "anything"),
    ],
)
def test_what_is_as_shown_passes(shown: str, printed: str) -> None:
    assert list(differences(shown, printed, {})) == []


@pytest.mark.parametrize(
    ("shown", "printed", "found"),
    [
        ('{"a": 1}', '{"a":2}', ["$.a is 2, not 1"]),
        ('{"a": 1}', '{"a":true}', ["$.a is True, not 1"]),
        ('{"a": 1}', '{"a":1,"b":2}', ["$ has the members ['a', 'b'], not ['a']"]),
        ('{"a": 1, "b": 2, …}', '{"b":2,"c":3}', ["$ has the members ['b', 'c'], not ['a', 'b']"]),
        ('{"a": 1, "b": 2}', '{"b":2,"a":1}', ["$ has the members ['b', 'a'], not ['a', 'b']"]),
        ('{"a": [1, …]}', '{"a":[]}', ["$.a has 0 items, not 1"]),
        ('{"a": [1]}', '{"a":[1, 2]}', ["$.a has 2 items, not 1"]),
        ('[{"b": 1, …}]', '[{"b":2}]', ["$[0].b is 2, not 1"]),
        ('{"at": "2026-11-24T00:10:35.880Z"}', '{"at":null}', ["$.at is None, not '2026-11-24T00:10:35.880Z'"]),
        (f'["{UUIDS[0]}", "{UUIDS[0]}"]', f'["{UUIDS[0]}","{UUIDS[1]}"]', [f"$[1] is '{UUIDS[1]}', not '{UUIDS[0]}'"]),
        ("HTTP/1.1 201 Created", "HTTP/1.1 200 OK\n\n{}", ["no 'HTTP/1.1 201 Created' in 'HTTP/1.1 200 OK'"]),
    ],
)
def test_what_is_not_as_shown_is_found(shown: str, printed: str, found: list[str]) -> None:
    assert list(differences(shown, printed, {})) == found
