"""Annealed importance sampling, against models whose likelihood has a closed form."""

from dataclasses import replace

import pytest
import torch
from torch.distributions import MultivariateNormal

from helpers import chain, parts
from helpers.composed import composed
from helpers.exact import LinearGaussian
from helpers.measuring import agrees, context
from vae_lab import build
from vae_lab.evaluation.measure import Images
from vae_lab.evaluation.measures.ais import DREAM, SIMULATED, AnnealedImportanceSampling
from vae_lab.maths import annealing, bounds, hmc
from vae_lab.seeding import RngStream, reseed

NUM_CHAINS, NUM_IMAGES = 20, 500


def nothing() -> None:
    pass


class Annealed:
    """The linear-Gaussian model on images of its own, with chains along so many temperatures."""

    def __init__(self, num_steps: int) -> None:
        torch.manual_seed(0)
        case = LinearGaussian(angle=1.0)
        model = case.model()
        x = case.images(NUM_IMAGES)
        self.log_px = -case.nll(x)  # (B,)
        path = annealing.Path(
            lambda z: model.log_prior((z,)),
            lambda z: model.decode(z).log_prob(x),
        )
        self.prior = torch.randn(NUM_CHAINS, NUM_IMAGES, 2, dtype=torch.float64)
        posterior = MultivariateNormal(x.flatten(1) @ case.slope.T, precision_matrix=case.precision)
        self.posterior = posterior.sample((NUM_CHAINS,))
        temperatures = annealing.sigmoidal_schedule(num_steps)
        other_noise = torch.randn(10, NUM_IMAGES, 2, dtype=torch.float64)
        step_sizes = annealing.tune_step_sizes(path, temperatures, other_noise, 5, nothing)
        self.chains = annealing.Annealing(path, temperatures, step_sizes, 5, nothing)


@pytest.mark.slow
@pytest.mark.parametrize("num_steps", [1, 2, 7, 40])
def test_weights_are_unbiased_in_both_directions_for_any_number_of_temperatures(num_steps: int) -> None:
    """E[w] = p(x) from the prior on, and E[1 / w] = 1 / p(x) from the posterior on."""
    case = Annealed(num_steps)
    forward, backward = case.chains.forward(case.prior), case.chains.backward(case.posterior)
    parts.close((forward.log_w - case.log_px).exp().mean(0), 1.0)  # images are independent
    if num_steps > 1:  # 1 / p(x | z) has no finite variance under the posterior
        parts.close((case.log_px - backward.log_w).exp().mean(0), 1.0)
    else:
        torch.testing.assert_close(forward.log_w, case.chains.path.log_likelihood(case.prior), rtol=0, atol=0)


@pytest.mark.slow
def test_both_bounds_close_in_on_the_likelihood() -> None:
    gaps = []
    for num_steps in (4, 16, 48):
        case = Annealed(num_steps)
        lower = bounds.importance_weighted(case.chains.forward(case.prior).log_w)
        upper = -bounds.importance_weighted(-case.chains.backward(case.posterior).log_w)
        for bound, sign in ((lower, 1), (upper, -1)):
            short = sign * (case.log_px - bound)  # (B,), not negative in expectation
            assert short.mean() > -5 * short.std() / NUM_IMAGES**0.5
        gaps.append((upper - lower).mean())
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 0.05


@pytest.mark.slow
def test_step_sizes_are_accepted_at_90_percent_along_the_whole_path() -> None:
    case = Annealed(100)
    assert len(case.chains.step_sizes) == 99
    for number in (0, 50, 98):
        density = case.chains.path.at(case.chains.temperatures[number + 1])
        start = case.posterior if number > 90 else case.prior
        for _ in range(5 if number > 90 else 20):
            moved = hmc.transition(density, start, case.chains.step_sizes[number], 5, hmc.draw_noise(start))
            start = moved.position
        assert moved.acceptance.mean() == pytest.approx(0.9, abs=0.03)


def test_the_schedule_is_symmetric_and_dense_at_its_ends() -> None:
    temperatures = torch.tensor(annealing.sigmoidal_schedule(100))
    assert (temperatures[0], temperatures[-1]) == (0, 1)
    torch.testing.assert_close(temperatures, 1 - temperatures.flip(0))
    steps = temperatures.diff()
    assert (steps[:50].diff() > 0).all()


@pytest.mark.slow
def test_the_measure_brackets_the_exact_likelihood() -> None:
    """On data from above; on the model's own images, drawn here once more, from both sides."""
    case = LinearGaussian(angle=1.0, shift=0.3, growth=1.5)
    x, model, num = case.images(60), case.model(), 60
    above, upper, lower = [], [], []
    for seed in range(4):
        measure = AnnealedImportanceSampling(num_images=num, num_chains=5, num_steps=30, num_leapfrog=5)
        figures = measure(context(model, x, seed))
        reseed(torch.device("cpu"), seed, RngStream.ANNEALING, 0, SIMULATED, DREAM)
        exact = case.nll(model.sample_joint(num).p.sample()).mean().item()
        above.append(figures["nll"].value - case.nll(x).mean().item())
        upper.append(figures["simulated/nll_upper"].value - exact)
        lower.append(figures["simulated/nll_lower"].value - exact)
        gap = figures["simulated/gap"]
        assert gap.value == pytest.approx(upper[-1] - lower[-1], abs=1e-9)
        assert gap.details is not None
        assert gap.details["acceptance"] == pytest.approx(0.9, abs=0.1)  # few temperatures to search along
        agrees(figures["nll"], case.nll(x).mean().item())
    slack = 0.03  # what is left of the gap at so few temperatures
    for values, sign in ((above, 1), (upper, 1), (lower, -1)):
        off = sign * torch.tensor(values)
        error = off.std() / len(off) ** 0.5
        assert -5 * error < off.mean() < slack + 5 * error


@pytest.mark.slow
@pytest.mark.parametrize("build_model", [chain.two_layers, chain.ladder])
def test_all_layers_are_annealed(build_model: type) -> None:
    model = build_model().eval().requires_grad_(False)
    here = context(model, chain.image(chain.X, 200))
    figures = AnnealedImportanceSampling(num_images=200, num_chains=4, num_steps=30)(here)
    agrees(figures["nll"], -chain.MARGINAL.log_prob(torch.tensor(chain.X)).item(), slack=0.02)
    assert figures["simulated/gap"].value < 0.1


@pytest.mark.slow
def test_every_image_is_annealed_under_its_own_condition() -> None:
    config = composed("latent_dim=2", "condition=label", "prior=label_normal", "model.hidden_sizes=[16]")
    model = build.model(config, parts.IMAGE_SHAPE, torch.full(parts.IMAGE_SHAPE, 0.3), 3).eval().requires_grad_(False)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            size = 1.5 if name.startswith("prior") else 0.3
            parameter.add_(size * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    x = parts.images(model, 1)

    def nll(labels: list[int]) -> float:
        images = Images(x.expand(len(labels), *x.shape[1:]), torch.tensor(labels), torch.eye(3)[labels])
        ais = AnnealedImportanceSampling(num_images=12, num_chains=10, num_steps=60, num_leapfrog=5)
        return ais(replace(context(model, images.x), images=images))["nll"].value

    alone = [nll([label] * 12) for label in range(3)]
    assert max(alone) - min(alone) > 1
    assert nll([0, 1, 2] * 4) == pytest.approx(sum(alone) / 3, abs=0.2)
