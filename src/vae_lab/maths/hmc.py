"""Hamiltonian Monte Carlo on many chains at once: pure functions, whose noise is an argument.

A chain's position z gets a momentum r ~ N(0, I), and both follow the Hamiltonian

    H(z, r) = -log f(z) + r'r / 2

for a while: Neal 2011, https://arxiv.org/abs/1206.1901. The density f need not be normalised.

Shapes: positions (*chains, D), densities (*chains,). A step size is one number for all chains, or has a shape that
broadcasts with (*chains,). It must not depend on the noise of the transitions that it is used in: adapt it between
them, and hold it fixed where the chain's law counts.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

# Positions of shape (*chains, D) to log f, of shape (*chains,).
LogDensity = Callable[[Tensor], Tensor]

TARGET_ACCEPTANCE = 0.9


class Phase(NamedTuple):
    """Where chains stand and how they move."""

    position: Tensor  # (*chains, D)
    momentum: Tensor  # (*chains, D)
    log_density: Tensor  # (*chains,)
    gradient: Tensor  # (*chains, D), of the log-density at the position

    def energy(self) -> Tensor:
        """The Hamiltonian, of shape (*chains,)."""
        return self.momentum.square().sum(-1) / 2 - self.log_density


class Noise(NamedTuple):
    """What one transition draws."""

    momentum: Tensor  # (*chains, D), of N(0, I)
    uniform: Tensor  # (*chains,), of U(0, 1)


class Transition(NamedTuple):
    """Where chains stand after a transition."""

    position: Tensor  # (*chains, D)
    log_density: Tensor  # (*chains,)
    acceptance: Tensor  # (*chains,), the probability with which the proposal was accepted


def draw_noise(position: Tensor) -> Noise:
    """The noise of a transition from positions of shape (*chains, D), by the default generator."""
    shape, dtype, device = position.shape, position.dtype, position.device
    return Noise(torch.randn(shape, dtype=dtype, device=device), torch.rand(shape[:-1], dtype=dtype, device=device))


def phase(log_density: LogDensity, position: Tensor, momentum: Tensor) -> Phase:
    """Chains with the given momentum, with the density and its gradient where they stand."""
    with torch.enable_grad():
        z = position.detach().requires_grad_()
        value = log_density(z)
        (gradient,) = torch.autograd.grad(value.sum(), z)  # of each chain its own: they do not see each other
    return Phase(z.detach(), momentum, value.detach(), gradient)


def leapfrog(log_density: LogDensity, start: Phase, step_size: Tensor, num_steps: int) -> Phase:
    """Follow the Hamiltonian by leapfrog steps.

    r <- r + e/2 grad log f(z),  z <- z + e r,  r <- r + e/2 grad log f(z)

    The map preserves volume, is undone by the same steps from (z, -r), and in a given time changes the energy by
    O(e^2). Neal 2011, section 2.3, https://arxiv.org/abs/1206.1901.

    Args:
        log_density: log f.
        start: where the chains stand.
        step_size: e, a scalar or of a shape that broadcasts with (*chains,).
        num_steps: leapfrog steps.
    """
    step = step_size.unsqueeze(-1)
    current = start
    for _ in range(num_steps):
        halfway = current.momentum + step / 2 * current.gradient
        current = phase(log_density, current.position + step * halfway, halfway)
        current = current._replace(momentum=halfway + step / 2 * current.gradient)
    return current


def transition(
    log_density: LogDensity, position: Tensor, step_size: Tensor, num_leapfrog: int, noise: Noise
) -> Transition:
    """One transition of every chain, which leaves f invariant and is reversible: f(z) T(z'|z) = f(z') T(z|z').

    A fresh momentum, leapfrog steps, and the Metropolis correction: the proposal is accepted with probability
    min(1, exp(H - H')). One that ends where the density or the energy is no number is rejected.

    Args:
        log_density: log f.
        position: of shape (*chains, D), where log f is finite.
        step_size: a scalar, or of a shape that broadcasts with (*chains,).
        num_leapfrog: leapfrog steps of the proposal.
        noise: what the transition draws.
    """
    start = phase(log_density, position, noise.momentum)
    end = leapfrog(log_density, start, step_size, num_leapfrog)
    log_ratio = start.energy() - end.energy()
    log_acceptance = torch.where(log_ratio.isnan(), -torch.inf, log_ratio).clamp(max=0)
    accepted = noise.uniform.log() < log_acceptance
    return Transition(
        torch.where(accepted.unsqueeze(-1), end.position, start.position),
        torch.where(accepted, end.log_density, start.log_density),
        log_acceptance.exp(),
    )


def adapted(step_size: Tensor, acceptance: Tensor, gain: float) -> Tensor:
    """The step size after one step of the search for an acceptance probability of 90%.

    log e <- log e + gain (acceptance - 0.9)

    The Robbins-Monro rule: Andrieu & Thoms 2008, algorithm 4, https://doi.org/10.1007/s11222-008-9110-y. A gain
    that falls like t^-c, 1/2 < c <= 1, makes it converge; a constant one follows a density that changes.

    Args:
        step_size: e.
        acceptance: the acceptance probability under e, averaged over the chains that share it: of the shape of e.
        gain: how far one step goes.
    """
    return step_size * (gain * (acceptance - TARGET_ACCEPTANCE)).exp()
