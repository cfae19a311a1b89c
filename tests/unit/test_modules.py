"""Modules of a project that cannot be imported: the author's line, and no traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from durable.errors import ModuleError
from durable.modules import imported

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes the modules of a project, and returns what is said when its shop.py is imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "shop", raising=False)  # another test's

    def make(**modules: str) -> str:
        for name, text in modules.items():
            (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        with pytest.raises(ModuleError) as caught:
            imported("shop")
        return str(caught.value)

    return make


def test_a_module_that_is_not_there_is_named_with_the_folder(write: Write, tmp_path: Path) -> None:
    assert write() == f"there is no shop.py in {tmp_path}; write it, or call this in the project's folder"


def test_a_module_that_stands_in_a_folder_above_is_said_with_that_folder(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shop.py").touch()
    (tmp_path / "functions").mkdir()
    monkeypatch.chdir(tmp_path / "functions")
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each != str(tmp_path)])
    folder = tmp_path / "functions"
    assert write() == f"there is no shop.py in {folder}; call this in the project's folder, which is {tmp_path}"


def test_what_an_import_does_not_find_is_said_of_its_line(write: Write) -> None:
    said = write(shop="import json\nimport orders_of_nobody\n")
    assert said == (
        "shop.py:2: ModuleNotFoundError: No module named 'orders_of_nobody'; write the module, or install its package"
        " into this environment"
    )


def test_a_package_that_an_extra_brings_is_said_with_the_extra(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    said = write(shop="import sqlalchemy\n")
    assert said.endswith("; install the extra database: pip install 'durable-workflows[database]'")


def test_modules_that_import_each_other_are_told_so(write: Write) -> None:
    said = write(shop="import shop_steps\nSIZE = 1\n", shop_steps="from shop import SIZE\n")
    assert said.startswith("shop_steps.py:1: ImportError: cannot import name 'SIZE' from partially initialized module")
    assert said.endswith("(by way of shop.py:1); the modules import each other: move what both need into a third one")


def test_a_syntax_error_is_said_of_its_line_with_the_imports_that_led_there(write: Write) -> None:
    said = write(shop="import shop_steps\n", shop_steps="def step(:\n    pass\n")
    assert said == "shop_steps.py:1: SyntaxError: invalid syntax: `def step(:` (by way of shop.py:1); mend the line"


def test_a_failure_in_a_library_is_said_of_the_line_that_called_it(write: Write) -> None:
    said = write(shop="import json\n\nSIZES = json.loads('[1,')\n")
    assert said.startswith("shop.py:3: JSONDecodeError: Expecting value: ")
    assert said.endswith("; mend it there")


def test_a_declaration_that_is_refused_is_said_of_its_line(write: Write) -> None:
    said = write(shop="from durable import KVNamespace\nusers = KVNamespace('Users')\n")
    assert said.startswith("shop.py:2: KVNamespace('Users'): a name is 1 to 40 lower-case letters")


def test_a_binding_that_durable_does_not_have_leads_to_the_page_that_says_what_to_use(write: Write) -> None:
    said = write(shop="from durable import D1Database\n")
    assert said.startswith("shop.py:1: ImportError: cannot import name 'D1Database' from 'durable' (")
    page = "docs/from-cloudflare.md says what there is, and what to use for what there is not"
    assert said.endswith(f"; did you mean Database? {page}")
    assert write(shop="from durable import Ai\n").endswith(f"; {page}")


def test_a_name_that_a_module_lacks_leads_to_the_one_that_is_like_it(write: Write) -> None:
    said = write(shop="from shop_steps import reserv\n", shop_steps="def reserve(): ...\n")
    assert said.endswith("; did you mean reserve? import a name that the module has")
