"""Public names of packages, imported when they are first used: importing a package must not load torch."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from vae_lab.configuration.source import read


def lazy_names(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The `__getattr__` and `__dir__` of a package whose `__init__` imports its public names for type checkers only.

        if TYPE_CHECKING:
            from vae_lab.likelihoods.bernoulli import Bernoulli as Bernoulli

        __getattr__, __dir__ = lazy_names(__name__)

    The names are read from the text of the `__init__`, so they stand in one place, where type checkers and editors
    find them too. See PEP 562, https://peps.python.org/pep-0562/.

    Args:
        package: the package's dotted name.
    """

    def names() -> dict[str, str]:
        source = read(package)
        return {} if source is None else source.type_checking_imports()

    def get(name: str) -> Any:
        module = names().get(name) if name[:2] != "__" else None
        if module is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if module == package:
            return import_module(f"{package}.{name}")
        return getattr(import_module(module), name)

    return get, lambda: sorted(names())
