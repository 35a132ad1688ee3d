"""The terms that objectives log beside their loss: the ELBO and its two parts."""

from typing import NamedTuple

from torch import Tensor

from vae_lab.models.latent_model import Trace
from vae_lab.objectives.objective import Loss


class Terms(NamedTuple):
    """Distortion and rate of a batch, in nats per image: scalars with gradients."""

    distortion: Tensor
    rate: Tensor

    def loss(self, value: Tensor, **others: Tensor) -> Loss:
        """The loss of the given value, with the plain ELBO and its terms logged beside the others."""
        terms = {"elbo": -(self.distortion + self.rate), "rate": self.rate, "distortion": self.distortion, **others}
        return Loss(value, {name: term.detach() for name, term in terms.items()})


def terms_of(trace: Trace) -> Terms:
    """Distortion -E_q[log p(x | z)] and rate KL(q(z | x) || p(z)), averaged over samples and batch."""
    return Terms(-trace.log_px.mean(), trace.kl().mean())


def sampled_terms(trace: Trace) -> dict[str, Tensor]:
    """The ELBO and its two parts as the samples estimate them, nothing in closed form; elbo = -(rate + distortion)."""
    elbo, distortion = trace.log_w().mean().detach(), -trace.log_px.mean().detach()
    return {"elbo": elbo, "rate": -elbo - distortion, "distortion": distortion}
