"""The measures of likelihood, against a model whose every figure has a closed form."""

import math
from dataclasses import replace

import pytest
import torch

from helpers import parts
from helpers.composed import composed
from helpers.exact import LinearGaussian
from helpers.measuring import agrees, context
from vae_lab.configuration.check import check_part
from vae_lab.configuration.paths import conf_dir
from vae_lab.evaluation import blocks as evaluation_blocks
from vae_lab.evaluation.measure import Measure
from vae_lab.evaluation.measures.active_units import ActiveUnits
from vae_lab.evaluation.measures.ais import AnnealedImportanceSampling
from vae_lab.evaluation.measures.amortisation import Amortisation
from vae_lab.evaluation.measures.elbo import Bounds
from vae_lab.evaluation.measures.marginal_likelihood import MarginalLikelihood
from vae_lab.evaluation.measures.nll import NLL
from vae_lab.evaluation.measures.surgery import Surgery
from vae_lab.maths import aggregate
from vae_lab.maths.importance import ImportanceWeights

MEASURES: dict[str, Measure] = {
    "bounds": Bounds(num_samples=5),
    "nll": NLL(num_samples=120),
    "surgery": Surgery(),
    "active_units": ActiveUnits(num_samples=8),
    "ais": AnnealedImportanceSampling(num_images=4, num_chains=2, num_steps=7, num_leapfrog=3),
    "amortisation": Amortisation(num_images=4, num_steps=5, num_samples=20),
    "marginal_likelihood": MarginalLikelihood(num_images=4, num_samples=9, num_transitions=1),
}


def test_an_exact_posterior_gives_the_exact_likelihood_with_any_number_of_samples() -> None:
    """Then every weight is p(x): a wrong sign, a mean over pixels or a lost constant has nowhere to hide."""
    case = LinearGaussian()
    x = case.images(50)
    figures = NLL(num_samples=30)(context(case.model(), x))
    exact = case.nll(x).mean().item()
    for name in ("nll", "nll_at_1", "nll_at_10"):
        assert figures[name].value == pytest.approx(exact, abs=1e-7)
    assert figures["nll"].standard_error == pytest.approx(case.nll(x).std().item() / math.sqrt(50), abs=1e-7)
    assert figures["effective_sample_size_min"].value == pytest.approx(30)
    # Spread over cells of volume 256^-6.
    assert figures["bits_per_dim"].value == pytest.approx(exact / (6 * math.log(2)) + 8, abs=1e-7)
    assert figures["bits_per_dim"].standard_error == pytest.approx(
        figures["nll"].standard_error / (6 * math.log(2)),
        abs=1e-7,  # type: ignore[operator]
    )
    bounds = Bounds(num_samples=200)(context(case.model(), x))
    assert bounds["elbo"].value == pytest.approx(-exact, abs=0.1)
    assert bounds["rate"].value == pytest.approx(case.rate(x).mean().item(), abs=1e-7)
    assert bounds["bits_per_dim"].value == pytest.approx(-bounds["elbo"].value / (6 * math.log(2)) + 8, abs=1e-7)


@pytest.mark.slow
def test_a_poor_posterior_costs_its_divergence_and_many_samples_make_it_good() -> None:
    case = LinearGaussian(angle=1.0, shift=0.3, growth=1.5)
    x = case.images(300)
    exact = case.nll(x).mean().item()
    noise = []
    for seed in range(5):
        here = context(case.model(), x, seed)
        nll, bounds = NLL(num_samples=2000)(here), Bounds(num_samples=100)(here)
        noise.append(
            torch.tensor([nll["nll"].value, -bounds["elbo"].value - case.gap(), nll["nll_at_1"].value - case.gap()])
        )
        curve = [nll[name].value for name in ("nll_at_1", "nll_at_10", "nll_at_100", "nll_at_1000")]
        assert sorted(curve, reverse=True) == curve, "the bound rises with the number of samples"
        assert curve[-1] > exact - 0.02
        assert 1 < nll["effective_sample_size_min"].value < nll["effective_sample_size"].value < 2000
        assert bounds["elbo"].value == pytest.approx(-(bounds["rate"].value + bounds["distortion"].value))
    parts.close(torch.stack(noise), exact)


