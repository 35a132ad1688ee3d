"""The names that classes had in earlier versions, as recorded configurations still have them.

A dotted name in a run's folder is a file format: it is never looked up as it stands, but by the present name.
"""

from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

# Where the classes of a module of version 0.1 are found today: by the longest name that fits.
MODULES = {
    "vae_lab.after_training": "vae_lab.training",
    "vae_lab.callbacks": "vae_lab.training",
    "vae_lab.marginal_likelihood": "vae_lab.training",
    "vae_lab.per_image": "vae_lab.training",
    "vae_lab.schedules": "vae_lab.optimization",
    "vae_lab.sweeps.end": "vae_lab.sweeps",
    "vae_lab.hierarchies": "vae_lab.models",
    "vae_lab.corruptions": "vae_lab.corruptions",
    "vae_lab.data": "vae_lab.data",
    "vae_lab.evaluation": "vae_lab.evaluation",
    "vae_lab.likelihoods": "vae_lab.likelihoods",
    "vae_lab.networks": "vae_lab.networks",
    "vae_lab.objectives": "vae_lab.objectives",
    "vae_lab.posteriors": "vae_lab.posteriors",
    "vae_lab.priors": "vae_lab.priors",
    "vae_lab.reports": "vae_lab.reports",
}


def current_name(target: str) -> str:
    """The present name of a class that a recorded configuration names.

    >>> current_name("vae_lab.likelihoods.gaussian.Gaussian"), current_name("torch.optim.Adam")
    ('vae_lab.likelihoods.Gaussian', 'torch.optim.Adam')
    """
    module, _, name = target.rpartition(".")
    package = module
    while package not in MODULES:
        package, _, _ = package.rpartition(".")
        if not package:
            return target
    return f"{MODULES[package]}.{name}"


def with_current_names(config: DictConfig) -> DictConfig:
    """A copy of a configuration in which every `_target_` says the present name of its class."""
    plain = OmegaConf.to_container(config, resolve=False)
    assert isinstance(plain, dict)
    return OmegaConf.create(renamed(plain))


def renamed(node: Any) -> Any:
    """A plain configuration, or a part of one, with present names."""
    if isinstance(node, list):
        return [renamed(item) for item in node]
    if not isinstance(node, Mapping):
        return node
    return {
        key: current_name(value) if key == "_target_" and isinstance(value, str) else renamed(value)
        for key, value in node.items()
    }
