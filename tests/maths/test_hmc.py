"""Hamiltonian Monte Carlo against Gaussians, and against what its integrator promises."""

import math

import pytest
import torch
from torch import Tensor

from helpers import exact, parts
from vae_lab.maths import hmc

NUM_LEAPFROG = 10


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


class Normal:
    """N(mean, covariance), correlated and with scales from 0.1 to 2.5; its density is not normalised."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(1)
        rotation, _ = torch.linalg.qr(torch.randn(4, 4, generator=generator, dtype=torch.float64))
        scales = torch.tensor([0.1, 0.4, 1.0, 2.5], dtype=torch.float64)
        self.mean = torch.tensor([1.0, -2.0, 0.0, 3.0], dtype=torch.float64)
        self.covariance = rotation * scales.square() @ rotation.T
        self.precision = torch.linalg.inv(self.covariance)

    def log_density(self, z: Tensor) -> Tensor:
        away = z - self.mean
        return -0.5 * ((away @ self.precision) * away).sum(-1)

    def sample(self, *shape: int) -> Tensor:
        return torch.distributions.MultivariateNormal(self.mean, self.covariance).sample(shape)


def tuned(log_density: hmc.LogDensity, position: Tensor, num_rounds: int = 300) -> tuple[Tensor, Tensor]:
    """Chains after a warm-up, and the step size that it found: a scalar."""
    step_size = torch.ones((), dtype=position.dtype)
    for round_ in range(num_rounds):
        moved = hmc.transition(log_density, position, step_size, NUM_LEAPFROG, hmc.draw_noise(position))
        position = moved.position
        step_size = hmc.adapt_step_size(step_size, moved.acceptance.mean(), gain=(1 + round_) ** -0.6)
    return position, step_size


def has_moments_of(target: Normal, z: Tensor) -> None:
    """Assert mean and covariance in units of the target's own scales, where the smallest counts like the largest."""
    white = (z - target.mean) @ torch.linalg.cholesky(target.precision)  # (N, D), of N(0, I)
    parts.close(white, torch.zeros(4, dtype=torch.float64))
    parts.close(white.unsqueeze(-1) * white.unsqueeze(-2), torch.eye(4, dtype=torch.float64))


@pytest.mark.slow
def test_reproduces_a_correlated_badly_scaled_normal_and_accepts_90_percent() -> None:
    target = Normal()
    position, step_size = tuned(target.log_density, torch.zeros(2000, 4, dtype=torch.float64))
    acceptances = []
    for _ in range(100):
        moved = hmc.transition(target.log_density, position, step_size, NUM_LEAPFROG, hmc.draw_noise(position))
        position = moved.position
        acceptances.append(moved.acceptance)
    has_moments_of(target, position)  # chains are independent
    mean_of_chain = torch.stack(acceptances).mean(0)  # (2000,)
    slack = 0.01  # the step size is the last of a search, not its limit
    assert (mean_of_chain.mean() - 0.9).abs() < 5 * mean_of_chain.std() / math.sqrt(2000) + slack


@pytest.mark.parametrize("x", [1.3, -4.0])
def test_reproduces_the_posterior_of_the_conjugate_model(x: float) -> None:
    model, _ = exact.conjugate_gaussian(0.0, 1.0)
    images = exact.image(x, 5000)
    position, _ = tuned(lambda z: model.log_joint(images, (z,)), torch.zeros(5000, 1, dtype=torch.float64), 100)
    parts.close(position, torch.tensor([x / 2], dtype=torch.float64))
    parts.close((position - x / 2).square(), 0.5)


