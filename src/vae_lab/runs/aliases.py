"""Map the class names of earlier versions, which recorded configurations contain, to today's names.

The dotted names in a run's folder are a file format: each is mapped to today's name before it is imported.
"""

from collections.abc import Mapping
from typing import Any

# Classes of version 0.1 that have another name today; they take precedence over the modules.
CLASSES = {
    "vae_lab.marginal_likelihood.MarginalLikelihood": "vae_lab.training.TrackMarginalLikelihood",
    "vae_lab.reports.marginal_likelihood.MarginalLikelihood": "vae_lab.reports.MarginalLikelihoodFigure",
}

# Today's packages of the classes of version 0.1, by their module; the longest matching prefix applies.
MODULES = {
    "vae_lab.after_training": "vae_lab.experiments",
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
    """Return today's name of a class that a recorded configuration names.

    >>> current_name("vae_lab.likelihoods.gaussian.Gaussian"), current_name("torch.optim.Adam")
    ('vae_lab.likelihoods.Gaussian', 'torch.optim.Adam')
    >>> current_name("vae_lab.marginal_likelihood.MarginalLikelihood")
    'vae_lab.training.TrackMarginalLikelihood'
    """
    if target in CLASSES:
        return CLASSES[target]
    module, _, name = target.rpartition(".")
    package = module
    while package not in MODULES:
        package, _, _ = package.rpartition(".")
        if not package:
            return target
    return f"{MODULES[package]}.{name}"


def rename_targets(node: Any) -> Any:
    """Return a plain configuration, or a part of one, with today's names in every `_target_`."""
    if isinstance(node, list):
        return [rename_targets(item) for item in node]
    if not isinstance(node, Mapping):
        return node
    return {
        key: current_name(value) if key == "_target_" and isinstance(value, str) else rename_targets(value)
        for key, value in node.items()
    }
