"""Annealed importance sampling between a prior and a posterior, in both directions.

The path of unnormalised densities is f_b(z) = p(z) p(x | z)^b, from p(z) at b = 0 to p(x, z) at b = 1, whose integral
is p(x). Neal 2001, https://arxiv.org/abs/physics/9803008; for decoders, with Hamiltonian Monte Carlo: Wu et al. 2017,
https://arxiv.org/abs/1611.04273.

Shapes: M chains for each of B images, (M, B, D). Step sizes must not depend on the noise of the chains that they are
used in, or else the weights are biased.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from vae_lab.maths import hmc

# The step-size search: its initial step size (too large on purpose, since a step size shrinks quickly), the gain of
# each of its adaptation steps, and how many transitions it makes at the first temperature.
FIRST_STEP_SIZE = 1.0
GAIN = 1.0
NUM_SETTLING = 40
# The search visits every fifth temperature: a step size need not be exact.
STRIDE = 5


class Path(NamedTuple):
    """The two densities that define the path, as functions from positions (M, B, D) to values (M, B).

    Attributes:
        log_prior: log p(z).
        log_likelihood: log p(x | z).
    """

    log_prior: hmc.LogDensity
    log_likelihood: hmc.LogDensity

    def at(self, temperature: float) -> hmc.LogDensity:
        """Return the function log f_b(z) = log p(z) + b log p(x | z), for the temperature b in [0, 1]."""
        return lambda z: self.log_prior(z) + temperature * self.log_likelihood(z)


class AnnealingResult(NamedTuple):
    """The result of running chains along the path.

    Attributes:
        log_w: log-weights of the direction from the prior to the posterior, of shape (M, B).
        acceptance: the mean acceptance probability of the transitions, of shape (M, B); 0 if there were none.
    """

    log_w: Tensor
    acceptance: Tensor


def sigmoidal_schedule(num_steps: int) -> list[float]:
    """Return num_steps + 1 temperatures from 0 to 1, which lie close together near both ends.

    b_t = (s_t - s_0) / (s_T - s_0),  s_t = sigmoid(4 (2 t / T - 1))

    The schedule of Grosse et al. 2015, https://arxiv.org/abs/1511.02543.

    >>> sigmoidal_schedule(2)
    [0.0, 0.5, 1.0]
    """
    s = torch.sigmoid(torch.linspace(-4, 4, num_steps + 1, dtype=torch.float64))
    return ((s - s[0]) / (s[-1] - s[0])).tolist()


def tune_step_sizes(
    path: Path, temperatures: list[float], position: Tensor, num_leapfrog: int, on_transition: Callable[[], object]
) -> list[Tensor]:
    """Search for step sizes with an acceptance probability of about 90%.

    The search is a preliminary run along every fifth temperature, with the Robbins-Monro rule of
    `hmc.adapt_step_size`. A step size belongs to one image and one temperature; the chains of the image share it.

    Args:
        path: from the prior to the posterior.
        temperatures: from 0 to 1.
        position: samples of the prior, of shape (M, B, D).
        num_leapfrog: leapfrog steps of a transition.
        on_transition: called after each transition.

    Returns:
        For each temperature strictly between 0 and 1, step sizes of shape (B,).
    """
    inner = temperatures[1:-1]
    step_size = torch.full(position.shape[1:-1], FIRST_STEP_SIZE, dtype=position.dtype, device=position.device)
    step_sizes: list[Tensor] = []
    for start in range(0, len(inner), STRIDE):
        for _ in range(NUM_SETTLING if start == 0 else 1):
            noise = hmc.draw_noise(position)
            moved = hmc.transition(path.at(inner[start]), position, step_size, num_leapfrog, noise)
            position = moved.position
            step_size = hmc.adapt_step_size(step_size, moved.acceptance.mean(0), GAIN)
            on_transition()
        step_sizes += [step_size] * len(inner[start : start + STRIDE])
    return step_sizes


def num_tuning_transitions(num_steps: int) -> int:
    """Return how many transitions `tune_step_sizes` makes for a schedule of `num_steps` steps."""
    num_visited = len(range(0, num_steps - 1, STRIDE))
    return num_visited + NUM_SETTLING - 1 if num_visited else 0


class Annealing(NamedTuple):
    """Annealed importance sampling along a path, in either direction.

    Attributes:
        path: from the prior to the posterior.
        temperatures: b_0 = 0, ..., b_T = 1.
        step_sizes: for each temperature strictly between 0 and 1, of shape (B,) each.
        num_leapfrog: leapfrog steps of a transition.
        on_transition: called after each transition.
    """

    path: Path
    temperatures: list[float]
    step_sizes: list[Tensor]
    num_leapfrog: int
    on_transition: Callable[[], object]

    @torch.no_grad()
    def forward(self, position: Tensor) -> AnnealingResult:
        """Run chains from the prior to the posterior; the expectation of their weights w is p(x).

        log w = sum_t (b_t - b_{t-1}) log p(x | z_{t-1}),  z_0 ~ p(z),  z_t by a transition at b_t

        The logarithm of the mean weight over chains is therefore, in expectation, a lower bound on log p(x). With the
        temperatures 0 and 1 alone it is importance sampling from the prior. Neal 2001,
        https://arxiv.org/abs/physics/9803008.

        Args:
            position: samples of the prior, of shape (M, B, D).
        """
        log_w = acceptance = torch.zeros_like(position[..., 0])
        for number, (before, temperature) in enumerate(pairwise(self.temperatures)):
            log_w = log_w + (temperature - before) * self.path.log_likelihood(position)
            if number < len(self.step_sizes):  # no weight follows b_T, so it needs no transition
                position, _, probability = self._move(number, position)
                acceptance = acceptance + probability / len(self.step_sizes)
        return AnnealingResult(log_w, acceptance)

    @torch.no_grad()
    def backward(self, position: Tensor) -> AnnealingResult:
        """Run the same chains backwards from samples of the posterior; the expectation of their 1 / w is 1 / p(x).

        Minus the logarithm of the mean of 1 / w over chains is therefore, in expectation, an upper bound on log p(x),
        even if all chains of an image start at the same sample: Grosse et al. 2015, https://arxiv.org/abs/1511.02543.
        Each transition is reversible, so the reverse chain uses the same transitions.

        Args:
            position: exact samples of the posterior, of shape (M, B, D).
        """
        log_w = acceptance = torch.zeros_like(position[..., 0])
        for number, (before, temperature) in reversed(list(enumerate(pairwise(self.temperatures)))):
            if number < len(self.step_sizes):  # the chains start at b_T, so it needs no transition
                position, _, probability = self._move(number, position)
                acceptance = acceptance + probability / len(self.step_sizes)
            log_w = log_w + (temperature - before) * self.path.log_likelihood(position)
        return AnnealingResult(log_w, acceptance)

    def _move(self, number: int, position: Tensor) -> hmc.Transition:
        """Make a transition of every chain at the temperature b_{number + 1}."""
        density, step_size = self.path.at(self.temperatures[number + 1]), self.step_sizes[number]
        moved = hmc.transition(density, position, step_size, self.num_leapfrog, hmc.draw_noise(position))
        self.on_transition()
        return moved
