"""What objectives that take everything from samples log beside their bound."""

from torch import Tensor

from vae_lab.model import Trace


def sampled_terms(trace: Trace) -> dict[str, Tensor]:
    """The ELBO and its two parts as the samples estimate them, nothing in closed form; elbo = -(rate + distortion)."""
    elbo, distortion = trace.log_w().mean().detach(), -trace.log_px.mean().detach()
    return {"elbo": elbo, "rate": -elbo - distortion, "distortion": distortion}
