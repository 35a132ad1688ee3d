"""Weighted and regularised objectives: their special cases, hand-computed values, and refusals."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Independent, Normal

from helpers import exact, parts
from helpers.composed import composed
from vae_lab import build
from vae_lab.configuration.check import check
from vae_lab.distributions.pushforward import CholeskyNormal
from vae_lab.errors import UserError
from vae_lab.maths import divergences, kl
from vae_lab.models.latent_model import LatentModel
from vae_lab.objectives.aggregate import InfoVAE, SlicedWasserstein, WassersteinMMD
from vae_lab.objectives.dip import DIP
from vae_lab.objectives.elbo import ELBO
from vae_lab.objectives.objective import Objective
from vae_lab.objectives.total_correlation import BetaTC
from vae_lab.objectives.weighted import Beta, Capacity, FreeBits

PLAIN_CASES: dict[str, Callable[[], Objective]] = {
    "beta": lambda: Beta(1.0, num_samples=2),
    "free_bits": lambda: FreeBits(0.0, num_samples=2),
    "free_bits in groups": lambda: FreeBits(0.0, group_size=2, num_samples=2),
    "capacity": lambda: Capacity(1.0, 0.0, num_samples=2),
    "beta_tc weighted": lambda: BetaTC(100, 1.0, num_samples=2),
    "beta_tc stratified": lambda: BetaTC(100, 1.0, sampling="stratified", num_samples=2),
    "dip_i": lambda: DIP(0.0, 0.0, of_samples=False, num_samples=2),
    "dip_ii": lambda: DIP(0.0, 0.0, of_samples=True, num_samples=2),
}


def small_model() -> tuple[LatentModel, Tensor]:
    """A model in float64 with posteriors that differ from the prior, and images for it."""
    model, _ = parts.model_and_objective()
    x = parts.images(model, 6, torch.float64)
    return model.double(), x


def agrees(objective: Objective, other: Objective) -> None:
    """Both have the same value and the same gradients under the same noise."""
    model, x = small_model()
    loss, gradients = parts.loss_and_gradients(model, objective, x)
    gradients = {name: gradient.clone() for name, gradient in gradients.items() if gradient is not None}
    expected, exact_gradients = parts.loss_and_gradients(model, other, x)
    torch.testing.assert_close(loss.value, expected.value)
    torch.testing.assert_close(gradients, exact_gradients)
    assert loss.terms["distortion"] == expected.terms["distortion"]


@pytest.mark.slow
@pytest.mark.parametrize("name", PLAIN_CASES)
def test_special_case_is_the_elbo(name: str) -> None:
    agrees(PLAIN_CASES[name](), ELBO(num_samples=2))


@pytest.mark.parametrize("model", parts.names("model"))
def test_free_bits_of_nothing_are_the_elbo_of_every_model(model: str) -> None:
    """In value and in gradient, whatever its layers are conditioned on, and in groups too."""
    built, _ = parts.model_and_objective(f"model={model}", "objective=free_bits")
    built, x = built.double(), parts.images(built, 6, torch.float64)
    expected, gradients = parts.loss_and_gradients(built, ELBO(num_samples=3), x)
    gradients = {name: gradient.clone() for name, gradient in gradients.items() if gradient is not None}
    for group_size in (1, 2):
        loss, found = parts.loss_and_gradients(built, FreeBits(0.0, group_size=group_size, num_samples=3), x)
        torch.testing.assert_close(loss.value, expected.value)
        torch.testing.assert_close({name: found[name] for name in gradients}, gradients)


def test_info_without_its_divergence_is_the_elbo() -> None:
    agrees(InfoVAE(alpha=0.0, mmd_weight=1.0), ELBO())


@pytest.mark.parametrize("objective", [WassersteinMMD(0.0), SlicedWasserstein(0.0)])
def test_without_its_distance_a_wasserstein_autoencoder_has_the_distortion_alone(objective: Objective) -> None:
    agrees(objective, Beta(0.0))


def test_weights_in_beta_tc_price_its_parts() -> None:
    """MI + TC + DW is the Monte Carlo rate; with weights, loss - plain loss is their weighted sum."""
    model, x = small_model()
    loss, _ = parts.loss_and_gradients(model, BetaTC(100, beta=3.0, alpha=0.5, gamma=2.0, sampling="stratified"), x)
    torch.manual_seed(0)
    trace = model.trace(x)
    parts_of_rate = [loss.terms[name] for name in ("mutual_information", "total_correlation", "dimension_wise_kl")]
    torch.testing.assert_close(sum(parts_of_rate), (trace.log_px - trace.log_w()).mean())
    extra = -0.5 * parts_of_rate[0] + 2 * parts_of_rate[1] + parts_of_rate[2]
    torch.testing.assert_close(loss.value.detach(), -loss.terms["elbo"] + extra)


def test_total_correlation_scores_each_sample_under_each_posterior() -> None:
    model, x = small_model()
    loss, _ = parts.loss_and_gradients(model, BetaTC(6, beta=2.0, sampling="stratified"), x)
    torch.manual_seed(0)
    latent = model.trace(x).latents[0]
    distribution = latent.q.base_dist  # type: ignore[attr-defined]
    total = 0.0
    for z in latent.z[0]:
        densities = Normal(distribution.loc, distribution.scale).log_prob(z).exp()  # (B, D)
        total += (densities.prod(1).mean().log() - densities.mean(0).log().sum()).item() / len(x)
    assert loss.terms["total_correlation"].item() == pytest.approx(total)


@pytest.mark.parametrize("sampling", ["weighted", "stratified"])
def test_the_parts_of_the_rate_are_not_shifted(sampling: Any) -> None:
    """Where all posteriors are one, with independent units, that is q(z): MI and TC are 0, and DW is the rate."""
    model, x = small_model()
    x = x[:1].expand(6, *x.shape[1:])
    loss, _ = parts.loss_and_gradients(model, BetaTC(1000, beta=1.0, sampling=sampling, num_samples=4000), x)
    assert loss.terms["mutual_information"].item() == pytest.approx(0, abs=1e-9)
    assert loss.terms["total_correlation"].item() == pytest.approx(0, abs=1e-9)
    assert loss.terms["dimension_wise_kl"].item() == pytest.approx(loss.terms["rate"].item(), rel=0.05)


def test_beta_and_capacity_by_hand() -> None:
    """KL(N(1, .5^2) || N(0, 1)) = .8181472."""
    model, _ = exact.conjugate_gaussian(1.0, 0.5)
    rate, x = 0.8181472, exact.image(0.3, 2)
    for objective, price in (
        (Beta(4.0), 4 * rate),
        (Capacity(10.0, 2.0), 10 * (2.0 - rate)),
        (Capacity(10.0, 0.5), 10 * (rate - 0.5)),
    ):
        loss = objective(model, x)
        assert (loss.value - loss.terms["distortion"]).item() == pytest.approx(price, abs=1e-5)
        assert loss.terms["rate"].item() == pytest.approx(rate, abs=1e-6)


class Rates(torch.nn.Module):
    """An encoder whose units have the rates 1/2 and 1/8 for the first image, 2 and 0 for the second (unit variance)."""

    def __init__(self) -> None:
        super().__init__()
        self.means = torch.nn.Parameter(torch.tensor([[1.0, 0.5], [2.0, 0.0]]).double())

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.means, torch.zeros_like(self.means)], -1)


@pytest.mark.parametrize(
    ("free_nats", "group_size", "charged", "paid"),
    [(0.5, 1, 1.25 + 0.5, [True, False]), (2.0, 1, 4.0, [False, False]), (1.3, 2, 1.3125, [True, True])],
)
def test_free_bits_by_hand(free_nats: float, group_size: int, charged: float, paid: list[bool]) -> None:
    """Over the batch the units' rates are 1.25 and .0625; below the floor they have no gradient."""
    config, mean = composed("latent_dim=2"), torch.full(parts.IMAGE_SHAPE, 0.3)
    model = build.model(config, parts.IMAGE_SHAPE, mean).double()
    model.encoder = encoder = Rates()
    x = parts.images(model, 2, torch.float64)
    objective = FreeBits(free_nats, group_size=group_size)
    assert objective(model, x).terms["charged_rate"].item() == pytest.approx(charged)
    plain, priced = (gradient_at_means(loss_of, model, x, encoder) for loss_of in (Beta(0.0), objective))
    assert ((priced - plain).abs().sum(0) > 1e-9).tolist() == paid


