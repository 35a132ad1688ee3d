"""Normalising flows: laws whose map is a stack of autoregressive steps.

The networks and the steps are zuko's, https://zuko.readthedocs.io; `FlowLaw` is ours, because a posterior needs
the density of its own samples without the inverse, and because `torch.compile` breaks on zuko's composed
transforms.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.distributions import Transform
from zuko.flows import MAF, NSF

from vae_lab.distributions.pushforward import Pushforward

# What the steps' parameters are multiplied with at the start, from zuko's; at 0 their networks would not learn.
INITIAL_SIZE = 0.1


class FlowDistribution(Pushforward):
    """The law of z = f_n(... f_1(e)), e ~ N(0, I).

    Args:
        like: a tensor of shape (*batch, D), of the device and precision of z.
        steps: f_1 to f_n, maps of vectors, whose parameters broadcast with the batch.
    """

    def __init__(self, like: Tensor, steps: Sequence[Transform]) -> None:
        super().__init__(like)
        self.steps = tuple(steps)

    def push(self, e: Tensor) -> tuple[Tensor, Tensor]:
        return apply(self.steps, e)

    def pull(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return apply(inverse(self.steps), z)


def apply(steps: Sequence[Transform], x: Tensor) -> tuple[Tensor, Tensor]:
    """The image of x under all steps, and the logarithm of the absolute Jacobian determinant."""
    total = x.new_zeros(x.shape[:-1])
    for step in steps:
        x, log_slope = step.call_and_ladj(x)  # type: ignore[attr-defined]  # zuko adds this to every transform
        total = total + log_slope
    return x, total


def inverse(steps: Sequence[Transform]) -> tuple[Transform, ...]:
    """The steps that undo the given ones."""
    return tuple(step.inv for step in reversed(steps))


class Steps(nn.Module):
    """Autoregressive steps in the order and in the reverse order of the units, by turns, over an optional context.

    One step maps all units at once; its inverse goes unit by unit. At the start every step is nearly the identity.

    Args:
        flow: zuko's flow, of which the transforms are used and the base is not.
    """

    def __init__(self, flow: MAF) -> None:
        super().__init__()
        self.steps: nn.ModuleList = flow.transform.transforms
        for step in self.steps:
            # A step without any input, of a single unit, has its numbers where others have a network.
            outputs = step.hyper[-1] if hasattr(step, "hyper") else step.phi
            with torch.no_grad():
                for parameter in outputs.parameters():
                    parameter.mul_(INITIAL_SIZE)

    def forward(self, context: Tensor | None) -> list[Transform]:
        """The steps at a context of shape (*batch, context_dim)."""
        return [step(context) for step in self.steps]


def affine_steps(latent_dim: int, depth: int, hidden_sizes: Sequence[int], context_dim: int = 0) -> Steps:
    """Steps y_i = s_i x_i + m_i, where x_<i and the context give s_i and m_i.

    Papamakarios et al. 2017, https://arxiv.org/abs/1705.07057.
    """
    hidden_features = tuple(hidden_sizes)
    return Steps(MAF(latent_dim, context_dim, transforms=depth, hidden_features=hidden_features, activation=nn.ELU))


def spline_steps(
    latent_dim: int, depth: int, hidden_sizes: Sequence[int], num_bins: int, context_dim: int = 0
) -> Steps:
    """Steps y_i = f_i(x_i), where x_<i and the context give the monotonic spline f_i.

    Each spline has rational-quadratic pieces over [-5, 5], and is the identity outside: Durkan et al. 2019,
    https://arxiv.org/abs/1906.04032.
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
