"""The reference of every part, written from conf/ and from the docstrings of the classes that conf/ names.

Each folder of conf/ gets a page: for every choice its command, its options with their defaults and comments, and the
documentation of the class behind `_target_`. Python pages list what a package defines. Nothing here names a part, so a
new one appears by itself.
"""

import inspect
import pkgutil
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import yaml
from docstrings import converted
from generated import markdown, write
from sphinx.application import Sphinx

# Pages of Python names by title, and where these may be: the first of each group that there is, and modules beside it.
PYTHON = {
    "models": ["vae_lab.models", "vae_lab.model", "vae_lab.hierarchies"],
    "distributions": ["vae_lab.distributions", "vae_lab.laws", "vae_lab.conditional"],
    "maths": ["vae_lab.maths"],
}
# Commands, and the file of their defaults: in conf/, or in the package where a name of conf/ would be in the way.
COMMANDS = {
    "train": "conf/train.yaml",
    "evaluate": "conf/evaluate.yaml",
    "report": "src/vae_lab/reports/report.yaml",
    "gradient_variance": "conf/gradient_variance.yaml",
}
# What stands in for the values in the reasons of rules.
PLACEHOLDERS = {
    "SameAs": {"value": "of another", "bound": "of one kind"},
    "AtLeast": {"value": "fewer", "bound": "so many"},
    "Is": {"value": "it says why"},
}
MOST_LISTED = 6
PACKAGE_LINE = re.compile(r"# @package (\S+)")
COMMENT = re.compile(r"\s*#\s?(.*)")


@dataclass
class Option:
    """A key of a YAML file."""

    key: str
    default: str
    comment: str
    accepts: str


@dataclass
class Choice:
    """A YAML file of a group."""

    path: Path  # relative to conf/
    text: str

    @property
    def group(self) -> str:
        return self.path.parent.as_posix()

    @property
    def title(self) -> str:
        """The name below the folder of the page."""
        return self.path.relative_to(self.path.parts[0]).with_suffix("").as_posix()

    @property
    def command(self) -> str:
        group, name = self.group, self.path.stem
        if group == "measure":
            return f"python -m vae_lab.evaluate run=DIR measure=[{name}]"
        many = "-m " if group.startswith("hydra/") and "callbacks" not in group else ""
        return f"python -m vae_lab.train {many}{group}={name}"

    @property
    def package(self) -> str:
        """Where its keys lie in the configuration."""
        found = PACKAGE_LINE.match(self.text)
        place = found[1] if found else self.group.replace("/", ".")
        return "" if place == "_global_" else place

    @property
    def description(self) -> str:
        """The comment at its head."""
        lines = self.text.splitlines()
        if PACKAGE_LINE.match(self.text):
            lines = lines[1:]
        head = []
        for line in lines:
            if not line.startswith("#"):
                break
            head.append(line.removeprefix("#").strip())
        return " ".join(head)

    @property
    def target(self) -> str | None:
        """The name of its class."""
        content = yaml.safe_load(self.text) or {}
        return content.get("_target_")


def resolve(target: str) -> Any:
    """The object of a dotted name; None where its package is not installed."""
    module, _, name = target.rpartition(".")
    try:
        return getattr(import_module(module), name)
    except ImportError:
        return None


def public_name(obj: Any) -> str:
    """The shortest dotted name that an object has: of a package that offers it, or of its own module."""
    parts = obj.__module__.split(".")
    for length in range(1, len(parts)):
        package = ".".join(parts[:length])
        if getattr(import_module(package), obj.__qualname__, None) is obj:
            return f"{package}.{obj.__qualname__}"
    return f"{obj.__module__}.{obj.__qualname__}"


