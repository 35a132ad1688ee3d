"""Read modules as text: find what a `_target_` accepts without importing it (importing torch takes seconds)."""

import ast
import builtins
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from vae_lab.configuration.own_parts import find_own

# Light modules, which are imported to look up names in annotations.
IMPORTED = frozenset({"typing", "typing_extensions", "collections.abc", "pydantic", "datetime", "pathlib"})

Definition = ast.ClassDef | ast.FunctionDef


@dataclass(frozen=True, eq=False)
class Source:
    """The syntax tree of a module, and where a name in it leads."""

    name: str
    path: Path
    tree: ast.Module

    def bindings(self) -> Iterator[ast.stmt]:
        """The statements of the module's own level, those under `if` and `try` included."""
        pending: list[ast.stmt] = [*self.tree.body]
        while pending:
            statement = pending.pop(0)
            yield statement
            for block in ("body", "orelse", "handlers", "finalbody"):
                if isinstance(statement, ast.If | ast.Try | ast.ExceptHandler):
                    pending.extend(getattr(statement, block, []))

    def names(self) -> list[str]:
        """The public classes and functions that are defined here, or that a package offers."""
        defined = [node.name for node in self.tree.body if isinstance(node, Definition) and node.name[0] != "_"]
        return [*defined, *self.type_checking_imports()]

    def type_checking_imports(self) -> dict[str, str]:
        """The names that are imported for type checkers only, and the modules that they come from."""
        return {
            alias.asname or alias.name: self.origin(statement.module, statement.level)
            for block in self.tree.body
            if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
            for statement in block.body
            if isinstance(statement, ast.ImportFrom)
            for alias in statement.names
        }

    def origin(self, module: str | None, level: int) -> str:
        """The absolute name of the module in `from MODULE import ...`."""
        if level == 0:
            return module or ""
        package = self.name.split(".")
        keep = len(package) - level + (self.path.name == "__init__.py")
        return ".".join([*package[:keep], *([module] if module else [])])

    def find(self, name: str) -> tuple[Definition, "Source"] | None:
        """The class or function that a name stands for, followed through imports."""
        for statement in self.bindings():
            if isinstance(statement, ast.ClassDef | ast.FunctionDef) and statement.name == name:
                return statement, self
            if isinstance(statement, ast.ImportFrom):
                for alias in statement.names:
                    if (alias.asname or alias.name) == name:
                        return find(f"{self.origin(statement.module, statement.level)}.{alias.name}")
        return None

    def evaluate(self, expression: ast.expr) -> Any:
        """The type that an annotation means; `Any` where it cannot be evaluated."""
        code = compile(ast.Expression(expression), self.name, "eval")
        try:
            return eval(code, {"__builtins__": {}}, Names(self))
        except (TypeError, AttributeError, KeyError, NameError):
            return Any

    def value(self, name: str) -> Any:
        """What a name in an annotation stands for."""
        for statement in self.bindings():
            match statement:
                case ast.ClassDef(name=defined) if defined == name:
                    return type(name, (), {})  # no YAML value is an instance of it
                case ast.Assign(targets=[ast.Name(id=defined)], value=value) if defined == name:
                    return self.evaluate(value)
                case ast.AnnAssign(target=ast.Name(id=defined), value=ast.expr() as value) if defined == name:
                    return self.evaluate(value)
                case ast.ImportFrom(module=module, names=aliases, level=level):
                    for alias in aliases:
                        if (alias.asname or alias.name) == name:
                            return imported(self.origin(module, level), alias.name)
        return getattr(builtins, name, Any)


class Names(dict[str, Any]):
    """The names of a module, looked up as an annotation needs them."""

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.source = source

    def __missing__(self, name: str) -> Any:
        self[name] = Any  # ends a definition that refers to itself
        self[name] = self.source.value(name)
        return self[name]


def imported(module: str, name: str) -> Any:
    """What `from module import name` gives."""
    if module in IMPORTED:
        return getattr(importlib.import_module(module), name, Any)
    source = read(module)
    return Any if source is None else source.value(name)


def find(target: str) -> tuple[Definition, Source] | None:
    """The class or function of a dotted name, and where it is defined; None where its text cannot be read."""
    module, _, name = target.rpartition(".")
    source = read(module) if module else None
    return None if source is None else source.find(name)


@cache
def read(module: str) -> Source | None:
    """A module's text, found as an import would find it but without running its packages."""
    search: Any = None
    spec = None
    parts = module.split(".")
    for depth in range(1, len(parts) + 1):
        spec = PathFinder.find_spec(".".join(parts[:depth]), search) or (find_own(parts[0]) if depth == 1 else None)
        if spec is None:
            return None
        search = spec.submodule_search_locations
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    path = Path(spec.origin)
    return Source(module, path, ast.parse(path.read_text(encoding="utf-8")))
