"""Flow posteriors: a flow that depends on the image transforms the noise, and is followed by an affine map.

    z = mean(x) + scale(x) * f(e; context(x)),  e ~ N(0, I)

The encoder gives the mean, the logarithm of scale^2, and the context. Sampling, which is what training does, takes one
pass through each step; the density of a z that is not the distribution's last sample takes one pass for each unit. At
depth 0 the posterior equals `diagonal` and has its closed-form KL. The affine map follows the flow, so that the flow's
networks see noise of unit scale, whatever the units of the encoder's output.
"""

from abc import ABC
from collections.abc import Sequence

from torch import Tensor
from torch.distributions import AffineTransform, Distribution

from vae_lab.configuration.options import Depth, Size
from vae_lab.distributions.flows import FlowDistribution, Steps, affine_steps, spline_steps
from vae_lab.distributions.normals import diagonal_normal, scale_from_log_variance
from vae_lab.posteriors.posterior import Posterior


class FlowPosterior(Posterior, ABC):
    """The base class of flow posteriors: the distribution of mean + scale * f(e; context), e ~ N(0, I).

    Args:
        latent_dim: D, the units of z.
        steps: the flow f; without any steps the posterior equals `diagonal`.
        context_dim: units of the context that the encoder gives to the flow.
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
        last = AffineTransform(mean, scale_from_log_variance(log_variance), event_dim=1)
        return FlowDistribution(mean, [*self.steps(context), last])


class InverseAutoregressiveFlow(FlowPosterior):
    """q(z | x) by affine autoregressive steps: Kingma et al. 2016, https://arxiv.org/abs/1606.04934.

    Each step maps e_i to e_i s_i(e_<i, context) + m_i(e_<i, context), with s between 1/1000 and 1000. In the paper, the
    encoder's affine map precedes the steps; here it follows them. The two families are the same, since an
    autoregressive affine map can absorb an elementwise affine map before or after it.

    Args:
        latent_dim: units of z.
        depth: the number of steps; with 0 the posterior equals `diagonal`.
        hidden_sizes: units of the hidden layers of each step's network.
        context_dim: units of the context that the encoder gives to the flow, in addition to mean and variance.
    """

    def __init__(
        self,
        latent_dim: int,
        depth: Depth = 2,
        hidden_sizes: Sequence[Size] = (128, 128),
        context_dim: Size = 32,
    ) -> None:
        super().__init__(latent_dim, affine_steps(latent_dim, depth, hidden_sizes, context_dim), context_dim)


class SplineFlow(FlowPosterior):
    """q(z | x) by autoregressive rational-quadratic splines: Durkan et al. 2019, https://arxiv.org/abs/1906.04032.

    Each step transforms every e_i in [-5, 5] by a monotonic spline, whose parameters depend on e_<i and the context.

    Args:
        latent_dim: units of z.
        depth: the number of steps; with 0 the posterior equals `diagonal`.
        hidden_sizes: units of the hidden layers of each step's network.
        context_dim: units of the context that the encoder gives to the flow, in addition to mean and variance.
        num_bins: pieces of each spline.
    """

    def __init__(
        self,
        latent_dim: int,
        depth: Depth = 2,
        hidden_sizes: Sequence[Size] = (128, 128),
        context_dim: Size = 32,
        num_bins: Size = 8,
    ) -> None:
        super().__init__(latent_dim, spline_steps(latent_dim, depth, hidden_sizes, num_bins, context_dim), context_dim)