def accepts(annotation: Any) -> str:
    """In words, what an option takes."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        bounds = [bound for field in args[1:] for bound in getattr(field, "metadata", [field])]
        signs = {"gt": "> ", "ge": "≥ ", "lt": "< ", "le": "≤ "}
        limits = [f"{sign}{getattr(b, name)}" for b in bounds for name, sign in signs.items() if hasattr(b, name)]
        return f"{accepts(args[0])} {', '.join(limits)}".strip()
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in args)
    if origin in (Union, UnionType):
        return " or ".join(accepts(arg) for arg in args)
    if origin is tuple and Ellipsis not in args:
        return f"[{', '.join(map(accepts, args))}]"
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return f"list of {accepts(args[0])}"
    names = {bool: "`true`, `false`", int: "integer", float: "number", str: "text", NoneType: "`null`"}
    if isinstance(annotation, type):
        return names.get(annotation, annotation.__name__)
    return str(annotation)


def annotations(target: str | None) -> dict[str, Any]:
    """The annotations of the arguments of a class of this package."""
    if target is None or not target.startswith("vae_lab."):
        return {}
    try:
        return get_type_hints(resolve(target).__init__, include_extras=True)
    except (AttributeError, NameError):
        return {}


def options(text: str, prefix: str = "") -> list[Option]:
    """The keys of a YAML text with their defaults and the comments behind them, nested ones by their full names."""
    lines = text.splitlines()

    def walk(node: yaml.MappingNode, prefix: str) -> Iterator[Option]:
        target = next((value.value for key, value in node.value if key.value == "_target_"), None)
        types = annotations(target)
        for key, value in node.value:
            if key.value in ("_target_", "defaults", "_recursive_"):
                continue
            name = f"{prefix}.{key.value}" if prefix else key.value
            nested = isinstance(value, yaml.MappingNode) and value.value
            mark = key.end_mark if nested or value.start_mark.line > key.end_mark.line else value.end_mark
            found = COMMENT.match(lines[mark.line][mark.column :].lstrip(":"))
            comment = found[1] if found else ""
            kind = accepts(types[key.value]) if key.value in types else ""
            if nested:
                if comment:
                    yield Option(name, "", comment, kind)
                yield from walk(value, name)
            elif isinstance(value, yaml.SequenceNode) and not value.flow_style:
                items = ", ".join(str(item.value) for item in value.value)
                yield Option(name, f"[{items}]", comment, kind)
            else:
                yield Option(name, text[value.start_mark.index : value.end_mark.index].strip(), comment, kind)

    node = yaml.compose(text, Loader=yaml.SafeLoader)
    return list(walk(node, prefix)) if isinstance(node, yaml.MappingNode) else []


def cell(text: str) -> str:
    return markdown(text) if "`" not in text else text.replace("|", "\\|")


def code_cell(text: str) -> str:
    return f"`{text.replace('|', chr(92) + '|')}`" if text else ""


def table(found: Sequence[Option]) -> str:
    """The options as a table, without columns that none of them fills."""
    if not found:
        return ""
    typed, said = any(option.accepts for option in found), any(option.comment for option in found)
    head = ["option", "default", *(["accepts"] if typed else []), *(["meaning"] if said else [])]
    rows = [head, ["---"] * len(head)]
    for option in found:
        kind = [cell(option.accepts)] if typed else []
        meaning = [markdown(option.comment)] if said else []
        rows.append([code_cell(option.key), code_cell(option.default), *kind, *meaning])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def rst(text: str) -> str:
    return f"```{{eval-rst}}\n{text.strip()}\n```\n"


def first_sentence(obj: Any) -> str:
    doc = inspect.getdoc(obj) or ""
    return " ".join(doc.split("\n\n")[0].split())


class Reference:
    """The pages; `documented` holds what has a place already, since a name has one place in the site."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "docs" / "reference"
        self.documented: dict[Any, str] = {}
        self.written: set[Path] = set()

    def write_all(self) -> None:
        for old in (self.folder / "parts", self.folder / "python"):
            old.mkdir(parents=True, exist_ok=True)
        # A choice comes before those of the folder of its name.
        files = sorted((self.root / "conf").glob("*/**/*.yaml"), key=lambda path: path.with_suffix("").parts)
        choices = [Choice(path.relative_to(self.root / "conf"), path.read_text()) for path in files]
        for page in sorted({choice.path.parts[0] for choice in choices}):
            self.write(f"parts/{page}.md", self.group_page(page, [c for c in choices if c.path.parts[0] == page]))
        self.write("python/load.md", self.load_page())
        for title, modules in PYTHON.items():
            self.write(f"python/{title}.md", self.python_page(title, [m for m in modules if find_spec(m)]))
        self.write("commands.md", self.commands_page())
        if find_spec("vae_lab.configuration.compatibility"):
            self.write("parts/compatibility.md", compatibility_page(choices))
        for folder in ("parts", "python"):
            for path in (self.folder / folder).glob("*.md"):
                if path not in self.written:
                    path.unlink()

    def write(self, place: str, text: str) -> None:
        write(self.folder / place, text)
        self.written.add(self.folder / place)

    def defaults(self) -> dict[str, str]:
        """What each command takes where nothing is said, by group."""
        found: dict[str, str] = {}
        for file in ("train", "evaluate"):
            entries = yaml.safe_load((self.root / "conf" / f"{file}.yaml").read_text())["defaults"]
            for entry in entries:
                if isinstance(entry, dict):
                    found |= {group: name for group, name in entry.items() if isinstance(name, str)}
        return found

    def group_page(self, title: str, choices: list[Choice]) -> str:
        """A folder of conf/."""
        classes = [resolve(c.target) for c in choices if c.target and c.target.startswith("vae_lab.")]
        classes = [cls for cls in classes if isinstance(cls, type)]
        base = common_base(classes)
        text = [f"# {title}\n"]
        if classes:
            package = import_module(".".join(public_name(classes[0]).split(".")[:2]))
            text += [rst("\n".join(converted((inspect.getdoc(package) or "").splitlines())))]
        default = self.defaults().get(title)
        text += ["| choice | |\n|---|---|"]
        for choice in choices:
            mark = " (default)" if choice.path.as_posix() == f"{title}/{default}.yaml" else ""
            obj = resolve(choice.target) if choice.target else None
            about = choice.description or (first_sentence(obj) if str(choice.target).startswith("vae_lab.") else "")
            about = re.split(r"(?<=\w\w[.])(?<! al[.]) (?=[A-Z])", about)[0]
            text.append(f"| [`{choice.title}`](#{anchor(choice.title)}){mark} | {markdown(about)} |")
        text.append("")
        text += [part for choice in choices for part in self.choice(choice)]
        if base is not None and base not in self.documented:
            text += [f"## What every {title} offers\n", self.document(base, members=True)]
            module = import_module(base.__module__)
            text += [self.document(obj, members=True) for obj in defined_in(module) if obj not in self.documented]
        return "\n".join(text)

    def choice(self, choice: Choice) -> Iterator[str]:
        """One YAML file."""
        yield f"## {choice.title}\n"
        yield f"{markdown(choice.description)}\n" if choice.description else ""
        if not (choice.group.startswith("experiment/")):
            yield f"```\n{choice.command}\n```\n"
        obj = resolve(choice.target) if choice.target else None
        if choice.target is None or obj is None:
            body = "\n".join(line for line in choice.text.splitlines() if not line.startswith("#")).strip()
            yield f"```yaml\n{body}\n```\n" if body else ""
            return
        yield table(options(choice.text, choice.package))
        if choice.target.startswith("hydra_plugins."):
            yield f"The class is `{choice.target}`.\n"
        elif not choice.target.startswith("vae_lab."):
            yield f"The class is `{choice.target}`. Its other options are added with a plus:"
            yield f"`+{choice.group}.NAME=VALUE`.\n"
        elif obj in self.documented:
            yield f"The class is [`{obj.__name__}`](#{self.documented[obj]}).\n"
        else:
            yield self.document(obj, label=f"class-{anchor(choice.path.with_suffix('').as_posix())}")

    def document(self, obj: Any, *, members: bool = False, label: str | None = None) -> str:
        """The documentation of a class, a function or a constant."""
        name = public_name(obj)
        kind = "class" if isinstance(obj, type) else "function"
        label = label or f"{kind}-{name.lower().replace('.', '-')}"
        self.documented[obj] = label
        directive = f"auto{kind}"
        flags = "\n   :members:" if members and isinstance(obj, type) else ""
        return f"({label})=\n" + rst(f".. {directive}:: {name}{flags}")

    def load_page(self) -> str:
        """The way back into Python."""
        import vae_lab
        from vae_lab.errors import UserError

        trained = get_type_hints(vae_lab.load)["return"]
        parts = [
            self.document(vae_lab.load),
            self.document(trained, members=True),
            "## Errors\n",
            self.document(UserError),
        ]
        return "\n".join(["# vae_lab.load\n", *parts])

    def python_page(self, title: str, names: list[str]) -> str:
        """What a package defines, module by module."""
        text = [f"# vae_lab.{title}\n"]
        for name in names:
            package = import_module(name)
            path = getattr(package, "__path__", None)
            if path is not None:
                text += [rst("\n".join(converted((inspect.getdoc(package) or "").splitlines())))]
            submodules = sorted(f"{name}.{found.name}" for found in pkgutil.iter_modules(path)) if path else [name]
            for submodule in submodules:
                module = import_module(submodule)
                objects = [obj for obj in defined_in(module) if obj not in self.documented]
                if not objects:
                    continue
                text += [f"## {submodule.rpartition('.')[2]}\n"]
                text += [rst("\n".join(converted((inspect.getdoc(module) or "").splitlines())))]
                text += [self.document(obj, members=True) for obj in objects]
        return "\n".join(text)

    def commands_page(self) -> str:
        """The keys of each command, from the files of their defaults."""
        text = ["# Commands and their keys\n"]
        for command, path in COMMANDS.items():
            file = self.root / path
            content = yaml.safe_load(file.read_text())
            text += [f"## vae_lab.{command}\n", f"{content['hydra']['help']['header']}\n"]
            examples = re.findall(r"^ +(python -m .*)$", content["hydra"]["help"]["template"], re.MULTILINE)
            text += ["```\n" + "\n".join(examples) + "\n```\n"] if examples else []
            keys = [option for option in options(file.read_text()) if not option.key.startswith("hydra.")]
            text += [table(keys)]
        return "\n".join(text)


