"""Compare gradient estimators, from a checked configuration to the results in the run's folder."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from torch import Tensor, nn

from vae_lab.errors import UserError, printable
from vae_lab.evaluation.context import device_of, evaluation_context
from vae_lab.evaluation.gradients.estimators import IMPORTANCE_WEIGHTED, estimator, fit
from vae_lab.evaluation.gradients.figure import draw
from vae_lab.evaluation.gradients.noise import Noise, estimate_noise, gradient, parameters_of_q
from vae_lab.evaluation.measure import EvaluationContext
from vae_lab.evaluation.progress import progress
from vae_lab.objectives.objective import Objective
from vae_lab.runs import trained
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.lock import locked
from vae_lab.runs.saved_data import check_data, read_data
from vae_lab.seeding import RngStream, reseed


def compare_estimators(config: DictConfig) -> None:
    """Compare gradient estimators on a run, whose folder nobody else may write into meanwhile; see `compare`."""
    folder = RunFolder(Path(config.run))
    with locked(folder, "compares gradient estimators"):
        compare(config, folder)


def compare(config: DictConfig, folder: RunFolder) -> None:
    """Measure the variance of every estimator on the same images, write it to a file, draw it and print a table.

    The model is in training mode, in which gradients are taken, and is not changed. The images are fixed and their
    pixels are drawn once, so the variance is due to the latent samples only.

    Args:
        config: a composed and checked configuration.
        folder: the run's folder.

    Raises:
        UserError: if no estimator fits the run.
    """
    run = trained.load(folder.path)
    data = read_data(folder, run.config)
    other_data = check_data(folder, run.config, data, allow=config.allow_other_data)
    context = evaluation_context(
        run,
        split=config.split,
        num_images=config.num_images,
        seed=config.seed,
        device=device_of(config.device),
        memory_mib=1024,
        data=data,
    )
    if not run.model.has_elbo:
        raise UserError(
            f"run={config.run}: its posterior has no density, so there is no bound to take gradients of; "
            "choose a run with a posterior such as posterior=diagonal"
        )
    found = measure_noise(config, context)
    if not found:
        raise UserError(f"run={config.run}: none of the estimators fits the parts of this run; choose others")
    about = {
        "of": "the gradient for q of the mean over the images, in nats per image",
        "split": config.split,
        "num_images": config.num_images,
        "num_samples": config.num_samples,
        "num_gradients": 2 * config.num_pairs,
        "fitting_batches": config.fitting_batches,
        "seed": config.seed,
        "epoch": run.metrics["epoch"],
        "binarize": context.data.treatment,
        "dequantize": context.data.dequantization,
        **({} if other_data is None else {"other_data": other_data}),
    }
    folder.write_json(
        folder.gradient_variance, {**about, "estimators": {name: as_json(name, noise) for name, noise in found.items()}}
    )
    picture = folder.figures / "gradient_variance.png"
    draw(found, title_of(config), folder, picture)
    print(table(found, config))
    print(f"figure       {printable(str(picture))}\ndetails      {printable(str(folder.gradient_variance))}")


def measure_noise(config: DictConfig, context: EvaluationContext) -> dict[str, Noise]:
    """Measure the noise of every estimator that fits the run; print the reason for each that does not."""
    model = context.model.train().requires_grad_(True)
    parameters = parameters_of_q(model, context.images)
    found = {}
    for name in config.estimators:
        try:
            objective = estimator(name, config.num_samples, context)
        except UserError as error:
            print(f"left out: {error}")
            continue
        fit(objective, context, config.fitting_batches)
        with progress(config.num_pairs, name) as bar:
            found[name] = estimate_noise(gradient_pairs(objective, context, parameters, config.num_pairs, bar.update))
    return found


def gradient_pairs(
    objective: Objective,
    context: EvaluationContext,
    parameters: list[nn.Parameter],
    num_pairs: int,
    on_pair: Callable[[], object],
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield pairs of gradients, each from its own latent samples; all estimators use the same seeds.

    Args:
        objective: the estimator.
        context: the model and the images.
        parameters: what the gradient is taken for, P numbers in all.
        num_pairs: the number of pairs.
        on_pair: called after each pair.
    """

    def draw_gradient(position: int) -> Tensor:
        reseed(context.device, context.seed, RngStream.GRADIENTS, position)
        return gradient(objective, context.model, context.images, parameters)  # (P,)

    for pair in range(num_pairs):
        yield draw_gradient(2 * pair), draw_gradient(2 * pair + 1)
        on_pair()


def as_json(name: str, noise: Noise) -> dict[str, Any]:
    """Return the noise of an estimator as JSON."""
    return {
        "bound": bound_of(name),
        "variance": noise.variance,
        "standard_error": noise.standard_error,
        "variance_per_parameter": noise.variance_per_parameter,
        "num_parameters": noise.num_parameters,
        "squared_norm_of_mean": noise.squared_norm,
        "signal_to_noise": noise.signal_to_noise,
    }


def bound_of(name: str) -> str:
    """Return the bound whose gradient an estimator estimates."""
    return "L_K" if name in IMPORTANCE_WEIGHTED else "ELBO"


def title_of(config: DictConfig) -> str:
    """Return the title of the table and of the figure, in one line."""
    return (
        f"gradient for q of the mean over {config.num_images} images of split={config.split}, K = {config.num_samples}"
    )


def table(found: Mapping[str, Noise], config: DictConfig) -> str:
    """Return the noise of all estimators as a table for the terminal."""
    width = max(len(name) for name in found)
    num_parameters = next(iter(found.values())).num_parameters
    lines = [
        f"\n{title_of(config)}, {num_parameters:,} parameters; {2 * config.num_pairs:,} gradients each",
        f"{'':<{width}}  bound      variance ± one s.e.   per parameter   |mean|   |mean| / s.d.",
    ]
    for name, noise in found.items():
        lines.append(
            f"{name:<{width}}  {bound_of(name):<5}  {noise.variance:>12.5g} ± {noise.standard_error:<7.2g}"
            f"  {noise.variance_per_parameter:>14.3g}  {max(noise.squared_norm, 0) ** 0.5:>7.3g}"
            f"  {noise.signal_to_noise:>14.3g}"
        )
    return "\n".join(lines)
