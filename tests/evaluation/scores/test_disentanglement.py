"""Disentanglement scores: 1 or 0 on codes whose answer is known."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from vae_lab.evaluation.scores import disentanglement as scores

Array = np.ndarray[Any, np.dtype[Any]]

RANDOM = np.random.default_rng(0)
SIZES = (3, 4, 6)
GRID = np.stack(np.meshgrid(*(np.arange(size) for size in SIZES), indexing="ij"), -1).reshape(-1, len(SIZES))
FACTORS = np.tile(GRID, (20, 1))  # every combination equally often, so that factors are exactly independent


def perfect(factors: Array) -> Array:
    """One unit for each factor, in another order and of other sizes, and two units that never change."""
    return np.hstack([np.ones((len(factors), 2)), factors[:, ::-1] * [-0.1, 5.0, 1.0] + 3.0])


def twice(factors: Array) -> Array:
    """Two units for each factor."""
    return np.hstack([perfect(factors), -perfect(factors)])


def constant(factors: Array) -> Array:
    return np.zeros((len(factors), 5))


def noise(factors: Array) -> Array:
    return RANDOM.standard_normal((len(factors), 5))


@pytest.mark.parametrize(("code", "mig"), [(perfect, 1.0), (twice, 0.0), (constant, 0.0)])
def test_mutual_information_gap(code: Callable[[Array], Array], mig: float) -> None:
    np.testing.assert_allclose(scores.mutual_information_gap(code(FACTORS), FACTORS), mig, atol=1e-12)


@pytest.mark.parametrize(("code", "sap"), [(perfect, 1.0), (twice, 0.0), (constant, 0.0)])
def test_sap(code: Callable[[Array], Array], sap: float) -> None:
    found = scores.sap(code(FACTORS), FACTORS, code(GRID), GRID)
    np.testing.assert_allclose(found, sap, atol=1e-12)


@pytest.mark.parametrize(("code", "dci"), [(perfect, 1.0), (constant, 0.0)])
def test_dci(code: Callable[[Array], Array], dci: float) -> None:
    found = scores.dci(code(FACTORS), FACTORS, code(GRID), GRID, seed=0)
    np.testing.assert_allclose(found, dci, atol=1e-12)


def test_noise_scores_nothing() -> None:
    """Within what chance gives 1,440 codes: about 19 x 5 / 2,880 nats of 1.8 to the best unit and the second best."""
    train, held_out = noise(FACTORS), noise(FACTORS)
    assert 0 <= scores.mutual_information_gap(train, FACTORS) < 0.02
    assert abs(scores.sap(train, FACTORS, held_out, FACTORS)) < 0.05
    disentanglement, completeness, informativeness = scores.dci(train, FACTORS, held_out, FACTORS, seed=0)
    assert 0 <= disentanglement < 0.05
    assert 0 <= completeness < 0.05
    assert abs(informativeness) < 0.1


def test_bins_are_of_equal_width() -> None:
    assert scores.in_bins(np.arange(20.0), 20).tolist() == [*range(20)]
    assert scores.in_bins(np.array([0.0, 0.24, 0.26, 0.6, 1.0]), 4).tolist() == [0, 0, 1, 2, 3]


def test_half_the_entropy() -> None:
    """A unit that tells which half of four equally likely values it is knows half of the factor's entropy."""
    factor = np.tile(np.arange(4), 25)[:, None]
    halves = (factor >= 2).astype(float)
    np.testing.assert_allclose(scores.mutual_information_gap(halves, factor), 0.5)
    # Always right about two of four values: an accuracy of 1/2 where guessing has 1/4.
    np.testing.assert_allclose(scores.sap(halves, factor, halves, factor), 1 / 3)


def test_disentanglement_is_of_units_and_completeness_of_factors() -> None:
    one_unit_for_all = np.array([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
    found = scores.disentanglement(one_unit_for_all), scores.completeness(one_unit_for_all)
    assert found == pytest.approx((0.0, 1.0))
    all_units_for_one = np.array([[0.5], [0.5]])
    found = scores.disentanglement(all_units_for_one), scores.completeness(all_units_for_one)
    assert found == pytest.approx((1.0, 0.0))
    # Unit weights 3/4 and 1/4: an unimportant mixed unit counts for less.
    mixed = np.array([[1.5, 0.0], [0.25, 0.25]])
    np.testing.assert_allclose(scores.disentanglement(mixed), 0.75)
