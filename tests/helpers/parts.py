"""Every part that `conf/` names, and small models with one part exchanged: what the contract tests walk."""

import math
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution
from torch.nn.functional import one_hot

from helpers.composed import composed
from vae_lab import build
from vae_lab.configuration.check import plain
from vae_lab.configuration.choices import declaring, targets
from vae_lab.configuration.compatibility import RULES
from vae_lab.configuration.declarations import Space, declaration
from vae_lab.configuration.matching import DEFAULTS, Combination
from vae_lab.configuration.paths import conf_dir
from vae_lab.likelihoods.likelihood import Likelihood
from vae_lab.models.latent_model import JointSample, LatentModel, Trace
from vae_lab.objectives.objective import Loss, Objective
from vae_lab.posteriors.posterior import Posterior
from vae_lab.priors.prior import Prior

IMAGE_SHAPE = (1, 8, 8)
NUM_CLASSES = 3
NUM_IMAGES = 100


def names(group: str) -> list[str]:
    """The choices of a config group."""
    return sorted(path.stem for path in Path(conf_dir(), group).glob("*.yaml"))


def choices(*groups: str) -> list[str]:
    """`group=name` for every choice of the groups."""
    return [f"{group}={name}" for group in groups for name in names(group)]


def with_companions(*overrides: str) -> list[str]:
    """The overrides, and the posterior, prior and objective that fit what the chosen classes declare."""
    given = dict(override.split("=", 1) for override in overrides)
    groups = ("posterior", "prior", "objective")
    free = [group for group in groups if group not in given]
    if "prior" in given and declaration(targets("prior")[given["prior"]], "needs_labels"):
        overrides = (*overrides, "condition=label")
    combination = Combination.of(plain(composed(*overrides)))
    names = [sorted(targets(group), key=lambda name, group=group: (name != DEFAULTS[group], name)) for group in free]
    best, fewest = [], len(RULES)
    for choice in product(*names):
        candidate = combination
        for group, name in zip(free, choice, strict=True):
            candidate = candidate.with_part(group, targets(group)[name])
        broken = sum(rule.is_violated(candidate) for rule in RULES)
        if broken < fewest:
            best, fewest = [f"{group}={name}" for group, name in zip(free, choice, strict=True)], broken
        if not broken:
            break
    return [*overrides, *best]


def likelihood(name: str, image_shape: tuple[int, ...]) -> Likelihood:
    """A likelihood of `conf/`, for images of the given shape, as evaluation sees it."""
    return build.part(composed(f"likelihood={name}"), "likelihood", Likelihood, image_shape=image_shape).eval()


def posterior(name: str, latent_dim: int) -> Posterior:
    """A posterior of `conf/`."""
    return build.part(composed(f"posterior={name}"), "posterior", Posterior, latent_dim=latent_dim)


def prior(name: str, latent_dim: int, dtype: torch.dtype = torch.float32) -> Prior:
    """A prior of `conf/`, out of a model: it may need the encoder."""
    model, _ = model_and_objective(f"latent_dim={latent_dim}", f"prior={name}")
    return model.to(dtype).prior  # type: ignore[return-value]


def model_and_objective(*overrides: str) -> tuple[LatentModel, Objective]:
    """A small model and its objective, as `vae_lab.train` builds them."""
    config = composed("latent_dim=3", *with_companions(*overrides))
    mean = torch.full(IMAGE_SHAPE, 0.3)
    objective = build.objective(config, num_images=NUM_IMAGES, image_shape=IMAGE_SHAPE)
    if objective.trains_in_stages:
        objective.get_buffer("num_batches").fill_(10**6)  # in the last stage, which trains all layers
    if config.condition is None:
        return build.model(config, IMAGE_SHAPE, mean), objective
    return OfOneClass(build.model(config, IMAGE_SHAPE, mean, NUM_CLASSES)), objective


