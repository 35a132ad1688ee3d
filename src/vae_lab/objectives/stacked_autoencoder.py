"""Autoencoders stacked on each other, then trained as one."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from vae_lab.configuration.options import NonNegativeInt
from vae_lab.models.latent_model import LatentModel
from vae_lab.models.vae import VAE
from vae_lab.networks.architecture import OutputBias
from vae_lab.objectives.objective import Loss, Objective

Layer = Callable[[Tensor], Tensor]


class StackedAutoencoder(Objective):
    """The distortion of a deterministic code, its layers trained greedily one by one before all of them together.

    h_0 = x,  h_k = f_k(h_{k-1}),  k = 1, ..., L;  the decoder undoes them in reverse by g_L, ..., g_1

    loss = -log p(x | g_1(h_1))             in stage 1, for f_1 and g_1
           |h_{k-1} - g_k(h_k)|^2           in stage k = 2, ..., L, for f_k and g_k
           -log p(x | z(x))                 from then on, for all

    In stage k the layers below are held fixed, and those above wait: neither has a gradient, so an optimizer leaves
    them as they are, weight decay included. Bengio et al. 2007,
    https://papers.nips.cc/paper/3048-greedy-layer-wise-training-of-deep-networks; with Boltzmann machines for the
    layers, Hinton & Salakhutdinov 2006, https://doi.org/10.1126/science.1127647.

    Validation is of the whole autoencoder at all times, so it means little before the layers meet.

    Args:
        steps_per_layer: training batches of each of the stages 1, ..., L. With 0 it is the plain autoencoder.
    """

    posterior_density = "absent"
    sample_density = "where_needed"
    fits_prior = False
    fits_likelihood = True
    needs_batch = False
    needs_diagonal = False
    needs_fixed_prior = False
    needs_real_codes = False
    needs_one_layer = True
    trains_in_stages = True
    uncompilable = "which layers it trains depends on the batches so far, and one graph has all or none"

    num_batches: Tensor

    def __init__(self, steps_per_layer: NonNegativeInt = 1950) -> None:
        super().__init__()
        self.steps_per_layer = steps_per_layer
        self.register_buffer("num_batches", torch.zeros((), dtype=torch.int64))

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        assert isinstance(model, VAE), "the check of the configuration asks for a deterministic code"
        encoder, decoder = layers(model.encoder), layers(model.decoder)[::-1]
        num_batches = self._count()
        if num_batches >= self.steps_per_layer * len(encoder):
            distortion = -model.trace(x, c).log_px.mean()
            return Loss(distortion, {"distortion": distortion.detach()})
        below = num_batches // self.steps_per_layer  # trained layers: k - 1
        h = x
        with torch.no_grad():
            for layer in encoder[:below]:
                h = layer(h)
        again = decoder[below](encoder[below](h))
        error = (again - h).square().flatten(1).sum(1) if below else -model.likelihood(again).log_prob(x)  # (B,)
        return Loss(error.mean(), {f"layer_{below + 1}": error.mean().detach()})

    @torch.compiler.disable  # type: ignore[untyped-decorator]  # else each count would be compiled anew
    def _count(self) -> int:
        """The training batches before this one."""
        num_batches = int(self.num_batches)
        if self.training and torch.is_grad_enabled():
            self.num_batches = self.num_batches + 1
        return num_batches


def layers(network: nn.Module) -> list[Layer]:
    """The linear maps of a multilayer perceptron, each with what belongs to it, from its input on.

    Args:
        network: as `vae_lab.networks.dense` makes it, with an output bias or without.
    """
    if isinstance(network, OutputBias):
        *first, last = layers(network.network)
        return [*first, lambda h: last(h) + network.bias]
    assert isinstance(network, nn.Sequential), "the check of the configuration asks for such networks"
    return [nn.Sequential(*some) for some in around_maps(network)]


def around_maps(network: nn.Sequential) -> Iterator[list[nn.Module]]:
    """The modules of a network, parted in front of each linear map but the first."""
    some: list[nn.Module] = []
    for module in network:
        if isinstance(module, nn.Linear) and any(isinstance(other, nn.Linear) for other in some):
            yield some
            some = []
        some.append(module)
    yield some
