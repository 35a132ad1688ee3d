"""Scores of samples and of rankings against closed forms."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

from helpers import parts
from vae_lab.evaluation.scores import samples
from vae_lab.evaluation.scores.neighbours import distance_to_nearest
from vae_lab.evaluation.scores.ranking import auroc


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def exactly(mean: Tensor, covariance: Tensor, seed: int) -> Tensor:
    """Points whose own mean and covariance are those given."""
    points = normal(50, len(mean), seed=seed)
    points = points - points.mean(0)
    white = points @ torch.linalg.inv(torch.linalg.cholesky(points.T.cov())).T
    return white @ torch.linalg.cholesky(covariance).T + mean


def test_frechet_distance_of_two_normals() -> None:
    """In two dimensions tr (AB)^(1/2) = (tr AB + 2 (det AB)^(1/2))^(1/2); A and B do not commute."""
    first = torch.tensor([[2.0, 0.7], [0.7, 1.0]], dtype=torch.float64)
    second = torch.tensor([[1.0, -0.4], [-0.4, 3.0]], dtype=torch.float64)
    means = torch.tensor([[0.0, 1.0], [2.0, -1.0]], dtype=torch.float64)
    product = first @ second
    root = math.sqrt(product.trace().item() + 2 * math.sqrt(torch.linalg.det(product).item()))
    exact = 8 + first.trace().item() + second.trace().item() - 2 * root
    found = samples.frechet_distance(exactly(means[0], first, 0), exactly(means[1], second, 1))
    assert found == pytest.approx(exact, abs=1e-10)


def test_frechet_distance_of_features_that_span_no_volume() -> None:
    flat = torch.cat([normal(100, 3), torch.zeros(100, 2, dtype=torch.float64)], 1)
    assert samples.frechet_distance(flat, flat) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("shift", "exact"), [(0.0, 0.0), (1.0, 3 * 1 + 3 * 1 + 4**2)])
def test_kernel_distance_is_unbiased_and_knows_its_error(shift: float, exact: float) -> None:
    """In one dimension (xy + 1)^3 compares the first three moments, with weights 3, 3 and 1."""
    found = [
        samples.kernel_distance(normal(100, 1, seed=2 * n) + shift, normal(100, 1, seed=2 * n + 1)) for n in range(300)
    ]
    values, errors = torch.tensor(found, dtype=torch.float64).T
    parts.close(values, exact)
    assert errors.square().mean().sqrt() == pytest.approx(values.std().item(), rel=0.2)


def test_precision_and_recall() -> None:
    points = normal(300, 4)
    assert samples.precision_recall(points, points) == (1.0, 1.0)
    assert samples.precision_recall(points + 100, points) == (0.0, 0.0)
    # Samples of one of two far modes: all of them are among the real ones, of which they cover one half.
    precision, recall = samples.precision_recall(points, torch.cat([points, points + 100]))
    assert (precision, recall) == (1.0, 0.5)


def test_distance_to_nearest() -> None:
    references, images = normal(500, 1, 4, 4), normal(100, 1, 4, 4, seed=1)
    exact = torch.cdist(images.flatten(1), references.flatten(1)).min(1).values
    torch.testing.assert_close(distance_to_nearest(images, references), exact)
    copies = references[:7].float()
    assert not distance_to_nearest(copies, references.float()).any()


def test_memory_bounds_no_distance(monkeypatch: pytest.MonkeyPatch) -> None:
    references, images = normal(50, 1, 4, 4), normal(10, 1, 4, 4, seed=1)
    whole = distance_to_nearest(images, references), samples.precision_recall(normal(50, 4), normal(50, 4, seed=1))
    monkeypatch.setattr("vae_lab.evaluation.scores.neighbours.DISTANCES_AT_ONCE", 1)
    monkeypatch.setattr(samples, "ROWS_AT_ONCE", 7)
    torch.testing.assert_close(distance_to_nearest(images, references), whole[0])
    assert samples.precision_recall(normal(50, 4), normal(50, 4, seed=1)) == whole[1]


def test_auroc() -> None:
    assert auroc(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == (1.0, 0.0)
    assert auroc(np.array([0.0, 1.0]), np.array([2.0, 3.0])) == (0.0, 0.0)
    assert auroc(np.ones(5), np.ones(4)).value == 0.5
    rounded = [np.round(normal(n, seed=n).numpy(), 1) for n in (70, 90)]  # with ties
    truth = np.repeat([1, 0], [70, 90])
    assert auroc(rounded[0] + 0.5, rounded[1]).value == pytest.approx(
        roc_auc_score(truth, np.concatenate([rounded[0] + 0.5, rounded[1]]))
    )


def test_auroc_of_two_normals_and_its_error() -> None:
    """P(x > y) = Phi(d / sqrt 2) for unit normals at a distance of d."""
    found = [auroc(normal(80, seed=2 * n).numpy() + 1, normal(60, seed=2 * n + 1).numpy()) for n in range(300)]
    values, errors = torch.tensor(found, dtype=torch.float64).T
    parts.close(values, 0.5 * (1 + math.erf(0.5)))
    assert errors.square().mean().sqrt() == pytest.approx(values.std().item(), rel=0.2)
