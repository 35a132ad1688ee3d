"""Closed-form Kullback-Leibler divergences KL(q || p) = E_q[log q(z) - log p(z)] >= 0, in nats.

Call `closed_form(q, p)`: it looks up the formula for the pair of distributions, and returns None where there is none.
`per_dimension(q, p)` gives the KL of each latent unit. The formulas by pair, one function each:

    normal || normal                                normal_normal
    normal with full covariance || diagonal normal  cholesky_independent
    categorical || categorical                      one_hot_one_hot
    power spherical || uniform on the sphere        power_spherical_uniform
"""

from collections.abc import Callable

from torch import Tensor
from torch.distributions import (
    Distribution,
    Independent,
    Normal,
    OneHotCategorical,
    OneHotCategoricalStraightThrough,
)

from vae_lab.distributions.one_hot import GumbelSoftmax
from vae_lab.distributions.pushforward import CholeskyNormal
from vae_lab.distributions.special import log_area
from vae_lab.distributions.sphere import PowerSpherical, UniformSphere


def normal_normal(q: Normal, p: Normal) -> Tensor:
    r"""Return the KL between two normal distributions, elementwise.

    KL(N(m, s^2) || N(n, t^2)) = log(t / s) + (s^2 + (m - n)^2) / (2 t^2) - 1/2

    With n = 0 and t = 1 this is the rate of the plain VAE: Kingma & Welling 2014, appendix B,
    https://arxiv.org/abs/1312.6114.

    Args:
        q: a distribution of any batch shape.
        p: a distribution whose batch shape broadcasts with that of `q`.

    Returns:
        The divergence in nats, of the broadcast shape.

    >>> import torch
    >>> q, p = (Normal(torch.tensor(m), torch.tensor(s)) for m, s in ((1.0, 0.5), (0.0, 1.0)))
    >>> round(normal_normal(q, p).item(), 6)
    0.818147
    """
    squared_distance = (q.loc - p.loc).square()
    return p.scale.log() - q.scale.log() + (q.scale.square() + squared_distance) / (2 * p.scale.square()) - 0.5


def cholesky_independent(q: CholeskyNormal, p: Independent[Distribution]) -> Tensor | None:
    r"""Return the KL from a normal with a full covariance to one with a diagonal covariance.

    KL(N(m, L L') || N(n, diag(t^2))) = sum_i log(t_i / L_ii) + ((L L')_ii + (m_i - n_i)^2) / (2 t_i^2) - 1/2

    It depends on q through its variances and the diagonal of its factor L alone: it is `normal_normal` with L_ii in
    place of the standard deviation in the logarithm.

    Args:
        q: a distribution of batch shape (*batch,).
        p: a distribution of vectors, whose batch shape broadcasts with that of `q`.

    Returns:
        The divergence in nats, of shape (*batch,); None if p is not normal.
    """
    normal = p.base_dist
    if type(normal) is not Normal or p.reinterpreted_batch_ndims != 1:
        return None
    second_moment = q.variance + (q.loc - normal.loc).square()
    return (normal.scale.log() - q.scale.log() + second_moment / (2 * normal.scale.square()) - 0.5).sum(-1)


def one_hot_one_hot(q: OneHotCategorical | GumbelSoftmax, p: OneHotCategorical) -> Tensor:
    r"""Return the KL between two categorical distributions of one-hot vectors, relaxed or not.

    KL(q || p) = sum_k q_k (log q_k - log p_k)

    A relaxed distribution enters with its categorical probabilities: Jang et al. 2017,
    https://arxiv.org/abs/1611.01144.

    Args:
        q: a distribution of batch shape (*batch,) over C categories.
        p: a distribution over C categories, whose batch shape broadcasts with that of `q`.

    Returns:
        The divergence in nats, of shape (*batch,).

    >>> import torch
    >>> q, p = (OneHotCategorical(torch.tensor(probs)) for probs in ([0.5, 0.5], [0.25, 0.75]))
    >>> round(one_hot_one_hot(q, p).item(), 6)
    0.143841
    """
    return (q.logits.exp() * (q.logits - p.logits)).sum(-1)


def power_spherical_uniform(q: PowerSpherical, p: UniformSphere) -> Tensor:
    r"""Return the KL from a power spherical distribution to the uniform distribution on the same sphere.

    KL(q || p) = log area(S^{D-1}) - H(q)

    De Cao & Aziz 2020, https://arxiv.org/abs/2006.04437.

    Args:
        q: a distribution of batch shape (*batch,) over unit vectors in D dimensions.
        p: the uniform distribution of unit vectors in D dimensions.

    Returns:
        The divergence in nats, of shape (*batch,).

    >>> import torch
    >>> q = PowerSpherical(torch.tensor([0.0, 1.0, 0.0]), torch.tensor(1.0))
    >>> round(power_spherical_uniform(q, UniformSphere(torch.zeros(3))).item(), 6)  # log 2 - 1/2
    0.193147
    """
    return log_area(q.dim) - q.entropy()


CLOSED_FORMS: dict[tuple[type, type], Callable[..., Tensor | None]] = {
    (Normal, Normal): normal_normal,
    (GumbelSoftmax, OneHotCategorical): one_hot_one_hot,
    (OneHotCategorical, OneHotCategorical): one_hot_one_hot,
    (OneHotCategoricalStraightThrough, OneHotCategorical): one_hot_one_hot,
    (PowerSpherical, UniformSphere): power_spherical_uniform,
    (CholeskyNormal, Independent): cholesky_independent,
}


def closed_form(q: Distribution, p: Distribution) -> Tensor | None:
    """Return KL(q || p), summed over the event, or None where no closed form is known.

    The pair is looked up by exact type, because a subclass may be another distribution, and because the look-up then
    leaves no trace in a `torch.compile` graph, unlike the dispatch of `torch.distributions.kl_divergence`.

    Args:
        q: a distribution of batch shape (*batch,).
        p: a distribution of the same event shape, whose batch shape broadcasts with that of `q`.

    Returns:
        The divergence in nats, of shape (*batch,), or None.
    """
    if type(q) is Independent and type(p) is Independent:
        num_event_dims = q.reinterpreted_batch_ndims
        if num_event_dims != p.reinterpreted_batch_ndims:
            return None
        elementwise = closed_form(q.base_dist, p.base_dist)
        return None if elementwise is None else elementwise.sum(tuple(range(-num_event_dims, 0)))
    kl = CLOSED_FORMS.get((type(q), type(p)))
    return None if kl is None else kl(q, p)


def per_dimension(q: Distribution, p: Distribution) -> Tensor:
    """Return KL(q || p) of each latent unit, for two distributions of independent normal units.

    The sum over the units is the KL of the whole vector. The formula is that of `normal_normal`.

    Args:
        q: a distribution of batch shape (*batch,) over vectors of D units.
        p: a distribution over vectors of D units, whose batch shape broadcasts with that of `q`.

    Returns:
        The divergences in nats, of shape (*batch, D).

    Raises:
        TypeError: if the units of q or of p are not independent normal variables.
    """
    for distribution in (q, p):
        if not (
            type(distribution) is Independent
            and type(distribution.base_dist) is Normal
            and distribution.reinterpreted_batch_ndims == 1
        ):
            raise TypeError(
                f"the KL of each latent unit: expected independent normal units, got {type(distribution).__name__}"
            )
    assert isinstance(q, Independent)
    assert isinstance(p, Independent)
    return normal_normal(q.base_dist, p.base_dist)
