"""Monte Carlo expectation maximisation."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from vae_lab.configuration.options import PositiveFloat, Size
from vae_lab.maths import hmc
from vae_lab.models.latent_model import LatentModel
from vae_lab.objectives.objective import Loss, Objective

# The gain of the step size's adaptation: to double it takes at least 14 batches of samples, to halve it at least 2.
GAIN = 0.5


class SampledBatch(NamedTuple):
    """A batch of images with a sample of the posterior of each, held fixed.

    Attributes:
        x: images, of shape (B, C, H, W).
        c: the condition of each image, or None.
        zs: samples of p(z | x), top layer first, of shape (B, D) each.
    """

    x: Tensor
    c: Tensor | None
    zs: tuple[Tensor, ...]


class MonteCarloEM(Objective):
    """Maximum likelihood with samples of the exact posterior, by Hamiltonian Monte Carlo.

    loss = -E[log p(x, z) + log q(z | x)],  z ~ p(z | x) held fixed

    In expectation, the gradient of the first term is that of log p(x) (Fisher's identity): no bound is involved.
    Kingma & Welling 2014, section 5 and appendix E, https://arxiv.org/abs/1312.6114: 10 leapfrog steps with an
    acceptance of 90%, then 5 weight updates. Training p does not need q, but validation does: q is fitted to the
    samples by maximum likelihood, as in the wake phase of reweighted wake-sleep, Bornschein & Bengio 2015,
    https://arxiv.org/abs/1406.2751.

    Chains start at a sample of q, close to the mass of the posterior. They are short, so where q is far from the
    posterior, the samples are biased towards q; more `num_transitions` reduce the bias. Chains that start at the prior
    do not depend on q, but need many more transitions.

    The trainer makes one update for each batch. A batch and its samples are therefore kept for `num_updates` updates,
    and the batches that the trainer passes in the meantime are not used; a checkpoint stores the kept batch. Sampling
    uses the model in evaluation mode. The step size is adapted between batches: the acceptance of one batch changes the
    step size of the next.

    With several processes, each keeps a batch of its own, and all use the step size of the first process. A checkpoint
    stores the batch of the first process, and all processes resume with it.

    Args:
        num_updates: updates with each batch of samples.
        num_leapfrog: leapfrog steps of a transition.
        num_transitions: transitions of each chain.
        initial_step_size: the step size of the first batch.
        start: the distribution that chains start from, `posterior` (q) or `prior`.

    Attributes:
        step_size: the current step size, of shape ().
        acceptance: the mean acceptance probability of the last batch, of shape ().
        kept: the batch in use with its samples; None before the first.
        num_used: updates made with it.
    """

    posterior_density = "required"
    sample_density = "fixed"
    fits_prior = True
    fits_likelihood = True
    needs_batch = False
    needs_diagonal = False
    needs_fixed_prior = False
    needs_real_codes = True
    compares_epochs = False
    uncompilable = "Hamiltonian Monte Carlo takes gradients inside the forward pass, which one graph cannot hold"

    step_size: Tensor
    acceptance: Tensor

    def __init__(
        self,
        num_updates: Size = 5,
        num_leapfrog: Size = 10,
        num_transitions: Size = 1,
        initial_step_size: PositiveFloat = 0.1,
        start: Literal["posterior", "prior"] = "posterior",
    ) -> None:
        super().__init__()
        self.num_updates = num_updates
        self.num_leapfrog = num_leapfrog
        self.num_transitions = num_transitions
        self.start = start
        self.register_buffer("step_size", torch.tensor(float(initial_step_size)))
        self.register_buffer("acceptance", torch.zeros(()))
        # Not buffers: their shape depends on the batch, and all processes would get those of the first process.
        self.kept: SampledBatch | None = None
        self.num_used = 0

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        if self.kept is None or self.num_used == self.num_updates:
            self.kept, self.num_used = self._sample_posterior(model, x, c), 0
        self.num_used += 1
        x, c, zs = self.kept
        log_joint, log_q = model.log_joint(x, zs, c).mean(), model.log_posterior(x, zs, c).mean()
        terms = {"log_joint": log_joint, "log_q": log_q, "acceptance": self.acceptance, "step_size": self.step_size}
        # Copies, because the buffers change in later steps.
        return Loss(-(log_joint + log_q), {name: term.detach().to(x.dtype, copy=True) for name, term in terms.items()})

    @torch.no_grad()
    def _sample_posterior(self, model: LatentModel, x: Tensor, c: Tensor | None) -> SampledBatch:
        """Run chains for a batch, and adapt the step size for the next batch."""
        with evaluation_mode(model, x.device):
            zs = self._initial_positions(model, x, c)
            sizes = [z.shape[-1] for z in zs]
            position, step_size = torch.cat(zs, -1), self.step_size.to(zs[0].dtype)  # (B, sum of D)
            acceptances = []
            for _ in range(self.num_transitions):
                position, _, acceptance = hmc.transition(
                    lambda z: model.log_joint(x, z.split(sizes, -1), c),
                    position,
                    step_size,
                    self.num_leapfrog,
                    hmc.draw_noise(position),
                )
                acceptances.append(acceptance)  # (B,)
        # In place, because distributed training identifies the buffers by their storage.
        self.acceptance.copy_(torch.stack(acceptances).mean())
        self.step_size.copy_(hmc.adapt_step_size(self.step_size, self.acceptance, GAIN))
        return SampledBatch(x, c, position.split(sizes, -1))

    def _initial_positions(self, model: LatentModel, x: Tensor, c: Tensor | None) -> list[Tensor]:
        """Return the start of the chains of a batch, of shape (B, D) for each layer, top layer first."""
        if self.start == "prior":
            return list(model.sample_joint(len(x), c).zs)
        return [latent.z[0] for latent in model.trace(x, c, reparameterize=False).latents]

    def get_extra_state(self) -> dict[str, Any]:
        """Return the state that a checkpoint stores in addition to the buffers, in plain containers of tensors."""
        kept = {} if self.kept is None else {"x": self.kept.x, "zs": list(self.kept.zs)}
        if self.kept is not None and self.kept.c is not None:
            kept["c"] = self.kept.c
        return {"num_used": self.num_used, "kept": kept}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        kept = state["kept"]
        self.num_used = state["num_used"]
        self.kept = SampledBatch(kept["x"], kept.get("c"), tuple(kept["zs"])) if kept else None


@contextmanager
def evaluation_mode(model: LatentModel, device: torch.device) -> Iterator[None]:
    """Put the model in evaluation mode and full precision for the duration of a `with` block.

    In evaluation mode the distribution of an image does not depend on the rest of its batch. Full precision is needed
    because the Metropolis correction compares sums over all pixels to a fraction of a nat.
    """
    was_training = model.training
    model.eval()
    try:
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        model.train(was_training)
