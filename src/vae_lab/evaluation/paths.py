"""Start points of Markov chains in latent space, and their path from the prior to the posterior."""

from collections.abc import Sequence

from torch import Tensor

from vae_lab.evaluation.measure import Images
from vae_lab.maths.annealing import Path
from vae_lab.models.latent_model import LatentModel


def prior_samples(model: LatentModel, num_chains: int, images: Images) -> list[Tensor]:
    """Draw samples of p(z) for all chains of B images, of shape (num_chains, B, D) per layer, top layer first."""
    num_images = len(images.x)
    c = None if images.c is None else images.c.repeat(num_chains, 1)  # (num_chains B, classes)
    zs = model.sample_joint(num_chains * num_images, c).zs
    return [z.unflatten(0, (num_chains, num_images)) for z in zs]


def path_to_posterior(model: LatentModel, images: Images, sizes: Sequence[int]) -> Path:
    """Return the path from p(z) to p(x, z) of each image.

    Args:
        model: the model.
        images: B images.
        sizes: latent units of each layer, top layer first; a position in latent space concatenates them.
    """
    return Path(
        log_prior=lambda z: model.log_prior(z.split(list(sizes), -1), images.c),
        log_likelihood=lambda z: model.decode(z[..., -sizes[-1] :], images.c).log_prob(images.x),
    )
