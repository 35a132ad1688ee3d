"""The stacked autoencoder: layers trained one by one, then together."""

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
    """The distortion of a deterministic code; its layers are trained greedily one by one, and then all together.

    h_0 = x,  h_k = f_k(h_{k-1}),  k = 1, ..., L;  the decoder inverts them in reverse order by g_L, ..., g_1

    loss = -log p(x | g_1(h_1))             in stage 1, for f_1 and g_1
           |h_{k-1} - g_k(h_k)|^2           in stage k = 2, ..., L, for f_k and g_k
           -log p(x | z(x))                 from then on, for all

    In stage k the layers below are held fixed and those above are not used. Neither have a gradient, so an optimizer
    does not change them, not even by weight decay. Bengio et al. 2007,
    https://papers.nips.cc/paper/3048-greedy-layer-wise-training-of-deep-networks; with Boltzmann machines for the
    layers, Hinton & Salakhutdinov 2006, https://doi.org/10.1126/science.1127647.

    Validation is always of the whole autoencoder, so its results mean little before the last stage.

    Args:
        steps_per_layer: training batches of each of the stages 1, ..., L; with 0 it is the plain autoencoder.

    Attributes:
        num_batches: training batches so far, of shape ().
    """

    posterior_density = "absent"
    sample_density = "where_needed"
    fits_prior = False
    fits_likelihood = True
    needs_batch = False
    needs_diagonal = False
    needs_fixed_prior = False
    needs_real_codes = False
    compares_epochs = False
    needs_one_layer = True
    trains_in_stages = True
    uncompilable = "the layers that it trains depend on the number of batches so far, which one graph cannot express"

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
        num_trained = num_batches // self.steps_per_layer  # k - 1
        h = x
        with torch.no_grad():
            for layer in encoder[:num_trained]:
                h = layer(h)
        output = decoder[num_trained](encoder[num_trained](h))  # g_k(h_k)
        error = (
            (output - h).square().flatten(1).sum(1) if num_trained else -model.likelihood(output).log_prob(x)
        )  # (B,)
        return Loss(error.mean(), {f"layer_{num_trained + 1}": error.mean().detach()})

    @torch.compiler.disable  # type: ignore[untyped-decorator]  # otherwise every new count would cause a recompilation
    def _count(self) -> int:
        """Return the number of training batches before this one, and count this one."""
        num_batches = int(self.num_batches)
        if self.training and torch.is_grad_enabled():
            self.num_batches = self.num_batches + 1
        return num_batches


def layers(network: nn.Module) -> list[Layer]:
    """Return the layers of a multilayer perceptron in order: each linear map with its activation and reshaping.

    Args:
        network: a network from `vae_lab.networks.dense`, with or without an output bias.
    """
    if isinstance(network, OutputBias):
        *first, last = layers(network.network)
        return [*first, lambda h: last(h) + network.bias]
    assert isinstance(network, nn.Sequential), "the check of the configuration asks for such networks"
    return [nn.Sequential(*group) for group in split_at_linear_maps(network)]


def split_at_linear_maps(network: nn.Sequential) -> Iterator[list[nn.Module]]:
    """Yield the modules of a network in groups, each with one linear map, split before every map but the first."""
    group: list[nn.Module] = []
    for module in network:
        if isinstance(module, nn.Linear) and any(isinstance(other, nn.Linear) for other in group):
            yield group
            group = []
        group.append(module)
    yield group
