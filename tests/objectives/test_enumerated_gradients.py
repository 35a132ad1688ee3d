"""Objectives whose samples are held fixed, against enumeration where z is discrete."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from helpers import parts
from helpers.composed import composed
from vae_lab import build
from vae_lab.maths import bounds, score_function, wake_sleep
from vae_lab.models.latent_model import LatentModel
from vae_lab.objectives.objective import Objective
from vae_lab.objectives.score_function import ConstantBaseline, LearnedBaseline, LeaveOneOut, WithoutBaseline
from vae_lab.objectives.vimco import VIMCO
from vae_lab.objectives.wake_sleep import ReweightedWakeSleep, WakeSleep

# Two variables of three values, under images of four binary pixels: all can be enumerated.
TINY = (1, 2, 2)
PIXELS = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * 4).reshape(-1, *TINY)
STATES, _ = parts.grid_of_space("categorical", (2, 3))


def discrete_model() -> LatentModel:
    overrides = ["posterior=categorical", "posterior.num_categories=3", "prior=uniform_categorical", "latent_dim=2"]
    overrides += ["objective=vimco", "model.hidden_sizes=[5]"]
    model = build.model(composed(*overrides), TINY, torch.full(TINY, 0.4)).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2.0)  # laws far from uniform
    return model


def log_components(model: LatentModel, x: Tensor) -> tuple[Tensor, Tensor]:
    """log p(x, z) and log q(z | x) of images at all states, (9, B) each."""
    z = STATES.unsqueeze(1).expand(-1, len(x), -1, -1)
    return model.log_joint(x, [z]), model.log_posterior(x, [z])


def gradient(scalar: Tensor, model: LatentModel) -> Tensor:
    """The gradient at all parameters as one vector; of a parameter that takes no part, zeros."""
    found = torch.autograd.grad(scalar, [*model.parameters()], allow_unused=True, retain_graph=True)
    pairs = zip(found, model.parameters(), strict=True)
    return torch.cat([(torch.zeros_like(p) if grad is None else grad).flatten() for grad, p in pairs])


def over_tuples(
    model: LatentModel, num_samples: int, value: Callable[[Tensor, Tensor], Tensor], *, with_q: bool
) -> Tensor:
    """E[value] over all K-tuples of states under q, a scalar; `with_law`, differentiable in their probabilities."""
    log_joint, log_q = (of.squeeze(1) for of in log_components(model, PIXELS[5:6]))  # (9,) each
    tuples = torch.cartesian_prod(*[torch.arange(len(STATES))] * num_samples).reshape(-1, num_samples).T  # (K, 9^K)
    probabilities = log_q[tuples].sum(0).exp()
    weights = probabilities if with_q else probabilities.detach()
    return (weights * value(log_joint[tuples], log_q[tuples])).sum()


def exact_elbo(log_joint: Tensor, log_q: Tensor) -> Tensor:
    return bounds.monte_carlo_elbo(log_joint - log_q)


def exact_bound(log_joint: Tensor, log_q: Tensor) -> Tensor:
    return bounds.importance_weighted(log_joint - log_q)


def with_baseline(of: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda log_joint, log_q: score_function.elbo(log_joint, log_q, of(log_joint - log_q))


@pytest.mark.parametrize(
    ("num_samples", "estimator", "exact"),
    [
        (1, with_baseline(lambda log_w: log_w.new_zeros(())), exact_elbo),
        (1, with_baseline(lambda log_w: log_w.new_tensor(-7.0)), exact_elbo),
        (3, with_baseline(score_function.mean_of_others), exact_elbo),
        (2, score_function.vimco, exact_bound),
        (3, score_function.vimco, exact_bound),
    ],
    ids=["none", "constant", "leave_one_out", "vimco_2", "vimco_3"],
)
def test_mean_gradient_is_that_of_the_enumerated_bound(
    num_samples: int, estimator: Callable[[Tensor, Tensor], Tensor], exact: Callable[[Tensor, Tensor], Tensor]
) -> None:
    """For p and q, with no noise left: the mean over all tuples of samples."""
    model = discrete_model()
    estimated = over_tuples(model, num_samples, estimator, with_q=False)
    bound = over_tuples(model, num_samples, exact, with_q=True)
    torch.testing.assert_close(estimated, bound)
    torch.testing.assert_close(gradient(estimated, model), gradient(bound, model))


def wake_gradient(model: LatentModel, num_samples: int) -> Tensor:
    """The gradient of the enumerated bound of K samples, for p alone."""
    return gradient(
        over_tuples(model, num_samples, lambda log_joint, q: exact_bound(log_joint, q.detach()), with_q=False),
        model,
    )


def sleep_gradient(model: LatentModel) -> Tensor:
    """The gradient of E_p(x,z)[log q(z | x)] for q, over all states and images."""
    log_joint, log_q = log_components(model, PIXELS)  # (9, 16) each
    torch.testing.assert_close(log_joint.exp().sum(), torch.ones((), dtype=torch.float64))
    return gradient((log_joint.exp().detach() * log_q).sum(), model)


def reweighted_gradient(model: LatentModel) -> Tensor:
    """What q learns in the wake phase of two samples: E[sum_k u_k d log q(z_k | x)]."""

    def value(log_joint: Tensor, log_q: Tensor) -> Tensor:
        w = (log_joint - log_q).exp().detach()
        return (w * log_q).sum(0) / w.sum(0)

    return gradient(over_tuples(model, 2, value, with_q=False), model)


OBJECTIVES: list[tuple[Objective, Callable[[LatentModel], Tensor]]] = [
    (WithoutBaseline(2), lambda model: gradient(over_tuples(model, 1, exact_elbo, with_q=True), model)),
    (ConstantBaseline(), lambda model: gradient(over_tuples(model, 1, exact_elbo, with_q=True), model)),
    (
        LearnedBaseline(TINY).double(),
        lambda model: gradient(over_tuples(model, 1, exact_elbo, with_q=True), model),
    ),
    (LeaveOneOut(2), lambda model: gradient(over_tuples(model, 1, exact_elbo, with_q=True), model)),
    (VIMCO(2), lambda model: gradient(over_tuples(model, 2, exact_bound, with_q=True), model)),
    (WakeSleep(3), lambda model: wake_gradient(model, 1) + sleep_gradient(model)),
    (
        ReweightedWakeSleep(2, wake_weight=0.7, sleep_weight=0.4),
        lambda model: wake_gradient(model, 2) + 0.7 * reweighted_gradient(model) + 0.4 * sleep_gradient(model),
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("objective", "exact"), OBJECTIVES, ids=[type(objective).__name__ for objective, _ in OBJECTIVES]
)
def test_objective_has_the_enumerated_mean_gradient(
    objective: Objective, exact: Callable[[LatentModel], Tensor]
) -> None:
    """The whole objective on one image, for p and q, by its own samples."""
    torch.manual_seed(0)
    model = discrete_model()
    x = PIXELS[5:6].expand(400, *TINY)
    drawn = torch.stack([-gradient(objective(model, x).value, model) for _ in range(100)])
    parts.close(drawn, exact(model))
    assert exact(model).abs().max() > 10 * drawn.std(0).mean() / 100**0.5, "too noisy to tell"


def test_reweighted_cross_entropy_tends_to_that_of_the_posterior() -> None:
    """With all of z among the samples, each as often as q draws it, the weights are the posterior."""
    log_joint, log_q = log_components(discrete_model(), PIXELS[5:6])
    posterior = log_joint.softmax(0)
    # One state each, under a uniform q: the weights are then those of p alone.
    uniform = torch.full_like(log_q, -math.log(len(STATES)))
    estimate = wake_sleep.reweighted_cross_entropy(log_joint, uniform)
    torch.testing.assert_close(estimate, -(posterior * uniform).sum(0))


def test_the_learned_baseline_is_trained_by_its_error_and_nothing_else_is() -> None:
    torch.manual_seed(0)
    model, objective = discrete_model(), LearnedBaseline(TINY).double()
    torch.manual_seed(1)
    loss = objective(model, PIXELS)
    torch.manual_seed(1)
    trace = model.trace(PIXELS, reparameterize=False)
    baseline = objective.network(PIXELS).squeeze(-1)  # before any batch was seen, the running mean is 0
    error = (trace.log_w().detach() - baseline).square().mean()
    bound = score_function.elbo(trace.log_joint(), trace.log_q(), baseline).mean()
    torch.testing.assert_close(loss.value, -bound)
    torch.testing.assert_close(loss.terms["baseline_error"], error.detach())
    torch.testing.assert_close(gradient(loss.value, model), gradient(-bound, model))
    network = [*objective.parameters()]
    ours = torch.autograd.grad(loss.value, network)
    torch.testing.assert_close(ours, torch.autograd.grad(error, network))
