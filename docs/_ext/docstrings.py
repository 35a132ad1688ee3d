"""Docstrings as they are written in the source, to reStructuredText.

The source writes formulas as plain text, so `|x|`, `w_` and `*` are meant as they stand, and names in single backticks
are literals. A paragraph that is a formula becomes a literal block. Comments behind the fields of a class describe
them.
"""

import ast
import inspect
import re
from collections.abc import Iterator
from textwrap import dedent, indent
from typing import Any, get_type_hints

from sphinx.application import Sphinx
from sphinx.util.inspect import stringify_signature

SECTION = re.compile(r"(Args|Returns|Raises|Attributes|Yields|Examples?|Note):$")
HIDDEN_COLON = "\uf8ff"


def escaped(text: str) -> str:
    """Plain text whose marks mean nothing to reStructuredText, but for what stands between backticks."""
    parts = re.split(r"(``.*?``|`[^`]*`)", text)
    for number, part in enumerate(parts):
        if number % 2 == 0:
            part = re.sub(r"([\\*|])", r"\\\1", part)
            parts[number] = re.sub(r"(?<=\w)_(?!\w)", r"\\_", part)
    return "".join(parts)


def is_formula(paragraph: str) -> bool:
    """Whether a paragraph is a formula rather than a sentence: it has no full stop, and something to compute."""
    text = paragraph.rstrip()
    if re.search(r"[.:?!]$", text) or "://" in text:
        return False
    return bool(re.search(r"=|\+|E\[|sum_|-log", text))


def paragraphs(lines: list[str]) -> Iterator[list[str]]:
    """The lines between empty lines."""
    block: list[str] = []
    for line in [*lines, ""]:
        if line.strip():
            block.append(line)
        elif block:
            yield block
            block = []


def converted(lines: list[str]) -> list[str]:
    """A docstring, ready for napoleon."""
    result: list[str] = []
    in_section = False
    for number, block in enumerate(paragraphs(lines)):
        first = block[0]
        if SECTION.match(first):
            in_section = True
        elif not first.startswith(" "):
            in_section = False
        if first.lstrip().startswith(">>>"):
            result += [*block, ""]
        elif not in_section and (first.startswith(" ") or (number and is_formula("\n".join(block)))):
            result += [
                ".. code-block:: text",
                "   :class: formula",
                "",
                *indent(dedent("\n".join(block)), "    ").splitlines(),
                "",
            ]
        else:
            result += [*map(escaped, block), ""]
    return result


def field_comments(cls: type) -> dict[str, str]:
    """What the comments behind the fields of a class say: `name: type = default  # comment`."""
    try:
        source = dedent(inspect.getsource(cls))
    except (OSError, TypeError):
        return {}
    (node,) = ast.parse(source).body
    lines = source.splitlines()
    comments = {}
    for field in node.body if isinstance(node, ast.ClassDef) else []:
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and field.end_lineno:
            behind = lines[field.end_lineno - 1].encode()[field.end_col_offset :].decode().strip()
            if behind.startswith("#") and not field.target.id.startswith("_"):
                comments[field.target.id] = behind.lstrip("#: ")
    return comments


def process_docstring(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Rewrite a docstring in place."""
    documented = any(SECTION.match(line) and line.startswith("Attributes") for line in lines)
    lines[:] = converted(lines)
    if what in ("attribute", "property"):
        # Napoleon would take what stands before a colon in the first line for a type: it sees another sign.
        lines[:1] = [line.replace(":", HIDDEN_COLON) for line in lines[:1]]
    if what == "class" and isinstance(obj, type) and not documented and (comments := field_comments(obj)):
        lines += ["Attributes:", *(f"    {field}: {escaped(comment)}" for field, comment in comments.items()), ""]


def restore_colons(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Put back the colons that napoleon should not see."""
    lines[:] = [line.replace(HIDDEN_COLON, ":") for line in lines]


def skip_aliases(app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Leave out what Python itself says of the fields of a named tuple: their comments say more."""
    return True if str(getattr(obj, "__doc__", "")).startswith("Alias for field number") else None


def process_signature(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """The arguments without the constraints of their types; of a class without types, as its options have a table."""
    try:
        plain = inspect.signature(obj)
        types = {} if what == "class" else get_type_hints(obj)
    except (NameError, TypeError, ValueError):
        return signature, returns
    if what != "class" and "FieldInfo" not in f"{signature}{returns}":
        return signature, returns
    parameters = [
        parameter.replace(annotation=types.get(name, inspect.Parameter.empty))
        for name, parameter in plain.parameters.items()
        if what != "method" or name != "self"
    ]
    shown = inspect.Signature(parameters, return_annotation=types.get("return", inspect.Signature.empty))
    arguments, _, result = stringify_signature(shown).partition(" -> ")
    return arguments, result or None


def setup(app: Sphinx) -> dict[str, bool]:
    # Before napoleon, whose priority is 500.
    app.connect("autodoc-process-docstring", process_docstring, priority=400)
    app.connect("autodoc-process-docstring", restore_colons, priority=600)
    app.connect("autodoc-skip-member", skip_aliases)
    app.connect("autodoc-process-signature", process_signature)
    return {"parallel_read_safe": True}
