"""What posteriors and priors do, whatever they say: a measurement for each declared attribute."""

import copy
from functools import cache
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.autograd.functional import hessian
from torch.distributions import Distribution
from torch.utils._python_dispatch import TorchDispatchMode

from helpers import parts
from vae_lab.models.latent_model import LatentModel
from vae_lab.posteriors.posterior import Posterior


class CountingOps(TorchDispatchMode):
    """Counts the operations on tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # noqa: ANN001, ANN204
        self.count += 1
        return func(*args, **(kwargs or {}))


def some_params(posterior: Posterior) -> Tensor:
    """What an encoder may give for an image."""
    generator = torch.Generator().manual_seed(0)
    return 0.5 * torch.randn(posterior.param_shape, dtype=torch.float64, generator=generator)


def evaluated(name: str, latent_dim: int = 3) -> Distribution:
    """q(z | x) of one image, as evaluation sees it."""
    torch.manual_seed(0)
    posterior = parts.posterior(name, latent_dim).double().eval()
    return posterior(some_params(posterior))


def space_of(z: Tensor) -> str:
    """Where vectors lie."""
    if ((z == 0) | (z == 1)).all() and (z.sum(-1) == 1).all():
        return "categorical"
    norm = z.norm(dim=-1)
    return "sphere" if torch.allclose(norm, torch.ones_like(norm)) else "real"


def is_diagonal_normal(distribution: Distribution) -> bool:
    """Whether the log-density is a sum of one parabola for each unit: the same diagonal Hessian everywhere."""
    z = torch.randn(2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    if distribution.event_shape != z.shape[1:]:
        return False
    first, second = (hessian(lambda at: distribution.log_prob(at).sum(), point) for point in z)
    expected = first.diagonal().diag()
    return torch.allclose(first, second) and torch.allclose(first, expected) and bool((first.diagonal() < 0).all())


def has_density(name: str) -> bool:
    q = evaluated(name)
    return bool(q.log_prob(q.rsample((100,))).isfinite().all())


def cheap_log_prob(name: str) -> bool:
    """Whether log q at a foreign z takes the same operations in any number of dimensions."""
    counts = []
    for latent_dim in (2, 8):
        q = evaluated(name, latent_dim)
        foreign = q.sample().clone()
        with CountingOps() as ops:
            q.log_prob(foreign)
        counts.append(ops.count)
    return counts[1] < 2 * counts[0]


def reparameterized(name: str) -> bool:
    """Whether the gradient through samples in training is the derivative of a mean over samples, by differences."""
    posterior = parts.posterior(name, 2).double()
    params = some_params(posterior)
    direction = torch.randn(params.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))

    def mean_at(step: Tensor, seed: int) -> Tensor:
        torch.manual_seed(seed)
        z = posterior(params + step * direction).rsample((2000,))
        weights = torch.linspace(-1, 1, z[0].numel(), dtype=torch.float64).reshape(z[0].shape)
        return (2 * weights * z).flatten(1).sum(1).cos().mean()

    errors = []
    for seed in range(10):
        step = torch.zeros((), dtype=torch.float64, requires_grad=True)
        (gradient,) = torch.autograd.grad(mean_at(step, seed), step)
        near, far = (mean_at(step + size, seed) - mean_at(step - size, seed) for size in (0.05, 0.1))
        errors.append((gradient - (8 * near - far) / 0.6).item())  # a difference of fourth order
    error = torch.tensor(errors)
    return bool(error.mean().abs() <= 5 * error.std() / len(errors) ** 0.5 + 1e-3)


def relaxed(name: str) -> bool:
    """Whether samples in training lie elsewhere than those in evaluation."""
    posterior = parts.posterior(name, 3).double()
    params = some_params(posterior)
    spaces = [space_of(posterior.train(training)(params).rsample((50,))) for training in (True, False)]
    return spaces[0] != spaces[1]


def min_latent_dim(name: str) -> int:
    """The fewest dimensions in which samples vary, lie where those of many dimensions do, and have a gradient."""
    space = space_of(evaluated(name, 9).sample((20,)))
    for latent_dim in range(1, 10):
        with mock.patch.object(type(parts.posterior(name, 9)), "min_latent_dim", 0):
            posterior = parts.posterior(name, latent_dim).double()
        params = some_params(posterior).requires_grad_()
        try:
            q = posterior(params)
            z = q.rsample((20,))
            log_q = q.log_prob(z)
            (z.sum() + log_q.nan_to_num(posinf=0).sum()).backward()
        except (RuntimeError, ValueError):
            continue
        assert params.grad is not None
        varies = bool((z != z[0]).any()) or bool((log_q == torch.inf).all())  # what has no density has one value
        in_space = space_of(posterior.eval()(params).sample((20,))) == space
        if varies and in_space and z.isfinite().all() and params.grad.isfinite().all():
            return latent_dim
    raise AssertionError(f"{name} works in no number of dimensions")


@cache
def built(name: str) -> LatentModel:
    """A model with a prior of `conf/`, for copies."""
    return parts.model_and_objective(f"prior={name}")[0].double()


def with_prior(name: str) -> tuple[LatentModel, Distribution]:
    """A model with a prior of `conf/`, and the distribution p(z) of one image."""
    model: Any = copy.deepcopy(built(name))
    return model, model.prior(parts.second_class().double() if prior_needs_labels(name) else None)


def prior_needs_labels(name: str) -> bool:
    """Whether there is no p(z) without a class."""
    model: Any = built(name)
    try:
        model.prior(None)
    except ValueError:
        return True
    return False


def learns(name: str, part: str) -> bool:
    """Whether log p(z) has a gradient at a parameter of a part of the model, by the start of its name."""
    model, p = with_prior(name)
    z = p.sample()
    log_p = p.log_prob(z + 0.1)
    if log_p.requires_grad:
        log_p.sum().backward()
    return any(
        parameter.grad is not None and bool(parameter.grad.any())
        for key, parameter in model.named_parameters()
        if key.removeprefix("model.").startswith(part)
    )


def prior_is_fixed(name: str) -> bool:
    _, p = with_prior(name)
    return not learns(name, "") and not prior_needs_labels(name) and space_of(p.sample((50,))) != "categorical"


POSTERIOR_MEASURES = {
    "space": lambda name: space_of(evaluated(name).sample((50,))),
    "has_density": has_density,
    "cheap_log_prob": cheap_log_prob,
    "reparameterized": reparameterized,
    "relaxed": relaxed,
    "is_diagonal": lambda name: is_diagonal_normal(evaluated(name)),
    "min_latent_dim": min_latent_dim,
}

PRIOR_MEASURES = {
    "space": lambda name: space_of(with_prior(name)[1].sample((50,))),
    "is_diagonal": lambda name: is_diagonal_normal(with_prior(name)[1]),
    "is_fixed": prior_is_fixed,
    "needs_labels": prior_needs_labels,
    "scores_posteriors": lambda name: learns(name, "encoder"),
}
