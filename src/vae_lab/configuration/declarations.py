"""What a class must say of itself: the attributes that its bases annotate and give no value.

Some attributes decide which parts go together and what a metric means. A default would answer for a class that never
considered the question, so these have none: a class that leaves one out is refused where it is defined, and by the
check of a configuration, which reads the text of the class without importing it. What each means stands in the
docstring of the base, in its list of attributes, and in the message.
"""

import ast
import inspect
import re
from abc import ABC
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Literal

from vae_lab.configuration.signature import bases, class_constant
from vae_lab.configuration.source import Definition, Source, find
from vae_lab.errors import UserError

# Where a latent variable lives.
Space = Literal["real", "categorical", "sphere"]

# How messages call the inhabitants of a space.
IN_WORDS = {"real": "real vectors", "categorical": "one-hot vectors", "sphere": "unit vectors"}

# Whether an objective needs a posterior with a density, one without (a deterministic code), takes either, or is for a
# model that has no posterior.
PosteriorDensity = Literal["required", "absent", "any", "unused"]

# What an objective does with log q at samples: it takes it where the KL has no closed form, it always needs it, it
# needs it differentiable through the samples alone, or at samples that are held fixed.
SampleDensity = Literal["where_needed", "always", "path_only", "fixed"]


@cache
def declaration(target: str, name: str) -> Any:
    """The literal value of an attribute of the class of a dotted name; None where its text cannot be read."""
    found = find(target)
    return class_constant(*found, name) if found else None


class Declaring:
    """A base whose concrete subclasses state every `ClassVar` that it, or a class between, leaves without a value.

    Classes with `ABC` among their bases are abstract and may leave an attribute to their subclasses.

    >>> from typing import ClassVar
    >>> class Shape(Declaring, ABC):
    ...     '''A shape.
    ...
    ...     Attributes:
    ...         is_round: whether it rolls.
    ...     '''
    ...     is_round: ClassVar[bool]
    >>> class Square(Shape): ...
    Traceback (most recent call last):
    TypeError: vae_lab.configuration.declarations.Square does not say is_round (whether it rolls): add a line \
'is_round = ...' to the class, with the value as a literal
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if ABC in cls.__bases__:
            return
        missing = {
            name: meaning(base.__doc__, name)
            for base in reversed(cls.__mro__)
            for name, annotation in inspect.get_annotations(base).items()
            if "ClassVar" in str(annotation) and not hasattr(cls, name)
        }
        if missing:
            raise TypeError(message(f"{cls.__module__}.{cls.__qualname__}", missing))


def check_declarations(target: str) -> None:
    """Refuse the class of a `_target_` that leaves out what its bases ask it to say, or says it in no literal.

    Raises:
        UserError: one line with the attributes and what they mean.
    """
    found = find(target)
    if found is None or "ABC" in base_names(found[0]):
        return
    lineage = [*ancestors(*found)]
    if not any(definition.name == Declaring.__name__ for definition, _ in lineage):
        return
    missing = {
        name: meaning(ast.get_docstring(definition), name)
        for definition, _ in reversed(lineage)
        for name in left_open(definition)
        if class_constant(*found, name) is None
    }
    if missing:
        raise UserError(message(target, missing))


def ancestors(definition: Definition, source: Source) -> Iterator[tuple[Definition, Source]]:
    """A class and those of its bases whose text is to be had, itself first."""
    yield definition, source
    for base in bases(definition, source):
        if base is not None:
            yield from ancestors(*base)


def base_names(definition: Definition) -> list[str]:
    """The names of the bases of a class, as they are written."""
    return [ast.unparse(base) for base in definition.bases] if isinstance(definition, ast.ClassDef) else []


def left_open(definition: Definition) -> list[str]:
    """The attributes that a class annotates as `ClassVar` and gives no value."""
    return [
        ast.unparse(statement.target)
        for statement in definition.body
        if isinstance(statement, ast.AnnAssign) and statement.value is None and "ClassVar" in ast.dump(statement)
    ]


def meaning(docstring: str | None, attribute: str) -> str:
    """What the list of attributes in a docstring says of one of them; empty where it says nothing."""
    entry = re.search(rf"^\s+{attribute}: (.*?)\.?$", docstring or "", re.MULTILINE)
    return entry.group(1) if entry else ""


def message(name: str, missing: Mapping[str, str]) -> str:
    """One line on what a class leaves out."""
    named = ", ".join(f"{attribute} ({means})" if means else attribute for attribute, means in missing.items())
    first, *others = missing
    line = f"a line '{first} = ...'" + (" and one for each of the others" if others else "")
    return f"{name} does not say {named}: add {line} to the class, with the value as a literal"
