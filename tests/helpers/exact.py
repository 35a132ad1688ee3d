"""Models whose likelihood and posterior are known in closed form."""

import math

import torch
from torch import Tensor, nn

from vae_lab.likelihoods.gaussian import Gaussian
from vae_lab.models.vae import VAE
from vae_lab.posteriors.normal import DiagonalNormal
from vae_lab.priors.standard_normal import StandardNormal


class Given(nn.Module):
    """An encoder that gives the same posterior parameters for every image: N(mean, scale^2)."""

    def __init__(self, mean: float, scale: float) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.tensor(mean, dtype=torch.float64))
        self.log_variance = nn.Parameter(torch.tensor(2 * math.log(scale), dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.mean, self.log_variance]).expand(len(x), 2)


def conjugate_gaussian(mean: float, scale: float) -> tuple[VAE, Given]:
    """z ~ N(0, 1), x | z ~ N(z, 1), images of one pixel, with q(z | x) = N(mean, scale^2).

    log p(x) = -1/2 log 4 pi - x^2 / 4, and the posterior is N(x / 2, 1 / 2).
    """
    encoder = Given(mean, scale)
    decoder = nn.Unflatten(-1, (1, 1, 1))
    return VAE(encoder, DiagonalNormal(1), StandardNormal(1), decoder, Gaussian((1, 1, 1))).double(), encoder


def log_p(x: float) -> float:
    """The exact log p(x) of the conjugate model."""
    return -0.5 * math.log(4 * math.pi) - x**2 / 4


def elbo(x: float, mean: float, scale: float) -> float:
    """The exact ELBO of the conjugate model: c + b in the notation of the tests."""
    c = -0.5 * math.log(2 * math.pi) + math.log(scale) - 0.5 * ((x - mean) ** 2 + mean**2)
    return c + 0.5 - scale**2


def image(x: float, num: int) -> Tensor:
    """A batch of `num` copies of an image of one pixel."""
    return torch.full((num, 1, 1, 1), x, dtype=torch.float64)


class LinearGaussian:
    """Probabilistic PCA with a linear encoder: images of six pixels, two latent units, every figure in closed form.

    p(z) = N(0, I), p(x | z) = N(W z, s^2 I), q(z | x) = N(A x + a, diag(v))

    Args:
        angle: of the second column of W from the first, in radians; at a right angle the posterior is diagonal.
        shift, growth: what separates q from the best diagonal normal: a, and the factor of its variances.
    """

    noise = 0.75

    def __init__(self, angle: float = math.pi / 2, shift: float = 0.0, growth: float = 1.0) -> None:
        first = torch.tensor([1.0, 1.0, 0.0, -1.0, 0.0, 0.0], dtype=torch.float64) / math.sqrt(3)
        second = torch.tensor([0.0, 0.0, 1.0, 0.0, 1.0, -1.0], dtype=torch.float64) / math.sqrt(3)
        turned = math.cos(angle) * first + math.sin(angle) * second
        self.w = torch.stack([1.2 * first, 0.8 * turned], 1)  # (6, 2)
        eye = torch.eye(2, dtype=torch.float64)
        self.precision = self.w.T @ self.w / self.noise**2 + eye  # of p(z | x)
        self.a = torch.full((2,), shift, dtype=torch.float64)
        self.v = growth / self.precision.diagonal()
        self.slope = torch.linalg.solve(self.precision, self.w.T) / self.noise**2  # A, (2, 6)
        self.covariance = self.w @ self.w.T + self.noise**2 * torch.eye(6, dtype=torch.float64)  # of p(x)

    def model(self) -> VAE:
        encoder, decoder = nn.Linear(6, 4).double(), nn.Linear(2, 6, bias=False).double()
        with torch.no_grad():
            encoder.weight.copy_(torch.cat([self.slope, torch.zeros_like(self.slope)]))
            encoder.bias.copy_(torch.cat([self.a, self.v.log()]))
            decoder.weight.copy_(self.w)
        shape = (1, 2, 3)
        model = VAE(
            nn.Sequential(nn.Flatten(-3), encoder),
            DiagonalNormal(2),
            StandardNormal(2),
            nn.Sequential(decoder, nn.Unflatten(-1, shape)),
            Gaussian(shape, scale=self.noise),
        )
        return model.double().eval().requires_grad_(False)

    def images(self, num: int) -> Tensor:
        """Images of the model, of shape (num, 1, 2, 3)."""
        generator = torch.Generator().manual_seed(0)
        drawn = torch.randn(num, 6, dtype=torch.float64, generator=generator)
        return (drawn @ torch.linalg.cholesky(self.covariance).T).unflatten(-1, (1, 2, 3))

    def nll(self, x: Tensor) -> Tensor:
        """-log p(x), of shape (N,)."""
        flat = x.flatten(1)
        return -torch.distributions.MultivariateNormal(flat.new_zeros(6), self.covariance).log_prob(flat)

    def gap(self) -> float:
        """KL(q(z | x) || p(z | x)), the same for every image."""
        return normal_kl(self.a, self.v.diag(), torch.zeros_like(self.a), self.precision.inverse())

    def approximation_gap(self) -> float:
        """The gap of the best diagonal normal."""
        return 0.5 * (self.precision.diagonal().log().sum() - self.precision.logdet()).item()

    def rate(self, x: Tensor) -> Tensor:
        """KL(q(z | x) || p(z)), of shape (N,)."""
        mean = x.flatten(1) @ self.slope.T + self.a
        return 0.5 * (self.v + mean.square() - 1 - self.v.log()).sum(1)

    def aggregate(self) -> Tensor:
        """The covariance of q(z) over all images that there could be; its mean is a."""
        return self.slope @ self.covariance @ self.slope.T + self.v.diag()

    def mutual_information(self) -> float:
        return 0.5 * (self.aggregate().logdet() - self.v.log().sum()).item()

    def marginal_kl(self) -> float:
        eye = torch.eye(2, dtype=torch.float64)
        return normal_kl(self.a, self.aggregate(), torch.zeros_like(self.a), eye)

    def total_correlation(self) -> float:
        return 0.5 * (self.aggregate().diagonal().log().sum() - self.aggregate().logdet()).item()


def normal_kl(mean: Tensor, covariance: Tensor, other_mean: Tensor, other_covariance: Tensor) -> float:
    """KL between two multivariate normals."""
    distribution = torch.distributions.MultivariateNormal
    return torch.distributions.kl_divergence(
        distribution(mean, covariance), distribution(other_mean, other_covariance)
    ).item()
