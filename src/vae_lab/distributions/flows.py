"""Normalising flows: distributions of z = f_n(... f_1(e)), e ~ N(0, I), with autoregressive steps f_i.

The networks and the steps are zuko's, https://zuko.readthedocs.io. `FlowDistribution` replaces zuko's own
distribution, because a posterior needs the density of its own samples without the inverse, and because
`torch.compile` fails on zuko's composed transforms.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.distributions import Transform
from zuko.flows import MAF, NSF

from vae_lab.distributions.pushforward import Pushforward

# The factor on the initial parameters of the steps' output layers. It makes each step start near the identity; with a
# factor of 0 the networks' other layers would have no gradient.
INITIAL_OUTPUT_FACTOR = 0.1


class FlowDistribution(Pushforward):
    """The distribution of z = f_n(... f_1(e)), e ~ N(0, I).

    log q(z) = log N(e; 0, I) - sum_i log|det df_i|

    Args:
        like: a tensor of shape (*batch, D) that has the device and the dtype of z.
        steps: f_1 to f_n, invertible maps of vectors, whose parameters broadcast with the batch.
    """

    def __init__(self, like: Tensor, steps: Sequence[Transform]) -> None:
        super().__init__(like)
        self.steps = tuple(steps)

    def push(self, e: Tensor) -> tuple[Tensor, Tensor]:
        return apply_steps(self.steps, e)

    def pull(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return apply_steps(inverse_steps(self.steps), z)


def apply_steps(steps: Sequence[Transform], x: Tensor) -> tuple[Tensor, Tensor]:
    """Return f_n(... f_1(x)), and the logarithm of the absolute determinant of its Jacobian.

    Args:
        steps: f_1 to f_n.
        x: of shape (*batch, D).

    Returns:
        Tensors of shape (*batch, D) and (*batch,).
    """
    log_det = x.new_zeros(x.shape[:-1])
    for step in steps:
        x, step_log_det = step.call_and_ladj(x)  # type: ignore[attr-defined]  # zuko adds this to every transform
        log_det = log_det + step_log_det
    return x, log_det


def inverse_steps(steps: Sequence[Transform]) -> tuple[Transform, ...]:
    """Return the steps of the inverse map: the inverses of the given steps, in reverse order."""
    return tuple(step.inv for step in reversed(steps))


class Steps(nn.Module):
    """The networks of autoregressive steps, which take an optional context.

    The steps visit the units in their order and in reverse order, alternately. One step maps all units in one pass;
    its inverse needs one pass for each unit. At initialisation every step is close to the identity.

    Args:
        flow: zuko's flow, whose transforms are used and whose base distribution is not.
    """

    def __init__(self, flow: MAF) -> None:
        super().__init__()
        self.steps: nn.ModuleList = flow.transform.transforms
        for step in self.steps:
            # A step without inputs (a single unit and no context) has plain parameters in place of a network.
            outputs = step.hyper[-1] if hasattr(step, "hyper") else step.phi
            with torch.no_grad():
                for parameter in outputs.parameters():
                    parameter.mul_(INITIAL_OUTPUT_FACTOR)

    def forward(self, context: Tensor | None) -> list[Transform]:
        """Return the steps at a context of shape (*batch, context_dim), or without a context."""
        return [step(context) for step in self.steps]


def affine_steps(latent_dim: int, depth: int, hidden_sizes: Sequence[int], context_dim: int = 0) -> Steps:
    """Make affine autoregressive steps y_i = s_i x_i + m_i, where x_<i and the context determine s_i and m_i.

    Papamakarios et al. 2017, https://arxiv.org/abs/1705.07057.

    Args:
        latent_dim: D, the units of a vector.
        depth: the number of steps.
        hidden_sizes: units of the hidden layers of each step's network.
        context_dim: units of the context; 0 means no context.
    """
    hidden_features = tuple(hidden_sizes)
    return Steps(MAF(latent_dim, context_dim, transforms=depth, hidden_features=hidden_features, activation=nn.ELU))


def spline_steps(
    latent_dim: int, depth: int, hidden_sizes: Sequence[int], num_bins: int, context_dim: int = 0
) -> Steps:
    """Make autoregressive steps y_i = f_i(x_i), where x_<i and the context determine the monotonic spline f_i.

    Each spline has rational-quadratic pieces over [-5, 5], and is the identity outside: Durkan et al. 2019,
    https://arxiv.org/abs/1906.04032.

    Args:
        latent_dim: D, the units of a vector.
        depth: the number of steps.
        hidden_sizes: units of the hidden layers of each step's network.
        num_bins: pieces of each spline.
        context_dim: units of the context; 0 means no context.
    """
    hidden_features = tuple(hidden_sizes)
    return Steps(
        NSF(
            latent_dim,
            context_dim,
            bins=num_bins,
            transforms=depth,
            hidden_features=hidden_features,
            activation=nn.ELU,
        )
    )
