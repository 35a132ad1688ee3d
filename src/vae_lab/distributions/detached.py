"""Laws whose density is differentiable in its argument alone."""

from collections.abc import Callable

from torch.distributions import Distribution, Independent, Normal

from vae_lab.distributions.pushforward import CholeskyNormal
from vae_lab.distributions.sphere import PowerSpherical
from vae_lab.errors import UserError

DETACHED: dict[type, Callable[..., Distribution]] = {
    Normal: lambda q: Normal(q.loc.detach(), q.scale.detach(), validate_args=False),
    CholeskyNormal: lambda q: CholeskyNormal(q.loc.detach(), q.scale.detach(), q.mixing.detach()),
    PowerSpherical: lambda q: PowerSpherical(q.loc.detach(), q.concentration.detach()),
}


def detached(distribution: Distribution) -> Distribution:
    """The same law with its parameters detached, looked up by exact type: a subclass may have other parameters.

    Raises:
        UserError: where it is not known how.
    """
    if type(distribution) is Independent:
        return Independent(
            detached(distribution.base_dist), distribution.reinterpreted_batch_ndims, validate_args=False
        )
    if type(distribution) not in DETACHED:
        raise UserError(
            f"posterior: a {type(distribution).__name__} cannot be scored with its parameters held fixed, as "
            "objective=stl and objective=dreg need; choose objective=elbo_mc (or iwae), or posterior=diagonal"
        )
    return DETACHED[type(distribution)](distribution)