def test_a_figure_states_its_error_over_images() -> None:
    """Against the mean over all images that there could be: the entropy of p(x)."""
    case = LinearGaussian(shift=0.3)
    entropy = 0.5 * (case.covariance.logdet().item() + 6 * math.log(2 * math.pi * math.e))
    here = context(case.model(), case.images(2000))
    nll = NLL(num_samples=100)(here)["nll"]
    agrees(nll, entropy)
    assert nll.standard_error is not None
    assert 0.03 < nll.standard_error < 0.05  # sqrt(6 / 2) / sqrt(2000) = 0.039
    agrees(Bounds()(here)["elbo"], -entropy - case.gap())
    assert (nll.num_images, nll.num_samples) == (2000, 100)


@pytest.mark.parametrize("case", [LinearGaussian(), LinearGaussian(angle=0.7, shift=0.4, growth=1.6)])
def test_surgery_of_the_rate(case: LinearGaussian) -> None:
    x = case.images(1500)
    figures = Surgery(num_samples=2)(context(case.model(), x))
    slack = 0.01  # the aggregate posterior is that of 1500 images, not of all
    agrees(figures["mutual_information"], case.mutual_information(), slack)
    agrees(figures["marginal_kl"], case.marginal_kl(), slack)
    agrees(figures["total_correlation"], case.total_correlation(), slack)
    assert figures["rate"].value == pytest.approx(
        figures["mutual_information"].value + figures["marginal_kl"].value, abs=1e-7
    )
    assert figures["marginal_kl"].value == pytest.approx(
        figures["total_correlation"].value + figures["dimension_wise_kl"].value, abs=1e-7
    )
    assert figures["rate_of_units"].value == pytest.approx(case.rate(x).mean().item(), abs=1e-7)
    units = figures["rate_of_units"].details["units"]  # type: ignore[index]
    assert sum(units) == pytest.approx(figures["rate_of_units"].value)  # type: ignore[call-overload]
    agrees(figures["rate"], case.rate(x).mean().item())


