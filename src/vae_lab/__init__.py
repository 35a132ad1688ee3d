"""vae_lab: variational autoencoders whose numbers can be trusted.

    import vae_lab

    trained = vae_lab.load("outputs/runs/2026-01-31/12-00-00-000000")
    images = trained.sample(16)

The names in `__all__`, and the public names of the packages among them, are the stable interface.
"""

import os
import sys

if sys.argv[:1] == ["-m"] and not sys.flags.safe_path and any(name[:8] == "vae_lab." for name in sys.orig_argv):
    # `python -m vae_lab.COMMAND` looks for every module in the working directory first, which may be a folder of
    # somebody else: the commands do not. See vae_lab.configuration.own_parts for a user's own modules.
    del sys.path[0]
    os.environ["PYTHONSAFEPATH"] = "1"  # for the processes that this one starts

from typing import TYPE_CHECKING

from vae_lab.ending.command import handle_if_command

handle_if_command()  # before anything else is imported

from vae_lab.configuration.public_names import lazy_names  # noqa: E402

if TYPE_CHECKING:
    from vae_lab import corruptions as corruptions
    from vae_lab import data as data
    from vae_lab import distributions as distributions
    from vae_lab import evaluation as evaluation
    from vae_lab import likelihoods as likelihoods
    from vae_lab import models as models
    from vae_lab import networks as networks
    from vae_lab import objectives as objectives
    from vae_lab import optimization as optimization
    from vae_lab import posteriors as posteriors
    from vae_lab import priors as priors
    from vae_lab.errors import UserError as UserError
    from vae_lab.runs.trained import Trained as Trained
    from vae_lab.runs.trained import load as load

__all__ = [
    "Trained",
    "UserError",
    "corruptions",
    "data",
    "distributions",
    "evaluation",
    "likelihoods",
    "load",
    "models",
    "networks",
    "objectives",
    "optimization",
    "posteriors",
    "priors",
]
__getattr__, __dir__ = lazy_names(__name__)
