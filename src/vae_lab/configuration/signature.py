"""The options of a part: names, types and ranges, read from its `__init__`."""

import ast
from dataclasses import dataclass
from typing import Any

from vae_lab.configuration.source import Definition, Source, find


@dataclass(frozen=True)
class Signature:
    """What a class or function accepts by keyword."""

    options: dict[str, Any]  # name -> type
    required: frozenset[str]
    takes_any: bool  # has **kwargs


def signature(definition: Definition, source: Source) -> Signature | None:
    """Return the signature of a class or function; None where it cannot be read."""
    if isinstance(definition, ast.FunctionDef):
        return of_function(definition, source, skip=0)
    owner = lookup(definition, source, "__init__")
    if owner is None:
        # Without an `__init__` of its own a class takes nothing, unless a decorator or a base writes one.
        return (
            None
            if definition.decorator_list or not known_bases(definition, source)
            else Signature({}, frozenset(), False)
        )
    function, source = owner
    assert isinstance(function, ast.FunctionDef)
    return of_function(function, source, skip=1)


def of_function(function: ast.FunctionDef, source: Source, skip: int) -> Signature:
    """The signature of a function without its first `skip` parameters."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    num_without_default = len(positional) - len(arguments.defaults)
    required = {argument.arg for argument in positional[skip:num_without_default]}
    required |= {
        argument.arg
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is None
    }
    options = {
        argument.arg: Any if argument.annotation is None else source.evaluate(argument.annotation)
        for argument in [*positional[skip:], *arguments.kwonlyargs]
    }
    return Signature(options, frozenset(required), arguments.kwarg is not None)


def class_constant(definition: Definition, source: Source, name: str) -> Any:
    """The value of a class attribute that is written as a literal, in the class or its bases; else None."""
    owner = lookup(definition, source, name)
    if owner is None or not isinstance(owner[0], ast.Assign | ast.AnnAssign) or owner[0].value is None:
        return None
    try:
        return ast.literal_eval(owner[0].value)
    except ValueError:
        return None


def lookup(definition: Definition, source: Source, name: str) -> tuple[ast.stmt, Source] | None:
    """The statement that defines an attribute of a class, in the class itself or the first base that has it."""
    for statement in definition.body:
        match statement:
            case ast.FunctionDef(name=defined) if defined == name:
                return statement, source
            case ast.Assign(targets=[ast.Name(id=defined)]) if defined == name:
                return statement, source
            case ast.AnnAssign(target=ast.Name(id=defined), value=ast.expr()) if defined == name:
                return statement, source
    for base in bases(definition, source):
        if base is not None and (found := lookup(*base, name)):
            return found
    return None


def bases(definition: Definition, source: Source) -> list[tuple[Definition, Source] | None]:
    """The bases of a class; None for each that cannot be found."""
    if not isinstance(definition, ast.ClassDef):
        return []
    named = [ast.unparse(base) for base in definition.bases]
    return [find(name) if "." in name else source.find(name) for name in named if name not in ("object", "ABC")]


def known_bases(definition: Definition, source: Source) -> bool:
    """Whether all bases of a class could be found, all the way up."""
    return all(base is not None and known_bases(*base) for base in bases(definition, source))
