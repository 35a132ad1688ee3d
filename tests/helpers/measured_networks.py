"""What architectures and models do, whatever they say: a measurement for each declared attribute."""

import torch
from torch import Tensor, nn

from helpers import parts
from helpers.composed import composed
from helpers.measured_latents import space_of
from vae_lab import build
from vae_lab.errors import UserError
from vae_lab.models.hierarchy import Hierarchy
from vae_lab.models.latent_model import LatentModel
from vae_lab.networks.architecture import Architecture
from vae_lab.objectives.stacked_autoencoder import layers


def is_stack(name: str) -> bool:
    """Whether both networks are their linear layers one behind the other, as many in the decoder as in the encoder."""
    recipe = build.part(composed(f"model={name}"), "model", Architecture, Hierarchy)
    if isinstance(recipe, Hierarchy):
        return False
    encoder, decoder = recipe.encoder(parts.IMAGE_SHAPE, (6,)), recipe.decoder((3,), parts.IMAGE_SHAPE)
    if not is_sequence(encoder, torch.rand(2, *parts.IMAGE_SHAPE)) or not is_sequence(decoder, torch.ones(2, 3)):
        return False
    return len(layers(encoder)) == len(layers(decoder))


def is_sequence(network: nn.Module, y: Tensor) -> bool:
    """Whether the layers of a network, all of them linear maps, give what the network gives."""
    learned = [module for module in network.modules() if any(True for _ in module.parameters(recurse=False))]
    if not isinstance(network, nn.Sequential) or not all(isinstance(module, nn.Linear) for module in learned):
        return False
    expected = network(y)
    for layer in layers(network):
        y = layer(y)
    return torch.equal(y, expected)


def has_own_posteriors(name: str) -> bool:
    """Whether the model has several stochastic layers."""
    model, _ = parts.model_and_objective(f"model={name}")
    return len(model.trace(parts.images(model, 2)).latents) > 1


def has_encoder(model: LatentModel) -> bool:
    try:
        model.encode(parts.images(model, 2))
    except UserError:
        return False
    return True


def has_elbo(model: LatentModel) -> bool:
    """Whether log q is finite at its samples."""
    if not has_encoder(model):
        return False
    return bool(model.trace(parts.images(model, 2), num_samples=20).log_q().isfinite().all())


def space(model: LatentModel) -> str:
    """Where the latent variables lie that the model itself draws."""
    return space_of(model.sample_joint(20).zs[-1])


MEASURES = {"is_stack": is_stack, "has_own_posteriors": has_own_posteriors}

MODEL_MEASURES = {"has_encoder": has_encoder, "has_elbo": has_elbo, "space": space}
