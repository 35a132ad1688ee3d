"""A latent space that can be turned, with noise that turns along: what depends on its axes gives another loss.

Each image has noise of its own, which it sees in a batch as it does alone.
"""

from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from vae_lab.distributions.pushforward import CholeskyNormal
from vae_lab.models.vae import VAE

SCALE = torch.tensor([0.5, 0.8, 1.1], dtype=torch.float64)


def rotation() -> Tensor:
    """An orthogonal matrix that mixes the three units."""
    generator = torch.Generator().manual_seed(0)
    return torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64, generator=generator)).Q


class FixedNoise(torch.overrides.TorchFunctionMode):
    """Gives chosen numbers in the place of random ones, turned where their last dimension is that of latent vectors.

    Args:
        by: an orthogonal matrix.
        images: the numbers of the images in the batch.
    """

    def __init__(self, by: Tensor, images: range) -> None:
        super().__init__()
        self.by = by
        self.images = images

    def normal(self, like: Tensor) -> Tensor:
        rows = like.shape[-2] if like.ndim > 1 else 1
        numbers = self.images if rows == len(self.images) else range(rows)
        noise = latent_noise(numbers, like.shape[-1] if like.ndim else 1)
        noise = (noise if like.ndim > 1 else noise[0]).expand(like.shape)
        return (noise @ self.by.T if like.shape[-1:] == self.by.shape[:1] else noise).to(like)

    def uniform(self, like: Tensor) -> Tensor:
        """Below 1/2, and so low enough for a chain to accept; no two are alike."""
        return (((torch.arange(like.numel()) * 0.618034) % 1).reshape(like.shape) / 2).to(like)

    def __torch_function__(self, func, types, args=(), kwargs=None):  # noqa: ANN001, ANN204
        result = func(*args, **(kwargs or {}))
        match getattr(func, "__name__", ""):
            case "randn":
                return self.normal(result)
            case "normal_":
                return result.copy_(self.normal(result))
            case "normal":
                mean, std = args
                return mean + std * self.normal(result)
            case "rand":
                return self.uniform(result)
            case "bernoulli":
                return (args[0] > 0.5).to(result)
        return result


def latent_noise(images: range, num_units: int) -> Tensor:
    """Noise for the units of the latent vectors of some images, of shape (images, num_units)."""
    units = torch.arange(num_units, dtype=torch.float64)
    return torch.cos(1.0 + 2.0 * units + 0.9 * torch.tensor(images, dtype=torch.float64).unsqueeze(-1))


def turned(model: VAE, by: Tensor, *, correlated: bool) -> VAE:
    """A model whose latent space is turned.

    q(z | x) = N(m, diag(s^2)) with m_d = +-0.7 by pixel d, so that the rate of each unit is the same for all images;
    then z is turned, and its distribution is one of correlated units.
    """
    decode, learned = model.decode, model.encoder

    def encode(x: Tensor, c: Tensor | None = None) -> Distribution:
        mean = torch.where(x.flatten(1)[:, : len(by)] > 0.5, 0.7, -0.7) + 0 * learned(x)[:, : len(by)]  # (B, D)
        if not correlated:
            return Independent(Normal(mean, SCALE.expand_as(mean), validate_args=False), 1, validate_args=False)
        root = torch.linalg.cholesky(by @ SCALE.square().diag() @ by.T)
        diagonal = root.diagonal()
        mixing = (root / diagonal.unsqueeze(-1)).tril(-1)
        q: Any = CholeskyNormal(mean @ by.T, diagonal.expand_as(mean), mixing.expand(len(x), *mixing.shape))

        def rsample(shape: Any = ()) -> Tensor:
            return ((mean + SCALE * latent_noise(range(len(mean)), len(by))) @ by.T).expand(*shape, *mean.shape)

        q.rsample = rsample
        q.sample = lambda shape=(): rsample(shape).detach()
        return q

    model.decode = lambda z, c=None: decode(z @ by, c)  # type: ignore[method-assign]
    model.encode = encode  # type: ignore[method-assign]
    return model
