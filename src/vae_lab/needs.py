"""What an objective needs of the parts around it, by what their classes declare.

Free of torch, as `vae_lab.pairs` is.
"""

from collections.abc import Callable, Mapping
from typing import Any

from vae_lab.configuration.choices import declaring, named
from vae_lab.errors import UserError
from vae_lab.pairs import one_of


def check_needs(targets: Mapping[str, str], batch_size: int, says: Callable[[str, str], Any]) -> None:
    """Refuse parts that the objective is not defined for, or that it would leave untrained.

    Args:
        targets: the `_target_` of objective, model, posterior and prior.
        batch_size: images of a batch.
        says: what the class of a `_target_` declares under a name; None where it is not to be had.

    Raises:
        UserError: one line with parts that fit.
    """
    objective = targets["objective"]
    name = named("objective", objective)
    if says(objective, "sees_aggregate") and batch_size < 2:
        raise UserError(
            f"data.batch_size={batch_size}: {name} estimates the law of all codes from those of a batch; choose "
            "data.batch_size=128, or objective=beta"
        )
    if says(objective, "sees_aggregate") and says(targets["model"], "has_own_posteriors"):
        raise UserError(
            f"{name}: it compares codes of one stochastic layer with the prior, and {named('model', targets['model'])} "
            "has several; choose model=mlp, or objective=beta"
        )
    for group in ("posterior", "prior"):
        if says(objective, "needs_factorial_laws") and says(targets[group], "is_factorial") is False:
            raise UserError(
                f"{named(group, targets[group])}: {name} looks at each latent unit by itself, so their laws must be "
                f"independent normals; choose {one_of(group, declaring(group, 'is_factorial', [True]))}, or "
                "objective=beta"
            )
    if says(objective, "needs_fixed_prior") and says(targets["prior"], "is_fixed") is False:
        fitting = one_of("prior", declaring("prior", "is_fixed", [True]))
        raise UserError(
            f"{named('prior', targets['prior'])}: {name} compares samples of the prior with the codes, which neither "
            f"trains a prior nor suits one-hot vectors; choose {fitting}, or objective=beta"
        )
