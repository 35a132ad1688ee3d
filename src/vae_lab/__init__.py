"""vae_lab: variational autoencoders whose numbers can be trusted."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vae_lab.trained import load

__all__ = ["load"]


def __getattr__(name: str) -> Any:
    # Importing the package must stay cheap (`--help`, shell completion), so torch comes with the first use.
    if name == "load":
        from vae_lab.trained import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