@pytest.mark.parametrize("step_size", [0.05, 0.15])
def test_a_transition_leaves_its_law_invariant_whatever_its_step_size(step_size: float) -> None:
    """From exact samples, with steps that are accepted nearly always, or seldom: the chains stay exact."""
    target = Normal()
    position = target.sample(20_000)
    for _ in range(3):
        noise = hmc.draw_noise(position)
        moved = hmc.transition(target.log_density, position, torch.tensor(step_size).double(), NUM_LEAPFROG, noise)
        position = moved.position
    assert (moved.acceptance.mean() > 0.95) == (step_size < 0.1), "both kinds of steps are tried"
    has_moments_of(target, position)
    # Detailed balance: what flows from below the mean to above it flows back.
    before = target.sample(20_000)
    after = hmc.transition(
        target.log_density, before, torch.tensor(step_size).double(), NUM_LEAPFROG, hmc.draw_noise(before)
    ).position
    up = ((before < target.mean) & (after > target.mean)).double()
    down = ((before > target.mean) & (after < target.mean)).double()
    parts.close(up - down, torch.zeros(4, dtype=torch.float64))


def test_leapfrog_steps_are_undone_by_the_opposite_momentum() -> None:
    target = Normal()
    start = hmc.phase(target.log_density, target.sample(5), torch.randn(5, 4, dtype=torch.float64))
    step_size = torch.full((), 0.1, dtype=torch.float64)
    end = hmc.leapfrog(target.log_density, start, step_size, 20)
    assert (end.position - start.position).abs().min() > 1e-3
    back = hmc.leapfrog(target.log_density, end._replace(momentum=-end.momentum), step_size, 20)
    torch.testing.assert_close(back.position, start.position)
    torch.testing.assert_close(-back.momentum, start.momentum)


def test_leapfrog_steps_preserve_volume() -> None:
    def log_density(z: Tensor) -> Tensor:
        return -(z.square() + z.pow(4)).sum(-1) + z.prod(-1)

    def flow(state: Tensor) -> Tensor:
        """The same steps, differentiable in where they start."""
        z, r = state.chunk(2)
        for _ in range(3):
            r = r + 0.2 * torch.func.grad(log_density)(z)
            z = z + 0.4 * r
            r = r + 0.2 * torch.func.grad(log_density)(z)
        return torch.cat([z, r])

    state = torch.randn(4, dtype=torch.float64)
    start = hmc.phase(log_density, state[:2], state[2:])
    end = hmc.leapfrog(log_density, start, torch.tensor(0.4, dtype=torch.float64), 3)
    torch.testing.assert_close(torch.cat([end.position, end.momentum]), flow(state))
    determinant = torch.linalg.det(torch.func.jacrev(flow)(state))
    torch.testing.assert_close(determinant, torch.ones_like(determinant))


def test_the_error_of_the_energy_falls_with_the_square_of_the_step() -> None:
    target = Normal()
    start = hmc.phase(target.log_density, target.sample(200), torch.randn(200, 4, dtype=torch.float64))
    errors = [
        (hmc.leapfrog(target.log_density, start, torch.tensor(0.4 / n).double(), n).energy() - start.energy())
        .abs()
        .mean()
        for n in (20, 40, 80)
    ]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_each_chain_has_its_own_step_size(dtype: torch.dtype) -> None:
    """Chains in a grid (M, B) with a step size for each of the B are those that run one by one."""

    def log_density(z: Tensor) -> Tensor:
        return -(z.square() / torch.tensor([0.1, 1.0], dtype=dtype)).sum(-1)

    position = torch.randn(3, 2, 2, dtype=dtype)
    noise, step_sizes = hmc.draw_noise(position), torch.tensor([0.05, 0.3], dtype=dtype)
    together = hmc.transition(log_density, position, step_sizes, NUM_LEAPFROG, noise)
    assert together.position.dtype == dtype
    for m in range(3):
        for b in range(2):
            alone = hmc.transition(
                log_density, position[m, b], step_sizes[b], NUM_LEAPFROG, hmc.Noise(*(part[m, b] for part in noise))
            )
            torch.testing.assert_close(tuple(part[m, b] for part in together), tuple(alone))


def test_a_step_that_overflows_is_rejected() -> None:
    def log_density(z: Tensor) -> Tensor:
        return -z.pow(4).sum(-1)

    position = torch.ones(10, 2)
    moved = hmc.transition(log_density, position, torch.tensor(100.0), NUM_LEAPFROG, hmc.draw_noise(position))
    torch.testing.assert_close(moved.position, position, rtol=0, atol=0)
    assert not moved.acceptance.any()
