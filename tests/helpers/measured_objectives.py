"""What objectives do, whatever they say: a measurement for each declared attribute."""

import contextlib
import copy
import inspect
import math
from functools import cache
from typing import Any

import torch
from hydra.utils import get_object
from torch import Tensor, nn
from torch.distributions import Distribution, Independent

from helpers import parts
from helpers.composed import composed
from helpers.density_use import recording, use_of
from helpers.fixed_noise import FixedNoise, rotation, turned
from vae_lab import build
from vae_lab.configuration.choices import targets
from vae_lab.errors import UserError
from vae_lab.models.vae import VAE
from vae_lab.objectives.objective import Loss, Objective

# What an objective raises on a model that it is not defined for.
REFUSALS = (AssertionError, AttributeError, NotImplementedError, RuntimeError, TypeError, UserError, ValueError)

SIZES = {"num_images": parts.NUM_IMAGES, "image_shape": parts.IMAGE_SHAPE, "latent_dim": 3}


def takes(name: str, size: str) -> bool:
    """Whether the class is built with a size."""
    return size in inspect.signature(get_object(targets("objective")[name])).parameters


@cache
def composed_objective(name: str) -> Objective:
    """An objective of `conf/`, for copies."""
    torch.manual_seed(0)
    sizes = {size: value for size, value in SIZES.items() if takes(name, size)}
    return build.part(composed(f"objective={name}"), "objective", Objective, **sizes)


def fresh(name: str) -> Objective:
    """An objective of `conf/`, before its first batch."""
    return copy.deepcopy(composed_objective(name))


def late(name: str) -> Objective:
    """An objective of `conf/` after many batches: its weights have risen, and all layers train."""
    objective = fresh(name)
    for buffer in objective.buffers():
        if buffer.dtype == torch.int64:
            buffer.fill_(10**6)
    return objective


@cache
def built(*overrides: str) -> Any:
    """A small model, whatever objective it is for: without the rules, which go by what is measured here."""
    torch.manual_seed(0)
    config = composed("latent_dim=3", *overrides)
    return build.assemble(config, parts.IMAGE_SHAPE, torch.full(parts.IMAGE_SHAPE, 0.3), num_classes=None)


def a_vae(*overrides: str) -> VAE:
    """A small model that a measurement may change."""
    model: VAE = copy.deepcopy(built(*overrides))
    return model


def loss_of(name: str, model: Any, num: int = 4) -> Loss:
    """The loss of a batch, with the same noise each time."""
    torch.manual_seed(1)
    return late(name)(model, parts.images(model, num))


def fits_prior(name: str) -> bool:
    """Whether another prior gives another loss."""
    losses = []
    for shift in (0.0, 3.0):
        model = a_vae()
        model.prior.get_buffer("loc").fill_(shift)
        losses.append(loss_of(name, model).value.item())
    return losses[0] != losses[1]


def posterior_density(name: str) -> str:
    """Whether the encoder is used at all; then whether the loss is finite where q has no density.

    Where it is, and no prior draws the codes together, a posterior with a density would lose it in training.
    """
    model = a_vae()
    inferred: list[bool] = []
    model.encoder.register_forward_hook(lambda *_: inferred.append(True))
    loss_of(name, model)
    if not inferred:
        return "unused"
    try:
        value = loss_of(name, a_vae("posterior=delta", "objective=autoencoder")).value
    except REFUSALS:
        return "required"
    if not value.isfinite():
        return "required"
    return "any" if fits_prior(name) else "absent"


def sample_density(name: str) -> str:
    """How the loss depends on log q at samples, where the KL has a closed form and where it has none."""
    found = [density_used(name, a_vae(prior)) for prior in ("prior=standard_normal", "prior=mixture")]
    if found[0] is not None:
        return found[0]
    assert found[1] in (None, "always"), f"without a closed form it takes log q as {found[1]}"
    return "where_needed"


def density_used(name: str, model: VAE) -> str | None:
    """How a loss depends on log q at samples; None where it does not."""
    with recording(model) as scored:
        try:
            loss = loss_of(name, model).value
        except REFUSALS:  # a prior that is no diagonal normal, where one is needed
            return None
    return use_of(loss, scored)


def fits_likelihood(name: str) -> bool:
    """Whether the scale of a likelihood has a gradient."""
    model = a_vae("likelihood=gaussian_shared")
    loss_of(name, model).value.backward()
    gradient = model.likelihood.get_parameter("raw_scale").grad
    return gradient is not None and bool(gradient.any())


NUM_IMAGES = 5
AXES = torch.eye(3, dtype=torch.float64)


