"""Annealed importance sampling between a prior and a posterior, in both directions.

The path is f_b(z) = p(z) p(x | z)^b, from p(z) at b = 0 to p(x, z) at b = 1, whose integral is p(x). Neal 2001,
https://arxiv.org/abs/physics/9803008; of decoders, with Hamiltonian Monte Carlo: Wu et al. 2017,
https://arxiv.org/abs/1611.04273.

Shapes: M chains for each of B images, (M, B, D). Step sizes must come from other noise than that of the chains that
they are used in, else the weights are biased.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from vae_lab.maths import hmc

# What a search for step sizes starts from (too much: shrinking is quick), how far each of its steps goes, and how many
# there are at the start.
FIRST_STEP_SIZE = 1.0
GAIN = 1.0
NUM_SETTLING = 40
# A search visits every so many temperatures: a step size need not be exact.
STRIDE = 5


class Path(NamedTuple):
    """The two ends of the path, as functions of positions of shape (M, B, D): (M, B) each."""

    log_prior: hmc.LogDensity  # log p(z)
    log_likelihood: hmc.LogDensity  # log p(x | z)

    def at(self, temperature: float) -> hmc.LogDensity:
        """log f_b, which need not be normalised."""
        return lambda z: self.log_prior(z) + temperature * self.log_likelihood(z)


class Annealed(NamedTuple):
    """What chains along the path give."""

    log_w: Tensor  # (M, B), log-weights of the direction from the prior to the posterior
    acceptance: Tensor  # (M, B), the mean probability with which transitions were accepted; 0 where there were none


def sigmoidal_schedule(num_steps: int) -> list[float]:
    """Temperatures from 0 to 1, dense at both ends: num_steps + 1 of them.

    b_t = (s_t - s_0) / (s_T - s_0),  s_t = sigmoid(4 (2 t / T - 1))

    As in Grosse et al. 2015, https://arxiv.org/abs/1511.02543.

    >>> sigmoidal_schedule(2)
    [0.0, 0.5, 1.0]
    """
    s = torch.sigmoid(torch.linspace(-4, 4, num_steps + 1, dtype=torch.float64))
    return ((s - s[0]) / (s[-1] - s[0])).tolist()


def tuned_step_sizes(
    path: Path, temperatures: list[float], position: Tensor, num_leapfrog: int, tell: Callable[[], object]
) -> list[Tensor]:
    """Step sizes that are accepted at about 90%, one for each image and inner temperature, shared by its chains.

    A preliminary run along every fifth temperature, by the Robbins-Monro rule.

    Args:
        path: from the prior to the posterior.
        temperatures: from 0 to 1.
        position: samples of the prior, of shape (M, B, D).
        num_leapfrog: leapfrog steps of a transition.
        tell: called once for each transition.

    Returns:
        As many step sizes of shape (B,) as there are temperatures between 0 and 1.
    """
    inner = temperatures[1:-1]
    step_size = torch.full(position.shape[1:-1], FIRST_STEP_SIZE, dtype=position.dtype, device=position.device)
    found: list[Tensor] = []
    for start in range(0, len(inner), STRIDE):
        for _ in range(NUM_SETTLING if start == 0 else 1):
            noise = hmc.draw_noise(position)
            moved = hmc.transition(path.at(inner[start]), position, step_size, num_leapfrog, noise)
            position = moved.position
            step_size = hmc.adapted(step_size, moved.acceptance.mean(0), GAIN)
            tell()
        found += [step_size] * len(inner[start : start + STRIDE])
    return found


def num_tuning_transitions(num_steps: int) -> int:
    """The transitions of a search for the step sizes of so many temperature steps."""
    searched = len(range(0, num_steps - 1, STRIDE))
    return searched + NUM_SETTLING - 1 if searched else 0


class Annealing(NamedTuple):
    """Chains along a path, in either direction."""

    path: Path
    temperatures: list[float]  # b_0 = 0, ..., b_T = 1
    step_sizes: list[Tensor]  # for each temperature between 0 and 1, of shape (B,) each
    num_leapfrog: int  # leapfrog steps of a transition
    tell: Callable[[], object]  # called once for each transition

    @torch.no_grad()
    def forward(self, position: Tensor) -> Annealed:
        """Weights whose mean is p(x), by chains from the prior to the posterior.

        log w = sum_t (b_t - b_{t-1}) log p(x | z_{t-1}),  z_0 ~ p(z),  z_t by a transition at b_t

        So the logarithm of their mean over chains is in expectation a lower bound on log p(x). With the temperatures
        0 and 1 alone it is importance sampling from the prior. Neal 2001, https://arxiv.org/abs/physics/9803008.

        Args:
            position: samples of the prior, of shape (M, B, D).
        """
        log_w = acceptance = torch.zeros_like(position[..., 0])
        for number, (before, temperature) in enumerate(pairwise(self.temperatures)):
            log_w = log_w + (temperature - before) * self.path.log_likelihood(position)
            if number < len(self.step_sizes):  # nothing is weighed after b_T
                position, _, accepted = self._move(number, position)
                acceptance = acceptance + accepted / len(self.step_sizes)
        return Annealed(log_w, acceptance)

    @torch.no_grad()
    def backward(self, position: Tensor) -> Annealed:
        """Weights w, the mean of whose 1 / w is 1 / p(x), by the same chains run backwards from posterior samples.

        So minus the logarithm of the mean of 1 / w over chains is in expectation an upper bound on log p(x), also where
        all chains of an image start at the same sample: Grosse et al. 2015, https://arxiv.org/abs/1511.02543. Each
        transition is reversible, and so its own reversal.

        Args:
            position: exact samples of the posterior, of shape (M, B, D).
        """
        log_w = acceptance = torch.zeros_like(position[..., 0])
        for number, (before, temperature) in reversed(list(enumerate(pairwise(self.temperatures)))):
            if number < len(self.step_sizes):  # at b_T the chains stand already
                position, _, accepted = self._move(number, position)
                acceptance = acceptance + accepted / len(self.step_sizes)
            log_w = log_w + (temperature - before) * self.path.log_likelihood(position)
        return Annealed(log_w, acceptance)

    def _move(self, number: int, position: Tensor) -> hmc.Transition:
        """A transition at b_{number + 1}."""
        density, step_size = self.path.at(self.temperatures[number + 1]), self.step_sizes[number]
        moved = hmc.transition(density, position, step_size, self.num_leapfrog, hmc.draw_noise(position))
        self.tell()
        return moved
