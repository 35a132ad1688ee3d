"""Flow posteriors: the noise is bent by a flow that knows the image, then moved and scaled as in `diagonal`.

    z = mean(x) + scale(x) * f(e; context(x)),  e ~ N(0, I)

The encoder gives the mean, the logarithm of scale^2, and the context. Every step maps all units at once in the
direction of sampling, which is what training does; the density of a z that is not the law's last sample costs one
pass for each unit. At depth 0 the law is that of `diagonal`, with its closed-form KL. Behind the flow rather than
before it, the affine map spares the flow's networks the encoder's units.
"""

from abc import ABC
from collections.abc import Sequence

from torch import Tensor
from torch.distributions import AffineTransform, Distribution

from vae_lab.configuration.options import NonNegativeInt, PositiveInt
from vae_lab.distributions.flows import FlowDistribution, Steps, affine_steps, spline_steps
from vae_lab.distributions.normals import diagonal_normal, scale_of
from vae_lab.posteriors.posterior import Posterior


class FlowPosterior(Posterior, ABC):
    """q(z | x), the law of mean + scale * f(e; context).

    Args:
        latent_dim: units of z.
        steps: the flow f, without steps to be `diagonal`.
        context_dim: units that the encoder gives to the flow.
    """

    space = "real"
    has_density = True
    cheap_log_prob = False
    reparameterized = True
    relaxed = False
    is_diagonal = False

    def __init__(self, latent_dim: int, steps: Steps, context_dim: int) -> None:
        super().__init__(latent_dim)
        self.steps = steps
        self.context_dim = context_dim if len(steps.steps) else 0

    @property
    def param_shape(self) -> tuple[int, ...]:
        return (2 * self.latent_dim + self.context_dim,)

    def forward(self, params: Tensor) -> Distribution:
        if self.context_dim == 0:
            return diagonal_normal(params)
        mean, log_variance, context = params.split([self.latent_dim, self.latent_dim, self.context_dim], -1)
        last = AffineTransform(mean, scale_of(log_variance), event_dim=1)
        return FlowDistribution(mean, [*self.steps(context), last])


class InverseAutoregressiveFlow(FlowPosterior):
    """q(z | x) by affine autoregressive steps: Kingma et al. 2016, https://arxiv.org/abs/1606.04934.

    Each step maps e_i to e_i s_i(e_<i, context) + m_i(e_<i, context), with s between 1/1000 and 1000. The paper's
    affine map by the encoder comes before the steps and not behind them: the two families are the same, since an
    elementwise affine map before or behind an autoregressive one is part of it.

    Args:
        latent_dim: units of z.
        depth: the number of steps; 0 is `diagonal`.
        hidden_sizes: units of the hidden layers of each step's network.
        context_dim: units that the encoder gives to the flow, beside the mean and the variance.
    """

    def __init__(
        self,
        latent_dim: int,
        depth: NonNegativeInt = 2,
        hidden_sizes: Sequence[PositiveInt] = (128, 128),
        context_dim: PositiveInt = 32,
    ) -> None:
        super().__init__(latent_dim, affine_steps(latent_dim, depth, hidden_sizes, context_dim), context_dim)


class SplineFlow(FlowPosterior):
    """q(z | x) by autoregressive rational-quadratic splines: Durkan et al. 2019, https://arxiv.org/abs/1906.04032.

    Each step bends every e_i within [-5, 5] by a monotonic spline that e_<i and the context choose.

    Args:
        latent_dim: units of z.
        depth: the number of steps; 0 is `diagonal`.
        hidden_sizes: units of the hidden layers of each step's network.
        context_dim: units that the encoder gives to the flow, beside the mean and the variance.
        num_bins: pieces of each spline.
    """

    def __init__(
        self,
        latent_dim: int,
        depth: NonNegativeInt = 2,
        hidden_sizes: Sequence[PositiveInt] = (128, 128),
        context_dim: PositiveInt = 32,
        num_bins: PositiveInt = 8,
    ) -> None:
        super().__init__(latent_dim, spline_steps(latent_dim, depth, hidden_sizes, num_bins, context_dim), context_dim)