def under_fixed_noise(
    name: str, by: Tensor = AXES, images: range = range(NUM_IMAGES), *, correlated: bool = False
) -> float:
    """The loss of some of the images, with the latent space turned."""
    model = turned(a_vae().double(), by, correlated=correlated)
    objective = late(name).double()
    if takes(name, "latent_dim"):
        objective.discriminator = SquaredNorm()
    x = parts.images(model, NUM_IMAGES, torch.float64)[list(images)]
    with FixedNoise(by, images):
        return objective(model, x).value.item()


class SquaredNorm(nn.Module):
    """A discriminator of codes that does not know the axes."""

    def forward(self, z: Tensor) -> Tensor:
        return z.square().sum(-1) - 1


def needs_batch(name: str) -> bool:
    """Whether the loss of a batch is another than the mean over its images, all of the same rate in each unit."""
    try:
        alone = [under_fixed_noise(name, images=range(i, i + 1)) for i in range(NUM_IMAGES)]
    except REFUSALS:
        return True
    return not math.isclose(under_fixed_noise(name), sum(alone) / NUM_IMAGES, rel_tol=1e-9)


def needs_diagonal(name: str) -> bool:
    """Whether the loss changes as the latent space is turned, with all that lies in it, or needs its axes at all."""
    try:
        first, second = (under_fixed_noise(name, by, correlated=True) for by in (AXES, rotation()))
    except REFUSALS:
        return True
    return not math.isclose(first, second, rel_tol=1e-9)


def needs_fixed_prior(name: str) -> bool:
    """Whether samples of the prior take part, not to be decoded and not as a place where q is scored."""
    model = a_vae()
    forward, decode, log_posterior = model.prior.forward, model.decode, model.log_posterior
    drawn: list[Tensor] = []

    def prior(c: Tensor | None = None) -> Distribution:
        p: Any = forward(c)
        shift = torch.zeros((), requires_grad=True)
        drawn.append(shift)
        p.rsample = p.sample = lambda shape=(): with_grad(Independent.sample(p, torch.Size(shape)), shift)
        return p

    def with_grad(z: Tensor, shift: Tensor) -> Tensor:
        with torch.enable_grad():
            return z + shift

    model.prior.forward = prior  # type: ignore[method-assign]
    model.decode = lambda z, c=None: decode(z.detach(), c)  # type: ignore[method-assign]
    model.log_posterior = lambda x, zs, c=None: log_posterior(x, [z.detach() for z in zs], c)  # type: ignore[method-assign]
    loss = loss_of(name, model).value
    gradients = torch.autograd.grad(loss, drawn, allow_unused=True) if loss.requires_grad else ()
    return any(gradient is not None and bool(gradient.any()) for gradient in gradients)


def needs_real_codes(name: str) -> bool:
    """Whether codes are decoded that have left the sphere where q and p lie."""
    model = a_vae("posterior=spherical", "prior=uniform_sphere")
    norms: list[Tensor] = []
    decode = model.decode

    def recorded(z: Tensor, c: Tensor | None = None) -> Distribution:
        norms.append(z.detach().norm(dim=-1).flatten())
        return decode(z, c)

    model.decode = recorded  # type: ignore[method-assign]
    with contextlib.suppress(*REFUSALS):  # some know no spheres
        loss_of(name, model)
    norm = torch.cat(norms)
    return not torch.allclose(norm, torch.ones_like(norm), atol=1e-4)


def needs_one_layer(name: str) -> bool:
    """Whether it fails on a model of two stochastic layers."""
    try:
        loss_of(name, built("model=two_layer", f"objective={name}"))
    except REFUSALS:
        return True
    return False


def trains_in_stages(name: str) -> bool:
    """Whether its first batch leaves parameters of the model without a gradient."""
    model = a_vae(*parts.with_companions(f"objective={name}"))
    fresh(name)(model, parts.images(model, 4)).value.backward()
    return any(parameter.grad is None for parameter in model.parameters())


MEASURES = {
    "posterior_density": posterior_density,
    "sample_density": sample_density,
    "fits_prior": fits_prior,
    "fits_likelihood": fits_likelihood,
    "needs_batch": needs_batch,
    "needs_diagonal": needs_diagonal,
    "needs_fixed_prior": needs_fixed_prior,
    "needs_real_codes": needs_real_codes,
    "needs_one_layer": needs_one_layer,
    "trains_in_stages": trains_in_stages,
    "needs_num_images": lambda name: takes(name, "num_images"),
    "needs_image_shape": lambda name: takes(name, "image_shape"),
    "needs_latent_dim": lambda name: takes(name, "latent_dim"),
}
