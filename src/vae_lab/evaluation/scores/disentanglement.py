"""Scores of disentanglement: whether each unit of a code represents one known factor of variation, and vice versa.

Codes are of shape (N, D). Factors are integers of shape (N, F), and no factor is constant. A score is 1 for a code
whose units are the factors, and 0 for a code that is independent of them.
"""

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

NUM_BINS = 20
NUM_TREES = 20


def mutual_information_gap(codes: Array, factors: Array, num_bins: int = NUM_BINS) -> float:
    r"""Return the mutual information gap (MIG): how much more the best unit says about a factor than the second best.

        1/F sum_f [I(z_j; v_f) - max_{i != j} I(z_i; v_f)] / H(v_f),   j = argmax_i I(z_i; v_f)

    Chen et al. 2018, equation 6, https://arxiv.org/abs/1802.04942. Each unit is first discretised into `num_bins` bins
    of equal width between its smallest and its largest value, as in Locatello et al. 2019,
    https://arxiv.org/abs/1811.12359; I and H are computed from the counts. With N codes, the counts of two
    independent variables have an expected mutual information of about (bins - 1) (values - 1) / 2N nats.

    Args:
        codes: of shape (N, D).
        factors: of shape (N, F).
        num_bins: the number of bins.
    """
    from sklearn.metrics import mutual_info_score

    binned = np.stack([in_bins(unit, num_bins) for unit in codes.T])
    information = np.array([[mutual_info_score(unit, factor) for factor in factors.T] for unit in binned])  # (D, F)
    entropies = np.array([mutual_info_score(factor, factor) for factor in factors.T])
    return float((gap(information) / entropies).mean())


def in_bins(unit: Array, num_bins: int) -> Array:
    """Return the bin of each value, of `num_bins` of equal width."""
    inner_edges = np.linspace(unit.min(), unit.max(), num_bins + 1)[1:-1]
    return np.digitize(unit, inner_edges)


def gap(scores: Array) -> Array:
    """Return the best row of scores minus the second best (0 if there is none), (D, F) -> (F,)."""
    second, best = np.sort(np.vstack([np.zeros_like(scores[:1]), scores]), axis=0)[-2:]
    return best - second


class DCI(NamedTuple):
    """Disentanglement, completeness and informativeness.

    Attributes:
        disentanglement: whether each unit is important for one factor only.
        completeness: whether one unit only is important for each factor.
        informativeness: how well the factors are predicted.
    """

    disentanglement: float
    completeness: float
    informativeness: float


def dci(train_codes: Array, train_factors: Array, codes: Array, factors: Array, seed: int) -> DCI:
    r"""Compute disentanglement, completeness and informativeness, by random forests that predict each factor.

        disentanglement = sum_i rho_i (1 - H_F(P_i)),    P_if = R_if / sum_f R_if,   rho_i = sum_f R_if / sum_if R_if
        completeness    = 1/F sum_f (1 - H_D(Q_f)),      Q_if = R_if / sum_i R_if

    Eastwood & Williams 2018, equations 1 to 3, https://openreview.net/forum?id=By-7dz-AZ, where R_if is the importance
    of unit i (the share of impurity that its splits remove) in the forest for factor f, and H_n the entropy with
    logarithms to base n. A unit or factor without any importance counts as 0. Informativeness is the mean over factors
    of the forests' balanced accuracy on the scored images, adjusted for chance: 0 is guessing, 1 is always right (the
    paper uses a regression error instead).

    Args:
        train_codes: the codes that the forests are fitted to, of shape (M, D).
        train_factors: their factors, of shape (M, F).
        codes: the codes that they are scored on, of shape (N, D).
        factors: their factors, of shape (N, F).
        seed: the seed of the forests' bootstrap samples.
    """
    from sklearn.ensemble import RandomForestClassifier

    importances, accuracies = [], []
    for factor, truth in zip(train_factors.T, factors.T, strict=True):
        # Each split may use every unit, so that an irrelevant unit gets no importance by chance.
        forest = RandomForestClassifier(NUM_TREES, max_features=None, min_samples_leaf=5, random_state=seed)
        forest.fit(train_codes, factor)
        importances.append(forest.feature_importances_)
        accuracies.append(adjusted_accuracy(truth, forest.predict(codes)))
    importance = np.stack(importances, axis=1)  # (D, F)
    return DCI(disentanglement(importance), completeness(importance), float(np.mean(accuracies)))


def disentanglement(importance: Array) -> float:
    """Return the weighted mean over units of 1 - the entropy of their importances for the factors, given as (D, F)."""
    weights = importance.sum(1)
    return float(concentration(importance) @ weights / weights.sum()) if weights.any() else 0.0


def completeness(importance: Array) -> float:
    """Return the mean over factors of 1 - the entropy of the units' importances for them, given as (D, F)."""
    return float(concentration(importance.T).mean())


def concentration(rows: Array) -> Array:
    """Return 1 - the entropy of each row, normalised to sum 1, with logarithms to its length's base; 0 for zero rows.

    >>> concentration(np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 0.0]])).tolist()
    [1.0, 0.0, 0.0]
    """
    totals = rows.sum(1, keepdims=True)
    if rows.shape[1] == 1:
        return (totals[:, 0] > 0).astype(np.float64)
    shares = np.where(totals > 0, rows, 1.0) / np.where(totals > 0, totals, rows.shape[1])
    logs = np.log(np.where(shares > 0, shares, 1.0))
    return 1 + (shares * logs).sum(1) / np.log(rows.shape[1])


def sap(train_codes: Array, train_factors: Array, codes: Array, factors: Array) -> float:
    r"""Return the separated attribute predictability (SAP): the lead of the best unit in predicting a factor.

        1/F sum_f [S_jf - max_{i != j} S_if],   j = argmax_i S_if

    Kumar et al. 2018, section 3, https://arxiv.org/abs/1711.00848. S_if is the balanced accuracy, adjusted for chance,
    of predicting factor f by thresholds on unit i, one fewer than the factor has values: the paper's score of
    categorical factors, used here for all. A greedy tree finds the thresholds.

    Args:
        train_codes: the codes that the thresholds are fitted to, of shape (M, D).
        train_factors: their factors, of shape (M, F).
        codes: the codes that they are scored on, of shape (N, D).
        factors: their factors, of shape (N, F).
    """
    from sklearn.tree import DecisionTreeClassifier

    scores = np.zeros((codes.shape[1], factors.shape[1]))
    for f, (factor, truth) in enumerate(zip(train_factors.T, factors.T, strict=True)):
        for i in range(codes.shape[1]):
            tree = DecisionTreeClassifier(max_leaf_nodes=len(np.unique(factor)), class_weight="balanced")
            tree.fit(train_codes[:, [i]], factor)
            scores[i, f] = adjusted_accuracy(truth, tree.predict(codes[:, [i]]))
    return float(gap(scores).mean())


def adjusted_accuracy(truth: Array, predicted: Array) -> float:
    """Return the balanced accuracy, the mean over classes of the share predicted right, rescaled so that chance is 0.

    (accuracy - 1/n) / (1 - 1/n)  of n classes; 1 is perfect.
    """
    right = [float((predicted[truth == value] == value).mean()) for value in np.unique(truth)]
    chance = 1 / len(right)
    return (float(np.mean(right)) - chance) / (1 - chance)