def gradient_at_means(objective: Objective, model: LatentModel, x: Tensor, encoder: Rates) -> Tensor:
    """The gradient of a loss at the posterior means, under fixed noise."""
    torch.manual_seed(0)
    (gradient,) = torch.autograd.grad(objective(model, x).value, [encoder.means])
    return gradient


def test_kl_of_each_dimension_sums_to_the_kl() -> None:
    torch.manual_seed(0)
    q, p = (Independent(Normal(torch.randn(5, 3), torch.rand(5, 3) + 0.1), 1) for _ in range(2))
    each = kl.per_dimension(q, p)
    assert each.shape == (5, 3)
    torch.testing.assert_close(each.sum(-1), torch.distributions.kl_divergence(q, p))
    with pytest.raises(TypeError, match="independent normal units"):
        kl.per_dimension(CholeskyNormal(torch.zeros(2), torch.ones(2), torch.zeros(2, 2)), p)


@pytest.mark.parametrize("of_samples", [False, True])
def test_dip_adds_the_variances_of_the_posteriors_in_its_second_form(of_samples: bool) -> None:
    model, x = small_model()
    loss, _ = parts.loss_and_gradients(model, DIP(3.0, 2.0, of_samples=of_samples), x)
    q = model.encode(x)
    covariance = q.mean.T.cov(correction=0) + of_samples * torch.diag(q.variance.mean(0))
    expected = 3 * (covariance - covariance.diag().diag()).square().sum() + 2 * (covariance.diag() - 1).square().sum()
    torch.testing.assert_close(loss.value + loss.terms["elbo"], expected)


