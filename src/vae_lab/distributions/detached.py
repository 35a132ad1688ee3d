"""Distributions whose density is differentiable in its argument, but not in its parameters."""

from collections.abc import Callable

from torch.distributions import Distribution, Independent, Normal

from vae_lab.distributions.pushforward import CholeskyNormal
from vae_lab.distributions.sphere import PowerSpherical
from vae_lab.errors import UserError

# By exact type: a subclass may have other parameters.
DETACH_BY_TYPE: dict[type, Callable[..., Distribution]] = {
    Normal: lambda q: Normal(q.loc.detach(), q.scale.detach(), validate_args=False),
    CholeskyNormal: lambda q: CholeskyNormal(q.loc.detach(), q.scale.detach(), q.mixing.detach()),
    PowerSpherical: lambda q: PowerSpherical(q.loc.detach(), q.concentration.detach()),
}


def detach_parameters(distribution: Distribution) -> Distribution:
    """Return the same distribution with its parameters detached, so that `log_prob` has a gradient in z alone.

    Raises:
        UserError: if the parameters of this type of distribution are not known.
    """
    if type(distribution) is Independent:
        base = detach_parameters(distribution.base_dist)
        return Independent(base, distribution.reinterpreted_batch_ndims, validate_args=False)
    if type(distribution) not in DETACH_BY_TYPE:
        raise UserError(
            f"posterior: log q of a {type(distribution).__name__} cannot be computed with its parameters detached, as "
            "objective=stl and objective=dreg need; choose objective=elbo_mc (or iwae), or posterior=diagonal"
        )
    return DETACH_BY_TYPE[type(distribution)](distribution)
