"""The terms that objectives log in addition to their loss: the ELBO and its two parts."""

from typing import NamedTuple

from torch import Tensor

from vae_lab.models.latent_model import Trace
from vae_lab.objectives.objective import Loss


class Terms(NamedTuple):
    """The two parts of the negative ELBO of a batch, in nats per image.

    Attributes:
        distortion: -E_q[log p(x | z)], of shape (), with a gradient.
        rate: KL(q(z | x) || p(z)), of shape (), with a gradient.
    """

    distortion: Tensor
    rate: Tensor

    def loss(self, value: Tensor, **others: Tensor) -> Loss:
        """Return a loss of the given value, whose logged terms are the plain ELBO, its two parts, and the others."""
        terms = {"elbo": -(self.distortion + self.rate), "rate": self.rate, "distortion": self.distortion, **others}
        return Loss(value, {name: term.detach() for name, term in terms.items()})


def elbo_terms(trace: Trace) -> Terms:
    """Return distortion -E_q[log p(x | z)] and rate KL(q(z | x) || p(z)), averaged over samples and batch."""
    return Terms(-trace.log_px.mean(), trace.kl().mean())


def sampled_terms(trace: Trace) -> dict[str, Tensor]:
    """Return the ELBO, rate and distortion as the samples estimate them, without a closed form; detached scalars."""
    elbo, distortion = trace.log_w().mean().detach(), -trace.log_px.mean().detach()
    return {"elbo": elbo, "rate": -elbo - distortion, "distortion": distortion}
