"""Hamiltonian Monte Carlo on many chains at once: pure functions that take their noise as an argument.

A chain's position z gets a momentum r ~ N(0, I), and both follow the Hamiltonian

    H(z, r) = -log f(z) + r'r / 2

for some time: Neal 2011, https://arxiv.org/abs/1206.1901. The density f need not be normalised.

Shapes: positions (*chains, D), densities (*chains,). A step size is one number for all chains, or has a shape that
broadcasts with (*chains,). It must not depend on the noise of the transitions that it is used in: adapt it between
transitions, and hold it fixed where the distribution of the chain must be exact.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

# Positions of shape (*chains, D) to log f, of shape (*chains,).
LogDensity = Callable[[Tensor], Tensor]

TARGET_ACCEPTANCE = 0.9


class Phase(NamedTuple):
    """The position and the momentum of chains.

    Attributes:
        position: z, of shape (*chains, D).
        momentum: r, of shape (*chains, D).
        log_density: log f(z), of shape (*chains,).
        gradient: grad log f(z), of shape (*chains, D).
    """

    position: Tensor
    momentum: Tensor
    log_density: Tensor
    gradient: Tensor

    def energy(self) -> Tensor:
        """Return the Hamiltonian H(z, r), of shape (*chains,)."""
        return self.momentum.square().sum(-1) / 2 - self.log_density


class Noise(NamedTuple):
    """The random numbers of one transition.

    Attributes:
        momentum: from N(0, I), of shape (*chains, D).
        uniform: from U(0, 1), of shape (*chains,).
    """

    momentum: Tensor
    uniform: Tensor


class Transition(NamedTuple):
    """The result of a transition.

    Attributes:
        position: z after the transition, of shape (*chains, D).
        log_density: log f(z), of shape (*chains,).
        acceptance: the acceptance probability of the proposal, of shape (*chains,).
    """

    position: Tensor
    log_density: Tensor
    acceptance: Tensor


def draw_noise(position: Tensor) -> Noise:
    """Draw the noise of a transition from positions of shape (*chains, D), with the default generator."""
    shape, dtype, device = position.shape, position.dtype, position.device
    return Noise(torch.randn(shape, dtype=dtype, device=device), torch.rand(shape[:-1], dtype=dtype, device=device))


def phase(log_density: LogDensity, position: Tensor, momentum: Tensor) -> Phase:
    """Evaluate log f and its gradient at positions of shape (*chains, D), and return them with the momentum."""
    with torch.enable_grad():
        z = position.detach().requires_grad_()
        value = log_density(z)
        (gradient,) = torch.autograd.grad(value.sum(), z)  # chains do not interact, so each gets its own gradient
    return Phase(z.detach(), momentum, value.detach(), gradient)


def leapfrog(log_density: LogDensity, start: Phase, step_size: Tensor, num_steps: int) -> Phase:
    """Simulate the Hamiltonian dynamics by leapfrog steps.

    r <- r + e/2 grad log f(z),  z <- z + e r,  r <- r + e/2 grad log f(z)

    The map preserves volume and is reversed by the same steps from (z, -r); over a fixed time it changes the energy by
    O(e^2). Neal 2011, section 2.3, https://arxiv.org/abs/1206.1901.

    Args:
        log_density: log f.
        start: positions and momenta of the chains.
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
    """Make one transition of every chain, which is reversible and leaves f invariant: f(z) T(z'|z) = f(z') T(z|z').

    A new momentum, leapfrog steps, and the Metropolis correction: the proposal is accepted with probability
    min(1, exp(H - H')). A proposal whose density or energy is NaN is rejected.

    Args:
        log_density: log f.
        position: of shape (*chains, D), where log f is finite.
        step_size: a scalar, or of a shape that broadcasts with (*chains,).
        num_leapfrog: leapfrog steps of the proposal.
        noise: the random numbers of the transition.
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


def adapt_step_size(step_size: Tensor, acceptance: Tensor, gain: float) -> Tensor:
    """Return the step size after one step of the search for an acceptance probability of 90%.

    log e <- log e + gain (acceptance - 0.9)

    The Robbins-Monro rule: Andrieu & Thoms 2008, algorithm 4, https://doi.org/10.1007/s11222-008-9110-y. With a gain
    that falls like t^-a, 1/2 < a <= 1, it converges; with a constant gain it follows a density that changes.

    Args:
        step_size: e.
        acceptance: the acceptance probability under e, averaged over the chains that share e, in the shape of e.
        gain: the factor on each step of log e.
    """
    return step_size * (gain * (acceptance - TARGET_ACCEPTANCE)).exp()
