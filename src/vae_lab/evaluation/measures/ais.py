"""Estimate the likelihood by annealed importance sampling, without the encoder, with bounds on both sides."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from vae_lab.configuration.options import PositiveInt, Size
from vae_lab.evaluation.blocks import rows_of_block
from vae_lab.evaluation.measure import Estimate, EvaluationContext, Images, Measure, code_length, no_elbo, over_images
from vae_lab.evaluation.paths import path_to_posterior, prior_samples
from vae_lab.evaluation.progress import progress
from vae_lab.maths import annealing, bounds
from vae_lab.models.latent_model import LatentModel
from vae_lab.seeding import RngStream, reseed

# Positions in the random stream: each purpose has its own.
DREAM, TUNE, FORWARD, BACKWARD = range(4)
ON_DATA, SIMULATED = range(2)


class AnnealedImportanceSampling(Measure):
    """-log p(x) by Markov chains from the prior to the posterior, for some of the images.

    log p(x) = log E[w],  w = prod_t p(x | z_t)^(beta_{t+1} - beta_t),  beta_0 = 0, ..., beta_T = 1

    In expectation the estimate is an upper bound on -log p(x). The same number of images is drawn from the model
    itself, with the z that they came from, and for these the chains also run backwards: `simulated/nll_upper` and
    `simulated/nll_lower` bound one value from both sides, and their difference, `simulated/gap`, bounds the error of
    either. It bounds the error on the data as far as the model's images resemble the data. Wu et al. 2017,
    https://arxiv.org/abs/1611.04273; Grosse et al. 2015, https://arxiv.org/abs/1511.02543.

    The encoder is not used. Step sizes are tuned for each image to an acceptance rate of 90%, by separate chains.

    Args:
        num_images: the number of images that are measured, the same ones every time.
        num_chains: M, for each image.
        num_steps: T, steps of the temperature.
        num_leapfrog: leapfrog steps of each transition.
    """

    def __init__(
        self,
        num_images: PositiveInt = 100,
        num_chains: Size = 8,
        num_steps: PositiveInt = 500,
        num_leapfrog: Size = 10,
    ) -> None:
        self.num_images = num_images
        self.num_chains = num_chains
        self.num_leapfrog = num_leapfrog
        self.temperatures = annealing.sigmoidal_schedule(num_steps)

    def unavailable_reason(self, context: EvaluationContext) -> str | None:
        if (reason := no_elbo(context)) is not None:
            return reason
        if context.model.space != "real":
            return "it needs gradients for z, and the latent variables of this model are not real vectors"
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
        lower = torch.cat([bounds.importance_weighted(-each.log_w) for each in back])  # (N,)
        on_data = estimate(nll, "forward, an upper bound", data)
        return {
            "nll": on_data,
            **code_length(context, on_data),
            "simulated/nll_upper": estimate(upper, "forward, on the model's own images", simulated),
            "simulated/nll_lower": estimate(lower, "backward, on the model's own images", back),
            "simulated/gap": estimate(upper - lower, "forward less backward", simulated, back),
        }

    def _chains(
        self, context: EvaluationContext, images: Images, position: tuple[int, int], on_transition: Callable[[], object]
    ) -> "Chains":
        noise = partial(reseed, context.device, context.seed, RngStream.ANNEALING, *position)
        return Chains(
            context.model, images, self.num_chains, self.temperatures, self.num_leapfrog, noise, on_transition
        )


class Chains:
    """Chains for some images, with step sizes tuned to them.

    Args:
        model: the model that defines p(x, z).
        images: B images, processed at once.
        num_chains: M, for each image.
        temperatures: from 0 to 1.
        num_leapfrog: leapfrog steps of each transition.
        noise: seeds the random generators for a purpose.
        on_transition: called once for each transition.
    """

    def __init__(
        self,
        model: LatentModel,
        images: Images,
        num_chains: int,
        temperatures: list[float],
        num_leapfrog: int,
        noise: Callable[[int], None],
        on_transition: Callable[[], object],
    ) -> None:
        self.model, self.images, self.num_chains, self.noise = model, images, num_chains, noise
        noise(TUNE)
        start = prior_samples(model, num_chains, images)
        path = path_to_posterior(model, images, [z.shape[-1] for z in start])
        step_sizes = annealing.tune_step_sizes(path, temperatures, torch.cat(start, -1), num_leapfrog, on_transition)
        self.annealing = annealing.Annealing(path, temperatures, step_sizes, num_leapfrog, on_transition)

    def forward(self) -> annealing.AnnealingResult:
        """Run the chains from samples of the prior."""
        self.noise(FORWARD)
        return self.annealing.forward(torch.cat(prior_samples(self.model, self.num_chains, self.images), -1))

    def backward(self, zs: Sequence[Tensor]) -> annealing.AnnealingResult:
        """Run the chains backwards from exact posterior samples, one for each image, of shape (B, D) for each layer."""
        self.noise(BACKWARD)
        position = torch.cat(list(zs), -1)  # (B, D)
        return self.annealing.backward(position.expand(self.num_chains, *position.shape))