class OfOneClass(LatentModel):
    """A model that is conditioned on the class, where all images are of the second one."""

    def __init__(self, model: LatentModel) -> None:
        super().__init__()
        self.model = model
        self.likelihood = model.likelihood
        self.prior = model.prior
        self.has_encoder, self.has_elbo, self.space = model.has_encoder, model.has_elbo, model.space

    def trace(
        self,
        x: Tensor,
        c: Tensor | None = None,
        *,
        num_samples: int = 1,
        detach_params: bool = False,
        reparameterize: bool = True,
    ) -> Trace:
        return self.model.trace(
            x, second_class(len(x)), num_samples=num_samples, detach_params=detach_params, reparameterize=reparameterize
        )

    def log_prior(self, zs: Sequence[Tensor], c: Tensor | None = None) -> Tensor:
        return self.model.log_prior(zs, second_class(zs[0].shape[-2]))

    def log_posterior(self, x: Tensor, zs: Sequence[Tensor], c: Tensor | None = None) -> Tensor:
        return self.model.log_posterior(x, zs, second_class(len(x)))

    def sample_joint(self, n: int, c: Tensor | None = None) -> JointSample:
        return self.model.sample_joint(n, second_class(n))

    def encode(self, x: Tensor, c: Tensor | None = None) -> Distribution:
        return self.model.encode(x, second_class(len(x)))

    def code(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        return self.model.code(x, second_class(len(x)))

    def decode(self, z: Tensor, c: Tensor | None = None) -> Distribution:
        return self.model.decode(z, second_class(z.shape[-2]))


def second_class(*batch: int) -> Tensor:
    """The second class as one-hot vectors, of shape (*batch, classes)."""
    return torch.eye(NUM_CLASSES)[1].expand(*batch, NUM_CLASSES)


def images(model: LatentModel, num: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Images that lie in the support of the model's likelihood."""
    levels = torch.rand(num, *IMAGE_SHAPE, generator=torch.Generator().manual_seed(0))
    support = model.likelihood.support  # type: ignore[union-attr]
    return (levels.round() if support == "binary" else levels.mul(255).round() / 255).to(dtype)


def loss_and_gradients(
    model: LatentModel, objective: Objective, x: Tensor, step: Any = None
) -> tuple[Loss, dict[str, Tensor | None]]:
    """The loss of a batch under fixed noise, and its gradient at every parameter of the model and the objective."""
    model.zero_grad()
    objective.zero_grad()
    torch.manual_seed(0)
    loss: Loss = (step or objective)(model, x)
    loss.value.backward()
    named = [*model.named_parameters(), *objective.named_parameters(prefix="objective")]
    return loss, {name: parameter.grad for name, parameter in named}


def of_real_vectors(group: str) -> list[str]:
    """The posteriors (or priors) that have a density over real vectors."""
    found = declaring(group, "space", ["real"])
    return found if group == "prior" else [name for name in found if declaration(targets(group)[name], "has_density")]


def grid_of_support(likelihood: Likelihood, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """Points of a pixel's support and their weights, which sum or integrate a density over it: (N,) each."""
    if likelihood.support == "binary":
        return torch.tensor([0.0, 1.0], dtype=dtype), torch.ones(2, dtype=dtype)
    if likelihood.support == "256_levels":
        return torch.arange(256, dtype=dtype) / 255, torch.ones(256, dtype=dtype)
    low, high = (0.0, 1.0) if likelihood.support == "unit_interval" else (-60.0, 60.0)
    edges = torch.linspace(low, high, 400_001, dtype=dtype)
    return (edges[1:] + edges[:-1]) / 2, (edges[1:] - edges[:-1])


def grid_of_space(space: Space, event_shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Points of a latent space and their weights, which sum or integrate a density over it: (N, *event) and (N,).

    The space is small enough for that: one real unit, the circle, or one-hot vectors of one or two variables.
    """
    if space == "categorical":
        num_variables, num_categories = event_shape
        categories = torch.cartesian_prod(*[torch.arange(num_categories)] * num_variables)
        points = one_hot(categories.reshape(-1, num_variables), num_categories).double()
        return points, torch.ones(len(points), dtype=torch.float64)
    low, high = (-math.pi, math.pi) if space == "sphere" else (-40.0, 40.0)
    edges = torch.linspace(low, high, 400_001, dtype=torch.float64)
    middles, weights = (edges[1:] + edges[:-1]) / 2, edges[1:] - edges[:-1]
    if space == "sphere":
        assert event_shape == (2,), "an integral over the circle, by its angle"
        return torch.stack([middles.cos(), middles.sin()], -1), weights
    assert event_shape == (1,), "an integral over a line"
    return middles.unsqueeze(-1), weights


def close(estimates: Tensor, exact: float | Tensor, num_errors: float = 5.0) -> None:
    """Assert that the mean of independent estimates is the exact value, within its own standard error."""
    mean, error = estimates.mean(0), estimates.std(0) / estimates.shape[0] ** 0.5
    difference = (mean - exact).abs()
    assert (difference <= num_errors * error + 1e-9).all(), f"{mean} is not {exact} (standard error {error})"


def log_prob(distribution: Distribution, points: Tensor) -> Tensor:
    """The density at many points along the first dimension, in pieces: a mixture scores each under every component."""
    return torch.cat([distribution.log_prob(some) for some in points.split(2000)])


def entropy_by_quadrature(distribution: Distribution, points: Tensor, weights: Tensor) -> Tensor:
    """-sum w p log p over a grid, for a law whose `log_prob` takes the points along the first dimension."""
    log_p = log_prob(distribution, points)
    return -(weights * log_p.exp() * log_p.clamp(min=-1e4)).sum()


def plane(side: float, num: int) -> tuple[Tensor, float]:
    """Points over a square of the plane, of shape (num^2, 2) in float64, and the area of each."""
    edges = torch.linspace(-side, side, num + 1, dtype=torch.float64)
    middles = (edges[1:] + edges[:-1]) / 2
    return torch.cartesian_prod(middles, middles), (2 * side / num) ** 2


def losses_on_digits(*overrides: str, num_steps: int = 200) -> tuple[float, float]:
    """The loss of a model on digits, first and after some steps of training: the means of ten steps each."""
    config = composed("data=digits", "latent_dim=4", "model.hidden_sizes=[64]", *overrides)
    data = build.data(config)
    model = build.model(config, data.image_shape, data.pixel_mean())
    objective = build.objective(config, num_images=len(data.train.images), image_shape=data.image_shape)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    pixels = data.train.images.float() / 255
    torch.manual_seed(0)
    losses = []
    for _ in range(num_steps):
        x = pixels[torch.randint(len(pixels), (64,))].bernoulli()
        loss = objective(model, x).value
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return sum(losses[:10]) / 10, sum(losses[-10:]) / 10