def test_the_mutual_information_of_codes_apart_is_the_logarithm_of_their_number() -> None:
    case = LinearGaussian()
    case.slope, case.v = case.slope * 1e4, case.v * 1e-6
    figures = Surgery()(context(case.model(), case.images(64)))
    assert figures["mutual_information"].value == pytest.approx(math.log(64), abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("angle", [math.pi / 2, 0.8])
def test_the_two_parts_of_the_inference_gap(angle: float) -> None:
    """The optimum of each image is the best diagonal normal, whatever the encoder says."""
    case = LinearGaussian(angle, shift=0.5, growth=1.5)
    x = case.images(60)
    figures = Amortisation(num_images=60, num_steps=300, num_samples=500)(context(case.model(), x))
    amortisation, approximation = figures["amortisation_gap"], figures["approximation_gap"]
    agrees(amortisation, case.gap() - case.approximation_gap(), slack=0.005)
    agrees(approximation, case.approximation_gap(), slack=0.005)
    assert figures["elbo_optimised"].value > figures["elbo"].value
    total = figures["elbo"].value + amortisation.value + approximation.value
    assert -total == pytest.approx(case.nll(x).mean().item(), abs=0.02)


def test_an_optimal_encoder_leaves_no_amortisation_gap() -> None:
    case = LinearGaussian()
    figures = Amortisation(num_images=40, num_steps=30, num_samples=50)(context(case.model(), case.images(40)))
    assert abs(figures["amortisation_gap"].value) < 1e-3
    assert abs(figures["approximation_gap"].value) < 0.02


def test_active_units_are_those_whose_mean_varies() -> None:
    case = LinearGaussian()
    case.slope[1] = 0
    figures = ActiveUnits()(context(case.model(), case.images(2000)))
    estimate = figures["active_units"]
    assert estimate.value == 1
    assert estimate.details is not None
    assert estimate.details["units"] == [0]
    exact = (case.slope @ case.covariance @ case.slope.T).diagonal()
    # The variance of 2000 normal numbers is off by a thirtieth or so.
    assert torch.allclose(torch.tensor(estimate.details["variances"]).double(), exact, rtol=0.15, atol=0.003)
    above = ActiveUnits(threshold=2 * exact[0].item())(context(case.model(), case.images(2000)))
    assert above["active_units"].value == 0


def test_weights_add_up_however_they_come() -> None:
    torch.manual_seed(0)
    log_w = 3 * torch.randn(2345, 4, dtype=torch.float64)
    results = []
    for size in (2345, 1000, 100, 10):
        weights = ImportanceWeights(2345)
        for some in log_w.split(size):
            weights.add(some)
        results.append((weights.curve(), weights.effective_sample_size()))
    curve, effective = results[0]
    assert list(curve) == [1, 10, 100, 1000, 2345]
    assert torch.allclose(curve[1], log_w.mean(0))
    groups = log_w[:2340].unflatten(0, (-1, 10)).logsumexp(1) - math.log(10)
    assert torch.allclose(curve[10], groups.mean(0))
    assert torch.allclose(curve[2345], log_w.logsumexp(0) - math.log(2345))
    assert torch.allclose(effective, log_w.exp().sum(0) ** 2 / (2 * log_w).exp().sum(0))
    for other_curve, other_effective in results[1:]:
        assert all(torch.allclose(other_curve[level], curve[level]) for level in curve)
        assert torch.allclose(other_effective, effective)


@pytest.mark.slow
@pytest.mark.parametrize("name", MEASURES)
def test_a_figure_depends_on_the_seed_and_on_no_memory_bound(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = LinearGaussian(angle=1.0, shift=0.3, growth=1.5)
    here = context(case.model().float(), case.images(30).float())
    monkeypatch.setattr(evaluation_blocks, "BLOCK_BYTES", {"cpu": 10_000})  # several blocks of images and of samples
    figures = MEASURES[name](here)
    monkeypatch.setattr(aggregate, "MAX_DENSITIES", 100)
    monkeypatch.setattr("vae_lab.evaluation.measures.surgery.POSTERIORS_AT_ONCE", 7)
    again = MEASURES[name](replace(here, max_rows=3))
    other = MEASURES[name](replace(here, seed=1))
    assert {figure: estimate.value for figure, estimate in again.items()} == pytest.approx(
        {figure: estimate.value for figure, estimate in figures.items()}, abs=1e-5
    )
    assert any(other[figure].value != estimate.value for figure, estimate in figures.items()) or name == "active_units"


MODELS = [*parts.choices("posterior"), *parts.choices("prior"), "model=two_layer", "model=ladder"]


@pytest.mark.slow
@pytest.mark.parametrize("override", MODELS)
def test_every_model_is_measured_or_told_why_not(override: str) -> None:
    model, _ = parts.model_and_objective(override)
    here = context(model.eval().requires_grad_(False), parts.images(model, 6), config=composed())
    for name, measure in MEASURES.items():
        reason = measure.unavailable_reason(here)
        if reason is not None:
            assert "\n" not in reason
            assert name != "nll" or not model.has_elbo
            continue
        figures = measure(here)
        assert all(math.isfinite(estimate.value) for estimate in figures.values()), name
        assert all(estimate.num_images in (4, 6) for estimate in figures.values())
    if not model.has_elbo:
        assert set(Bounds()(here)) == {"distortion"}


@pytest.mark.parametrize("name", parts.names("measure"))
def test_every_measure_stands_under_its_name(name: str) -> None:
    from omegaconf import OmegaConf

    text = (conf_dir() / "measure" / f"{name}.yaml").read_text()
    assert text.startswith(f"# @package measure.{name}\n")
    node = OmegaConf.to_container(OmegaConf.create(text))
    assert isinstance(node, dict)
    check_part(f"measure.{name}", {str(key): value for key, value in node.items()}, frozenset())
