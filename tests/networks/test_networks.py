"""Networks: any image shape, any batch dimensions, any of their options."""

import pytest
import torch
from torch import nn

from vae_lab.errors import UserError
from vae_lab.networks.architecture import Architecture
from vae_lab.networks.conv import Conv
from vae_lab.networks.dense import MLP, Linear, dense
from vae_lab.networks.resnet import ResNet
from vae_lab.networks.stages import normalization

SHAPES = [(1, 8, 8), (1, 28, 28), (1, 28, 20), (3, 32, 32), (1, 7, 5), (2, 1, 9), (1, 1, 1)]

NETWORKS = {
    "linear": Linear(),
    "mlp": MLP((12, 7), "tanh"),
    "mlp gated": MLP((12, 7), "gated"),
    "conv": Conv((4, 6, 8)),
    "conv gated": Conv((4, 6), activation="gated"),
    "conv without norm": Conv((4, 6), norm="none"),
    "conv of one stage": Conv((4,), kernel_size=7, norm="layer"),
    "conv of wide kernels": Conv((4, 6), kernel_size=5, norm="batch"),
    "resnet": ResNet((4, 6, 8)),
    "resnet without norm": ResNet((4, 4), blocks_per_stage=2, norm="none"),
    "resnet of layer norm": ResNet((8,), norm="layer"),
}
# What needs no more than a few parts of a pixel's neighbourhood has all its weights in use on these.
LARGE = [(1, 28, 20), (3, 32, 32)]


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def pair(architecture: Architecture, image_shape: tuple[int, ...]) -> tuple[nn.Module, nn.Module]:
    """An encoder to 6 parameters, and a decoder from 3 latent units to 2 parameters for each pixel value."""
    channels, height, width = image_shape
    return architecture.encoder(image_shape, (6,)), architecture.decoder((3,), (2 * channels, height, width))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_with_any_batch_dimensions(name: str, shape: tuple[int, ...]) -> None:
    encoder, decoder = (network.double().eval() for network in pair(NETWORKS[name], shape))
    for network, event in ((encoder, shape), (decoder, (3,))):
        inputs = torch.randn(2, 4, *event, dtype=torch.float64)
        out = network(inputs)
        assert out.shape == (2, 4, *((6,) if network is encoder else (2 * shape[0], *shape[1:])))
        torch.testing.assert_close(out.flatten(0, 1), network(inputs.flatten(0, 1)))
        torch.testing.assert_close(out[1, 2], network(inputs[1, 2]))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("shape", LARGE)
def test_every_parameter_has_a_gradient(name: str, shape: tuple[int, ...]) -> None:
    encoder, decoder = pair(NETWORKS[name], shape)
    (encoder(torch.rand(5, *shape)).square().sum() + decoder(torch.randn(2, 5, 3)).square().sum()).backward()
    for parameter_name, parameter in [*encoder.named_parameters(), *decoder.named_parameters()]:
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()
        assert parameter.grad.any(), parameter_name


@pytest.mark.parametrize("name", NETWORKS)
def test_the_last_layer_has_no_bias(name: str) -> None:
    """Scaling what the last layer multiplies scales the output: nothing is added behind it."""
    decoder = pair(NETWORKS[name], (1, 7, 5))[1].eval()
    z = torch.randn(4, 3)
    before = decoder(z)
    last = [module for module in decoder.modules() if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)][
        -1
    ]
    assert last.bias is None
    last.weight.data.mul_(3)
    torch.testing.assert_close(decoder(z), 3 * before)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_compiles_to_the_same(name: str) -> None:
    torch._dynamo.reset()
    shape = (3, 7, 5)
    for network, event in zip(pair(NETWORKS[name], shape), (shape, (3,)), strict=True):
        inputs = torch.rand(2, 3, *event)
        compiled = torch.compile(network, fullgraph=True, backend="aot_eager")
        torch.testing.assert_close(compiled(inputs), network(inputs))


@pytest.mark.parametrize("norm", ["none", "layer", "group"])
@pytest.mark.parametrize("architecture", [Conv, ResNet])
def test_images_of_a_batch_do_not_see_each_other(architecture: type[Conv | ResNet], norm: str) -> None:
    network = architecture((8, 8), norm=norm).encoder((1, 8, 8), (6,))
    x = torch.rand(4, 1, 8, 8)
    torch.testing.assert_close(network(x)[2], network(x[2:3])[0])


def test_a_gated_layer_is_a_product_with_a_sigmoid() -> None:
    hidden, activation, _ = network = dense((5,), (4,), nn.GLU, (2,), output_bias=False)
    x = torch.randn(3, 5)
    (w, v), (b, c) = hidden.weight.chunk(2), hidden.bias.chunk(2)
    h = (x @ w.T + b) * (x @ v.T + c).sigmoid()
    torch.testing.assert_close(activation(hidden(x)), h)
    torch.testing.assert_close(network(x), h @ network[-1].weight.T)


@pytest.mark.parametrize("num_channels", [1, 6, 8, 20, 32])
def test_group_norm_has_about_eight_channels_in_a_group(num_channels: int) -> None:
    group, layer = (normalization(norm, num_channels) for norm in ("group", "layer"))
    assert num_channels / group.num_groups >= min(8, num_channels)
    x = 3 + 5 * torch.randn(2, num_channels, 40, 40)
    for norm in (group, layer):
        grouped = norm(x).reshape(2, norm.num_groups, -1)
        torch.testing.assert_close(grouped.mean(-1), torch.zeros(2, norm.num_groups), rtol=0, atol=1e-5)
        torch.testing.assert_close(grouped.std(-1), torch.ones(2, norm.num_groups), rtol=0, atol=1e-3)
    assert layer.num_groups == 1


@pytest.mark.parametrize("architecture", [Conv(), ResNet()])
def test_vectors_are_refused(architecture: Architecture) -> None:
    with pytest.raises(UserError, match="choose model=mlp"):
        architecture.encoder((20,), (6,))
    with pytest.raises(UserError, match="choose model=mlp"):
        architecture.decoder((3,), (20,))
