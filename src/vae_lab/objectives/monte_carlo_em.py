"""Monte Carlo expectation maximisation."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from vae_lab.configuration.options import PositiveFloat, PositiveInt
from vae_lab.maths import hmc
from vae_lab.models.latent_model import LatentModel
from vae_lab.objectives.objective import Loss, Objective

# How quickly the step size follows the acceptance: a doubling takes 14 samples at least, a halving 2.
GAIN = 0.5


class Acquired(NamedTuple):
    """Images with a sample of the posterior of each, held fixed."""

    x: Tensor  # (B, C, H, W)
    c: Tensor | None
    zs: tuple[Tensor, ...]  # top layer first, of shape (B, D) each


class MonteCarloEM(Objective):
    """Maximum likelihood with samples of the exact posterior, by Hamiltonian Monte Carlo.

    z ~ p(z | x);  theta by grad log p(x, z), q by grad log q(z | x), at the fixed z

    In expectation the first is grad log p(x) (Fisher's identity), with no bound between. Kingma & Welling 2014, section
    5 and appendix E, https://arxiv.org/abs/1312.6114: 10 leapfrog steps, accepted at 90%, then 5 weight updates. The
    model needs no q for that, but its validation does: q is fitted to the samples by maximum likelihood, as in the wake
    phase of reweighted wake-sleep, Bornschein & Bengio 2015, https://arxiv.org/abs/1406.2751.

    Chains start at a sample of q, near where the posterior has its mass. They are short, so where q is far from the
    posterior the samples lean towards q; `num_transitions` takes them further. From the prior they owe nothing to q,
    but need many more transitions.

    The trainer makes one update for each batch. So a batch is kept with its samples for `num_updates` updates, and the
    batches that come meanwhile are passed over; a checkpoint carries what is kept. The samples are of the model as
    evaluation sees it. The step size is adapted between batches, from one batch's acceptance for the next one's chains.

    Of several processes each keeps a batch of its own, and all use the step size of the first. A checkpoint
    carries what the first one keeps: the others resume with that.

    Args:
        num_updates: updates for each acquired batch of samples.
        num_leapfrog: leapfrog steps of a transition.
        num_transitions: transitions of each chain.
        initial_step_size: the first step size.
        start: where chains start.
    """

    posterior_density = "required"
    sample_density = "fixed"
    fits_prior = True
    fits_likelihood = True
    needs_batch = False
    needs_diagonal = False
    needs_fixed_prior = False
    needs_real_codes = True
    uncompilable = "Hamiltonian Monte Carlo takes gradients inside the forward pass, which one graph cannot hold"

    step_size: Tensor
    acceptance: Tensor

    def __init__(
        self,
        num_updates: PositiveInt = 5,
        num_leapfrog: PositiveInt = 10,
        num_transitions: PositiveInt = 1,
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
        # No buffers: their shape is the batch's, and several processes would all be given those of the first.
        self.kept: Acquired | None = None
        self.num_used = 0

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        if self.kept is None or self.num_used == self.num_updates:
            self.kept, self.num_used = self._acquire(model, x, c), 0
        self.num_used += 1
        x, c, zs = self.kept
        log_joint, log_q = model.log_joint(x, zs, c).mean(), model.log_posterior(x, zs, c).mean()
        terms = {"log_joint": log_joint, "log_q": log_q, "acceptance": self.acceptance, "step_size": self.step_size}
        # Copies: the buffers go on changing.
        return Loss(-(log_joint + log_q), {name: term.detach().to(x.dtype, copy=True) for name, term in terms.items()})

    @torch.no_grad()
    def _acquire(self, model: LatentModel, x: Tensor, c: Tensor | None) -> Acquired:
        """Run chains for a batch, and adapt the step size for the next one."""
        with as_evaluated(model, x.device):
            zs = self._first(model, x, c)
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
        # In place: over several processes the buffers are known by their storage.
        self.acceptance.copy_(torch.stack(acceptances).mean())
        self.step_size.copy_(hmc.adapted(self.step_size, self.acceptance, GAIN))
        return Acquired(x, c, position.split(sizes, -1))

    def _first(self, model: LatentModel, x: Tensor, c: Tensor | None) -> list[Tensor]:
        """Where the chains of a batch start: (B, D) for each layer, top layer first."""
        if self.start == "prior":
            return list(model.sample_joint(len(x), c).zs)
        return [latent.z[0] for latent in model.trace(x, c, reparameterize=False).latents]

    def get_extra_state(self) -> dict[str, Any]:
        """What a checkpoint carries beside the buffers: plain containers of tensors."""
        kept = {} if self.kept is None else {"x": self.kept.x, "zs": list(self.kept.zs)}
        if self.kept is not None and self.kept.c is not None:
            kept["c"] = self.kept.c
        return {"num_used": self.num_used, "kept": kept}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        kept = state["kept"]
        self.num_used = state["num_used"]
        self.kept = Acquired(kept["x"], kept.get("c"), tuple(kept["zs"])) if kept else None


@contextmanager
def as_evaluated(model: LatentModel, device: torch.device) -> Iterator[None]:
    """The model as evaluation sees it, where an image's law does not depend on its batch, in full precision.

    The Metropolis correction compares sums over all pixels to a fraction of a nat.
    """
    was_training = model.training
    model.eval()
    try:
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        model.train(was_training)
