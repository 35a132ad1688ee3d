"""Gradient estimators for a trained run: objectives with equally many samples, their baselines fitted to its model."""

import torch
from omegaconf import DictConfig, OmegaConf

from vae_lab import build
from vae_lab.configuration.paths import conf_dir
from vae_lab.evaluation.measure import EvaluationContext
from vae_lab.objectives.objective import Objective
from vae_lab.seeding import RngStream, generator, reseed

FITTING_RATE = 1e-3

# The objectives of the importance-weighted bound; the others are of the ELBO.
IMPORTANCE_WEIGHTED = frozenset({"vimco", "iwae", "dreg"})


def estimator(name: str, num_samples: int, context: EvaluationContext) -> Objective:
    """Build an objective by its name in `conf/objective`, with `num_samples` latent samples for each image.

    Raises:
        UserError: if it does not fit the parts of the run.
    """
    options = OmegaConf.load(conf_dir() / "objective" / f"{name}.yaml")
    config = DictConfig({**context.config, "objective": OmegaConf.merge(options, {"num_samples": num_samples})})
    torch.manual_seed(context.seed)
    objective = build.objective(
        config, num_images=len(context.training.x), image_shape=tuple(context.images.x.shape[1:])
    )
    return objective.to(context.device, context.images.x.dtype)


def fit(objective: Objective, context: EvaluationContext, num_batches: int) -> None:
    """Fit an objective's own parameters (a baseline) on batches of training images; the model is not changed.

    Afterwards the objective is in evaluation mode, so it updates no running averages.
    """
    parameters = [*objective.parameters()]
    fits = bool(parameters or [*objective.buffers()])
    optimizer = torch.optim.Adam(parameters, FITTING_RATE) if parameters else None
    x, c = context.training.x, context.training.c
    for batch in range(num_batches if fits else 0):
        noise = generator("cpu", context.seed, RngStream.FITTING, batch)
        index = torch.randint(len(x), (context.data.batch_size,), generator=noise).to(context.device)
        reseed(context.device, context.seed, RngStream.FITTING, batch)
        loss = objective(context.model, x[index], None if c is None else c[index])
        if optimizer is not None:
            optimizer.zero_grad()
            loss.value.backward(inputs=parameters)
            optimizer.step()
    objective.eval()