def declares(choice: Choice, name: str, values: Sequence[Any]) -> bool:
    """Whether the class of a choice declares one of some values under a name."""
    return bool(choice.target) and getattr(resolve(choice.target or ""), name, None) in values


def compatibility_page(known: Sequence[Choice]) -> str:
    """The rules of what goes together, each with the choices that it is about."""
    from vae_lab.configuration.compatibility import RULES

    def condition(prop: str, wanted: Any) -> str:
        values = ", ".join(f"`{shown(value)}`" for value in getattr(wanted, "values", ()))
        signs = {"Is": "is", "IsNot": "is not", "SameAs": "is that of", "AtLeast": "is at least"}
        sign = signs.get(type(wanted).__name__, type(wanted).__name__)
        return f"`{prop}` {sign} {values or f'`{wanted.bound}`'}"

    def choices(prop: str, wanted: Any) -> str:
        group, _, name = prop.partition(".")
        if type(wanted).__name__ != "Is" or not name or group in ("data", "trainer"):
            return ""
        found = [
            choice.path.stem for choice in known if choice.group == group and declares(choice, name, wanted.values)
        ]
        return f": {', '.join(f'`{group}={name}`' for name in found)}" if 0 < len(found) <= MOST_LISTED else ""

    def always(wanted: Any) -> bool:
        return type(wanted).__name__ == "IsNot" and not wanted.values

    text = [
        "# What goes together\n",
        "These rules are checked before anything is trained. What breaks one is refused in one line, which names",
        "choices that fit. `GROUP.NAME` is what the class of a choice declares; the rest are keys of the",
        "configuration.\n",
        "| where | it must be that | because |\n| --- | --- | --- |",
    ]
    for rule in RULES:
        when = "always" if always(rule.when[1]) else condition(*rule.when) + choices(*rule.when)
        words = PLACEHOLDERS.get(type(rule.requires[1]).__name__, {})
        reason = re.sub(r"\{(\w+)\}", lambda found, words=words: words.get(found[1], f"the {found[1]}"), rule.reason)
        text.append(f"| {when} | {condition(*rule.requires)}{choices(*rule.requires)} | {markdown(reason)} |")
    return "\n".join(text) + "\n"


def shown(value: Any) -> str:
    """A value as a command line writes it."""
    return {"True": "true", "False": "false", "None": "null", "": "(nothing)"}.get(str(value), str(value))


def anchor(title: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def common_base(classes: Sequence[type]) -> type | None:
    """The closest class of this package that all of some classes inherit from."""
    if len(classes) < 2:
        return None
    shared = [cls for cls in classes[0].__mro__[1:] if all(issubclass(other, cls) for other in classes)]
    return next((cls for cls in shared if cls.__module__.startswith("vae_lab.")), None)


def defined_in(module: ModuleType) -> list[Any]:
    """The public classes and functions of a module that have a docstring of their own, in their order."""
    found = [
        obj
        for name, obj in vars(module).items()
        if not name.startswith("_") and getattr(obj, "__module__", None) == module.__name__
        if inspect.isclass(obj) or inspect.isfunction(obj)
    ]
    return [obj for obj in found if obj.__doc__ and not obj.__doc__.startswith(f"{obj.__name__}(")]


def write_pages(app: Sphinx) -> None:
    Reference(Path(app.srcdir).parent.resolve()).write_all()


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True}
