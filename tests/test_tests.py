"""The tests themselves: where they lie, and what they import."""

import ast
from pathlib import Path

import pytest

import vae_lab

TESTS = Path(__file__).parent
MODULES = sorted(str(path.relative_to(TESTS)) for path in TESTS.rglob("*.py"))


def imported(source: str) -> set[str]:
    """The parts of all dotted names that a module imports."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module or ''}.{alias.name}" for alias in node.names}
    return {part for name in names for part in name.split(".")}


def test_imports_are_found() -> None:
    source = "import a.b as c\ndef inside():\n    from d import e as f\n    from .g import h"
    assert imported(source) - {""} == {*"abdegh"}


@pytest.mark.parametrize("module", MODULES)
def test_no_test_module_is_imported(module: str) -> None:
    """What several share lies under tests/helpers, or is a fixture of conftest.py."""
    names = imported((TESTS / module).read_text())
    assert not {name for name in names if name.startswith("test_") or name in ("conftest", "tests")}


def test_folders_mirror_those_of_the_package() -> None:
    source = Path(vae_lab.__file__).parent
    folders = {Path(module).parent for module in MODULES} - {Path("helpers"), Path("torture")}
    assert not [str(folder) for folder in folders if not (source / folder / "__init__.py").is_file()]
