"""The likelihood by annealing: without the posterior q, and with a bound on either side."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from vae_lab.configuration.options import PositiveInt
from vae_lab.evaluation.blocks import rows_of_block
from vae_lab.evaluation.measure import Estimate, EvaluationContext, Images, Measure, code_length, no_elbo, over_images
from vae_lab.evaluation.paths import path_to_posterior, prior_samples
from vae_lab.evaluation.progress import progress
from vae_lab.maths import annealing, bounds
from vae_lab.models.latent_model import LatentModel
from vae_lab.seeding import RngStream, reseed

# What noise is for: each purpose has its own.
DREAM, TUNE, FORWARD, BACKWARD = range(4)
ON_DATA, SIMULATED = range(2)


class AnnealedImportanceSampling(Measure):
    """-log p(x) by chains from the prior to the posterior, for some of the images.

    In expectation an upper bound. On as many images that the model itself draws, with the z that they came from,
    chains also run backwards: `simulated/nll_upper` and `simulated/nll_lower` then bound one figure from both sides,
    and their difference, `simulated/gap`, bounds what either is off by. That tells of the data as far as the model's
    images are like them. Wu et al. 2017, https://arxiv.org/abs/1611.04273; Grosse et al. 2015,
    https://arxiv.org/abs/1511.02543.

    The encoder has no part in it. Step sizes are tuned to an acceptance of 90%, for each image by itself, by other
    chains than those that count.

    Args:
        num_images: how many of the images, the same ones every time.
        num_chains: M, for each image.
        num_steps: T, steps of the temperature.
        num_leapfrog: leapfrog steps of each transition.
    """

    def __init__(
        self,
        num_images: PositiveInt = 100,
        num_chains: PositiveInt = 8,
        num_steps: PositiveInt = 500,
        num_leapfrog: PositiveInt = 10,
    ) -> None:
        self.num_images = num_images
        self.num_chains = num_chains
        self.num_leapfrog = num_leapfrog
        self.temperatures = annealing.sigmoidal_schedule(num_steps)

    def unavailable_reason(self, context: EvaluationContext) -> str | None:
        if (reason := no_elbo(context)) is not None:
            return reason
        if context.model.space != "real":
            return "it follows gradients through the latent space, and z is no real vector here"
        return None

    def __call__(self, context: EvaluationContext) -> dict[str, Estimate]:
        images = context.images.some(self.num_images)
        blocks = images.split_up(max(1, rows_of_block(context.model, context.images) // self.num_chains))
        num_steps = len(self.temperatures) - 1
        transitions = 2 * annealing.num_tuning_transitions(num_steps) + 3 * (num_steps - 1)
        data, simulated, back = [], [], []
        with progress(len(blocks) * transitions, "ais") as bar:
            for number, some in enumerate(blocks):
                chains = self._chains(context, some, (number, ON_DATA), bar.update)
                data.append(chains.forward())
                reseed(context.device, context.seed, RngStream.ANNEALING, number, SIMULATED, DREAM)
                sample_joint = context.model.sample_joint(len(some.x), some.c)
                drawn = some._replace(x=sample_joint.p.sample())
                chains = self._chains(context, drawn, (number, SIMULATED), bar.update)
                simulated.append(chains.forward())
                back.append(chains.backward(sample_joint.zs))

        def estimate(values: Tensor, what: str, *runs: list[annealing.AnnealingResult]) -> Estimate:
            found = over_images(values, f"annealed importance sampling, {what}", num_samples=self.num_chains)
            acceptance = torch.cat([each.acceptance.flatten() for run in runs for each in run]).mean().item()
            return found._replace(details={"num_steps": num_steps, "acceptance": acceptance})

        nll, upper = (torch.cat([-bounds.importance_weighted(each.log_w) for each in run]) for run in (data, simulated))
        lower = torch.cat([bounds.importance_weighted(-each.log_w) for each in back])  # (N,), as they are
        on_data = estimate(nll, "forward, an upper bound", data)
        return {
            "nll": on_data,
            **code_length(context, on_data),
            "simulated/nll_upper": estimate(upper, "forward, on the model's own images", simulated),
            "simulated/nll_lower": estimate(lower, "backward, on the model's own images", back),
            "simulated/gap": estimate(upper - lower, "forward less backward", simulated, back),
        }

    def _chains(
        self, context: EvaluationContext, images: Images, position: tuple[int, int], tell: Callable[[], object]
    ) -> "Chains":
        noise = partial(reseed, context.device, context.seed, RngStream.ANNEALING, *position)
        return Chains(context.model, images, self.num_chains, self.temperatures, self.num_leapfrog, noise, tell)


class Chains:
    """Chains for some images, with step sizes tuned to them.

    Args:
        model: what scores them.
        images: B images, all of them at once.
        num_chains: M, for each image.
        temperatures: from 0 to 1.
        num_leapfrog: leapfrog steps of each transition.
        noise: puts the generators where the noise of a purpose begins.
        tell: called once for each transition.
    """

    def __init__(
        self,
        model: LatentModel,
        images: Images,
        num_chains: int,
        temperatures: list[float],
        num_leapfrog: int,
        noise: Callable[[int], None],
        tell: Callable[[], object],
    ) -> None:
        self.model, self.images, self.num_chains, self.noise = model, images, num_chains, noise
        noise(TUNE)
        start = prior_samples(model, num_chains, images)
        path = path_to_posterior(model, images, [z.shape[-1] for z in start])
        step_sizes = annealing.tune_step_sizes(path, temperatures, torch.cat(start, -1), num_leapfrog, tell)
        self.annealing = annealing.Annealing(path, temperatures, step_sizes, num_leapfrog, tell)

    def forward(self) -> annealing.AnnealingResult:
        """Chains from the prior."""
        self.noise(FORWARD)
        return self.annealing.forward(torch.cat(prior_samples(self.model, self.num_chains, self.images), -1))

    def backward(self, zs: Sequence[Tensor]) -> annealing.AnnealingResult:
        """Chains from exact posterior samples, one for each image, (B, D) by layer."""
        self.noise(BACKWARD)
        position = torch.cat(list(zs), -1)  # (B, D)
        return self.annealing.backward(position.expand(self.num_chains, *position.shape))