def test_info_and_wasserstein_weigh_their_divergence() -> None:
    model, x = small_model()
    info, _ = parts.loss_and_gradients(model, InfoVAE(alpha=0.25, mmd_weight=5.0), x)
    terms = info.terms
    expected = terms["distortion"] + 0.75 * terms["rate"] + 4.25 * terms["mmd"]
    torch.testing.assert_close(info.value.detach(), expected)
    # The codes are drawn first, then the vectors of the prior.
    torch.manual_seed(0)
    z = model.trace(x).latents[0].z[0]
    drawn = torch.randn(6, 3, dtype=torch.float64)
    torch.testing.assert_close(terms["mmd"], divergences.mmd(z, drawn, divergences.rbf, 2.0 * 3).detach())
    wae, _ = parts.loss_and_gradients(model, WassersteinMMD(7.0), x)
    torch.testing.assert_close(wae.value.detach(), wae.terms["distortion"] + 7 * wae.terms["mmd"])


@pytest.mark.parametrize("objective", ["wae_mmd", "swae"])
def test_deterministic_codes_are_drawn_towards_the_prior(objective: str) -> None:
    model, loss_of = parts.model_and_objective(f"objective={objective}", "posterior=delta")
    loss, gradients = parts.loss_and_gradients(model, loss_of, parts.images(model, 5))
    assert loss.value.isfinite()
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients.values())


REFUSED = [
    (["objective=beta", "objective.beta=-1"], "objective.beta=-1: it must be greater than or equal to 0"),
    (["objective=beta", "objective.beta=much"], "objective.beta=much"),
    (["objective=beta_warmup", "objective.beta.steps=0"], "objective.beta.steps=0"),
    (["objective=beta_tc", "+objective.num_images=5"], "vae_lab sets this option"),
    (["objective=free_bits", "posterior=full_covariance"], "choose posterior=diagonal"),
    (["objective=free_bits", "prior=mixture"], "choose prior=standard_normal, or"),
    (["objective=beta_tc", "prior=vamp"], "choose prior=standard_normal, or"),
    (["objective=beta_tc", "model=two_layer"], "choose model=mlp"),
    (["objective=dip_i", "data.batch_size=1"], "data.batch_size=1"),
    (["objective=wae_mmd", "prior=flow"], "choose prior=standard_normal, or"),
    (["objective=info", "posterior=delta"], "or objective="),
]


@pytest.mark.parametrize(("overrides", "message"), REFUSED)
def test_what_does_not_fit_is_refused_in_one_line(overrides: list[str], message: str) -> None:
    with pytest.raises(UserError) as refusal:
        check(composed(*overrides))
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_info_refuses_weights_that_drive_the_codes_away() -> None:
    with pytest.raises(UserError, match="must be at least 1"):
        parts.model_and_objective("objective=info", "objective.mmd_weight=0.5")
