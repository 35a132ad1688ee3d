"""Split the inference gap into the loss by the encoder and the loss by the posterior's family."""

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor
from torch.distributions import Independent, Normal

from vae_lab.configuration.options import PositiveFloat, PositiveInt, Size
from vae_lab.evaluation.blocks import rows_of_block
from vae_lab.evaluation.measure import Estimate, EvaluationContext, Images, Measure, no_elbo, over_images
from vae_lab.evaluation.progress import progress
from vae_lab.maths import bounds
from vae_lab.maths.importance import ImportanceWeights
from vae_lab.models.latent_model import LatentModel, Trace
from vae_lab.models.vae import VAE
from vae_lab.seeding import RngStream, reseed

# Latent samples for each image: in one pass (also for a gradient), and for an ELBO.
SAMPLES_AT_ONCE = 10
ELBO_SAMPLES = 1000

# Positions in the random stream: each purpose has its own.
OPTIMISE, SELECT, COMPARE, LIKELIHOOD = range(4)


class Amortisation(Measure):
    """The inference gap log p(x) - ELBO in its two parts, for some of the images.

    amortisation gap = ELBO(q*) - ELBO(q),  approximation gap = log p(x) - ELBO(q*)

    q is the encoder's diagonal normal distribution. q* is the best one for each single image, optimised by Adam from q:
    Cremer et al. 2018, section 3, https://arxiv.org/abs/1801.03558. log p(x) is estimated by L_K with q* as the
    proposal. In expectation that is a lower bound, and so is the approximation gap. An image keeps q if q* is no better
    on fresh samples. Both ELBOs are then estimated with the same random numbers, fresh again, so the amortisation gap
    can be negative only by the noise of that comparison.

    Args:
        num_images: the number of images that are measured, the same ones every time.
        num_steps: steps of Adam.
        lr: the initial step size, which decays to 0 as a cosine; means move in units of q's standard deviation, and
            standard deviations by factors.
        num_samples: K, latent samples for each image, in the estimate of log p(x).
    """

    def __init__(
        self,
        num_images: PositiveInt = 100,
        num_steps: PositiveInt = 500,
        lr: PositiveFloat = 0.03,
        num_samples: Size = 5000,
    ) -> None:
        self.num_images = num_images
        self.num_steps = num_steps
        self.lr = lr
        self.num_samples = num_samples

    def unavailable_reason(self, context: EvaluationContext) -> str | None:
        return no_elbo(context) or no_diagonal_posterior(context.model)

    def __call__(self, context: EvaluationContext) -> dict[str, Estimate]:
        images = context.images.some(self.num_images)
        parts = images.split_up(max(1, rows_of_block(context.model, context.images) // SAMPLES_AT_ONCE))
        found: list[tuple[Tensor, ...]] = []
        with progress(len(images.x) * self.num_steps, "amortisation") as bar:
            for number, some in enumerate(parts):
                noise = partial(reseed, context.device, context.seed, RngStream.AMORTISATION, number)
                inference = Inference(context.model, some, noise)
                start = inference.encoder_posterior()
                best = inference.optimise(start, self.num_steps, self.lr, partial(bar.update, len(some.x)))
                log_px = inference.log_px(best, self.num_samples)
                found.append((inference.elbo(start, COMPARE), inference.elbo(best, COMPARE), log_px))
        encoder, optimised, log_px = (torch.cat(column) for column in zip(*found, strict=True))  # (N,) each
        num, how, proposal = ELBO_SAMPLES, f"q* by {self.num_steps} steps of Adam", "log p(x) as L_K with proposal q*"
        return {
            "elbo": over_images(encoder, "ELBO(q), q the encoder's", num_samples=num),
            "elbo_optimised": over_images(optimised, f"ELBO(q*), {how}", num_samples=num),
            "amortisation_gap": over_images(optimised - encoder, f"ELBO(q*) - ELBO(q), {how}", num_samples=num),
            "approximation_gap": over_images(
                log_px - optimised, f"log p(x) - ELBO(q*), {how}, {proposal}", num_samples=self.num_samples
            ),
        }


def no_diagonal_posterior(model: LatentModel) -> str | None:
    """Return why a model's posteriors cannot be optimised one by one, in one line; None if they can."""
    if isinstance(model, VAE) and model.posterior.is_diagonal:
        return None
    return "it optimises a diagonal normal posterior for each image, and this model has another kind of posterior"


class Inference:
    """Posteriors q of some images, evaluated and optimised under a fixed model.

    Args:
        model: a model with diagonal normal posteriors.
        images: I images, processed at once.
        noise: seeds the random generators for a purpose and a number within it.
    """

    def __init__(self, model: LatentModel, images: Images, noise: Callable[..., None]) -> None:
        assert isinstance(model, VAE)
        self.model = model
        self.images = images
        self.noise = noise

    def encoder_posterior(self) -> Normal:
        """Return the encoder's posteriors, of shape (I, D)."""
        with torch.no_grad():
            q = self.model.encode(self.images.x, self.images.c)
        assert isinstance(q, Independent)
        assert isinstance(q.base_dist, Normal)
        return q.base_dist

    def optimise(self, start: Normal, num_steps: int, lr: float, on_step: Callable[[], object]) -> Normal:
        """Optimise posteriors from a start by Adam; an image keeps the start if the result is no better.

        Args:
            start: the first posteriors, of shape (I, D).
            num_steps: steps of Adam.
            lr: the initial step size.
            on_step: called after each step.
        """
        end = start
        for reached in self.path(start, num_steps, lr):
            end = reached
            on_step()
        better = (self.elbo(end, SELECT) > self.elbo(start, SELECT)).to(start.loc.device).unsqueeze(-1)  # (I, 1)
        return Normal(
            torch.where(better, end.loc, start.loc), torch.where(better, end.scale, start.scale), validate_args=False
        )

    def path(self, start: Normal, num_steps: int, lr: float) -> Iterator[Normal]:
        """Yield the posteriors after each step of Adam, each image optimised separately."""
        moves = torch.zeros(2, *start.loc.shape, dtype=start.loc.dtype, device=start.loc.device, requires_grad=True)
        optimizer = torch.optim.Adam([moves], lr=lr)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, num_steps)
        for step in range(num_steps):
            with torch.enable_grad():
                trace = self._pass(shift_and_scale(start, moves), OPTIMISE, step)
                # A sum over images: each has parameters of its own, and a step size of its own.
                (moves.grad,) = torch.autograd.grad(-bounds.elbo(trace.log_px, trace.kl()).sum(), [moves])
            optimizer.step()
            schedule.step()
            yield shift_and_scale(start, moves.detach())

    @torch.no_grad()
    def elbo(self, q: Normal, purpose: int) -> Tensor:
        """Return the ELBO of each image, of shape (I,), with random numbers that are the same for any q."""
        total = torch.zeros(len(self.images.x), dtype=torch.float64)
        for number in range(ELBO_SAMPLES // SAMPLES_AT_ONCE):
            trace = self._pass(q, purpose, number)
            total += bounds.elbo(trace.log_px, trace.kl()).cpu()
        return total / (ELBO_SAMPLES // SAMPLES_AT_ONCE)

    @torch.no_grad()
    def log_px(self, q: Normal, num_samples: int) -> Tensor:
        """Estimate log p(x) by L_K with the proposal q, in nats, of shape (I,)."""
        weights = ImportanceWeights(num_samples)
        for number, size in enumerate(len(some) for some in torch.arange(num_samples).split(SAMPLES_AT_ONCE)):
            weights.add(self._pass(q, LIKELIHOOD, number, size).log_w())
        return weights.curve()[num_samples].cpu()

    def _pass(self, q: Normal, purpose: int, number: int, num_samples: int = SAMPLES_AT_ONCE) -> Trace:
        self.noise(purpose, number)
        distribution = Independent(q, 1, validate_args=False)
        return self.model.trace_under(distribution, self.images.x, self.images.c, num_samples=num_samples)


def shift_and_scale(start: Normal, moves: Tensor) -> Normal:
    """Shift the means of normal distributions, and scale their standard deviations.

    Args:
        start: distributions of shape (I, D).
        moves: of shape (2, I, D): shifts in standard deviations, and the logarithms of the factors.
    """
    shift, growth = moves  # (I, D) each
    return Normal(start.loc + start.scale * shift, start.scale * growth.exp(), validate_args=False)
