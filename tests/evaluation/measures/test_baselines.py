"""What a model is measured beside: principal components, and a mixture of normal laws."""

import math
from dataclasses import replace

import pytest
import torch

from helpers.untrained import context
from vae_lab.evaluation.measures.gaussian_mixture import GaussianMixture
from vae_lab.evaluation.measures.reconstruction import Reconstruction, squared_error_of_pca


def test_pca_leaves_what_the_discarded_eigenvalues_say() -> None:
    torch.manual_seed(0)
    x = torch.randn(500, 6, dtype=torch.float64) @ torch.randn(6, 6, dtype=torch.float64) + 3.0
    discarded = torch.linalg.eigvalsh(torch.cov(x.T, correction=0))[:4].sum()
    torch.testing.assert_close(squared_error_of_pca(x, x, 2).mean(), discarded)
    assert squared_error_of_pca(x, x, 6).max() == 0


def test_an_untrained_linear_code_is_worse_than_principal_components() -> None:
    """Its reconstructions are those that the pictures show, whatever fits into memory."""
    given = context("likelihood=gaussian", "model=linear")
    figures = Reconstruction()(given)
    x = given.images.x
    means = given.model.decode(given.model.code(x)).mean
    assert figures["squared_error"].value == pytest.approx((means - x).square().sum().item() / len(x), rel=1e-5)
    assert figures["squared_error_pca"].value < figures["squared_error"].value
    assert Reconstruction()(replace(given, max_rows=7))["squared_error"].value == pytest.approx(
        figures["squared_error"].value
    )


def test_one_component_is_the_normal_law_of_the_training_images() -> None:
    given = context("likelihood=gaussian", "data.dequantize=uniform")
    figures = GaussianMixture(num_components=1)(given)
    training, images = (part.x.flatten(1).double() for part in (given.training, given.images))
    covariance = torch.cov(training.T, correction=0) + 1e-4 * torch.eye(64)
    distribution = torch.distributions.MultivariateNormal(training.mean(0), covariance)
    nll = -distribution.log_prob(images).mean().item()
    assert figures["nll"].value == pytest.approx(nll, rel=1e-6)
    assert figures["bits_per_dim"].value == pytest.approx(nll / 64 / math.log(2) + 8)


def test_a_mixture_of_densities_is_no_probability_of_levels() -> None:
    assert str(GaussianMixture().unavailable_reason(context())).startswith(
        "the run's likelihood is a probability of levels"
    )
    assert str(Reconstruction().unavailable_reason(context(split="train"))).startswith("these are training images")
