"""Build the objects of a run from its configuration: the only place where sizes flow from part to part."""

import inspect
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from hydra.utils import get_object, instantiate
from lightning.fabric.plugins import CheckpointIO
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import ProgressBar
from lightning.pytorch.loggers import Logger, TensorBoardLogger
from omegaconf import DictConfig
from torch import Tensor, nn
from torch.distributions import Distribution

from vae_lab.configuration import pixels
from vae_lab.configuration.check import plain
from vae_lab.configuration.choices import named
from vae_lab.configuration.compatibility import check_compatibility
from vae_lab.configuration.groups import TREATMENT_KEYS
from vae_lab.configuration.training import length
from vae_lab.corruptions.corruption import Corruption
from vae_lab.data.contents import check_own_images
from vae_lab.data.fingerprint import fingerprint
from vae_lab.data.image_set import ImageSet
from vae_lab.data.module import ImageData
from vae_lab.data.stored import StoredImages, load_chosen
from vae_lab.distributions.conditional import at_least_float32
from vae_lab.errors import UserError
from vae_lab.likelihoods.likelihood import Likelihood
from vae_lab.models.generator import Generator
from vae_lab.models.hierarchy import Hierarchy
from vae_lab.models.latent_model import LatentModel
from vae_lab.models.vae import VAE
from vae_lab.networks.architecture import Architecture
from vae_lab.networks.initialization import Initialization
from vae_lab.networks.wrapper import NetworkWrapper
from vae_lab.objectives.objective import Objective
from vae_lab.optimization.lr_schedules import Schedule
from vae_lab.posteriors.posterior import Posterior
from vae_lab.priors.prior import EncoderPrior, Prior
from vae_lab.seeding import RngStream, derive_seed


def part(config: DictConfig, group: str, *kinds: type, **sizes: Any) -> Any:
    """Build the part of a config group, with the sizes that the parts around it determine.

    Raises:
        UserError: where the group names no class of the right kind, or the class refuses its options.
    """
    node = config[group]
    where = config._get_full_key(group)
    try:
        target = get_object(node["_target_"])
    except Exception as error:
        raise UserError(f"{where}._target_={node['_target_']}: {' '.join(str(error).split())}") from error
    if not (isinstance(target, type) and issubclass(target, kinds)):
        wanted = " or ".join(f"{kind.__module__}.{kind.__name__}" for kind in kinds)
        raise UserError(f"{where}._target_={node['_target_']}: expected a subclass of {wanted}")
    try:
        return instantiate(node, **sizes, _convert_="all")
    except Exception as error:
        # Hydra wraps what the part itself says.
        cause = error.__cause__ or error
        if isinstance(cause, UserError):
            raise cause from error
        if isinstance(cause, ValueError | TypeError | MisconfigurationException):
            raise UserError(f"{where}: {target.__name__} refuses its options: {cause}") from error
        raise


def likelihood_class(config: DictConfig) -> type[Likelihood]:
    """Return the class of the likelihood, which declares the data that it is for."""
    named: type[Likelihood] = get_object(config.likelihood["_target_"])
    return named


def data(config: DictConfig, *, saved: bool = False) -> ImageData:
    """Read the data set, and treat its pixels as the likelihood needs.

    Args:
        config: the run's configuration.
        saved: whether it is that of a saved run, whose pixels are treated as they were in its training.

    Raises:
        UserError: if the data cannot be read, or levels of grey would become binary pixels and nothing says so.
    """
    own = DictConfig({"data": {key: value for key, value in config.data.items() if key not in TREATMENT_KEYS}})
    likelihood = likelihood_class(config)
    source: ImageSet = part(own, "data", ImageSet)
    splits, left_out = load_chosen(source, config.data.get("leave_out") or [], config.data.get("num_train"))
    class_names = source.class_names()
    treatment = pixels.resolve(config.data.binarize, likelihood.support, likelihood.__name__)
    if not saved and source.grey_levels == "unknown":
        data_set = named("data", str(config.data["_target_"]))
        check_own_images(splits, data_set, config.data.binarize, treatment, likelihood.__name__)
    return ImageData(
        splits,
        treatment,
        batch_size=config.data.batch_size,
        seed=config.seed,
        dequantization=pixels.resolve_dequantize(
            config.data.dequantize, likelihood.support, likelihood.needs_dequantizing, likelihood.__name__
        ),
        left_out=left_out,
        in_place=isinstance(source, StoredImages),
        fingerprint=fingerprint(str(config.data["_target_"]), splits, left_out, class_names),
        class_names=class_names,
    )


def classes(config: DictConfig, images: ImageData, known: tuple[int, ...] | None = None) -> tuple[int, ...] | None:
    """Return the classes that the model is conditioned on; None where it is not. See `ImageData.conditions`."""
    return None if config.condition is None else images.conditions(known)


def model(
    config: DictConfig, image_shape: tuple[int, ...], pixel_mean: Tensor, num_classes: int | None = None
) -> LatentModel:
    """Build the model for images of the given shape; its output starts at their mean, and the seed fixes its weights.

    Args:
        config: the run's configuration.
        image_shape: channels, height, width.
        pixel_mean: the mean training image, of `image_shape`.
        num_classes: the classes that the images are conditioned on, or None.
    """
    check_parts(config)
    torch.manual_seed(derive_seed(config.seed, RngStream.WEIGHTS))
    built = assemble(config, image_shape, pixel_mean, num_classes)
    if config.get("initialization") is not None:
        part(config, "initialization", Initialization).start(built)
    return built


def assemble(
    config: DictConfig, image_shape: tuple[int, ...], pixel_mean: Tensor, num_classes: int | None
) -> LatentModel:
    """Build the model without the check of its parts and without `initialization`."""
    if get_object(config.objective["_target_"]).posterior_density == "unused":
        return generator(config, image_shape, pixel_mean)
    posterior = part(config, "posterior", Posterior, latent_dim=config.latent_dim)
    prior = part(config, "prior", Prior, **prior_sizes(config, num_classes))
    if posterior.event_shape != prior.event_shape:
        raise UserError(
            f"prior: its latent variables are of shape {prior.event_shape}, those of the posterior of "
            f"{posterior.event_shape}; give both the same options"
        )
    likelihood = part(config, "likelihood", Likelihood, image_shape=image_shape)
    networks = part(config, "model", Architecture, Hierarchy)
    corruption = None if config.corruption is None else part(config, "corruption", Corruption)
    wrapper = NetworkWrapper(image_shape, likelihood.params_at(pixel_mean), num_classes, corruption)
    if isinstance(networks, Hierarchy):
        return networks.assemble(wrapper, config.latent_dim, prior, likelihood)
    encoder = wrapper.encoder(lambda shape: networks.encoder(shape, posterior.param_shape))
    decoder = wrapper.decoder(lambda shape: networks.decoder(shape, likelihood.param_shape), posterior.event_shape)
    if isinstance(prior, EncoderPrior):
        # Clean pseudo-inputs, whatever the images are seen through.
        prior.introduce(partial(posterior_of, encoder, posterior), pixel_mean)
    return VAE(wrapper.with_corruption(encoder), posterior, prior, decoder, likelihood)


def generator(config: DictConfig, image_shape: tuple[int, ...], pixel_mean: Tensor) -> Generator:
    """Build the model of an objective that does not use an encoder, without one."""
    prior = part(config, "prior", Prior, latent_dim=config.latent_dim)
    likelihood = part(config, "likelihood", Likelihood, image_shape=image_shape)
    networks = part(config, "model", Architecture)
    wrapper = NetworkWrapper(image_shape, likelihood.params_at(pixel_mean), num_classes=None, corruption=None)
    decoder = wrapper.decoder(lambda shape: networks.decoder(shape, likelihood.param_shape), prior.event_shape)
    return Generator(prior, decoder, likelihood)


def posterior_of(encoder: nn.Module, posterior: Posterior, x: Tensor) -> Distribution:
    """Return q(z | x) of images as the encoder sees them, of shape (*batch, C, H, W)."""
    return posterior(at_least_float32(encoder(x)))


def prior_sizes(config: DictConfig, num_classes: int | None) -> dict[str, int | None]:
    """Return the arguments that the prior is built with: the classes only where its distribution depends on them."""
    sizes: dict[str, int | None] = {"latent_dim": config.latent_dim}
    if get_object(config.prior["_target_"]).needs_labels:
        sizes["num_classes"] = num_classes
    return sizes


def objective(config: DictConfig, *, num_images: int, image_shape: tuple[int, ...]) -> Objective:
    """Build the objective of training; the seed fixes the weights of its own networks.

    Args:
        config: the run's configuration.
        num_images: training images.
        image_shape: channels, height, width.
    """
    check_parts(config)
    torch.manual_seed(derive_seed(config.seed, RngStream.WEIGHTS, 1))  # not those of the model
    known = {"num_images": num_images, "image_shape": image_shape, "latent_dim": config.latent_dim}
    named = get_object(config.objective["_target_"])
    sizes = {name: size for name, size in known.items() if getattr(named, f"needs_{name}")}
    built: Objective = part(config, "objective", Objective, **sizes)
    return built


def check_parts(config: DictConfig) -> None:
    """Refuse parts that do not go together, by what their classes declare, a user's own classes among them.

    Raises:
        UserError: one line with the choices that would fit.
    """
    check_compatibility(plain(config), lambda target, name: getattr(get_object(target), name, None))


def optimizer(config: DictConfig) -> Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]:
    """Return a function from parameters to their optimizer."""
    return lambda parameters: part(config, "optimizer", torch.optim.Optimizer, params=list(parameters))


def schedule(config: DictConfig) -> Schedule | None:
    """Build the schedule of the learning rate, or return None where it is constant."""
    return None if config.get("schedule") is None else part(config, "schedule", Schedule)


def logger(config: DictConfig, run_dir: Path, first_step: int) -> Logger | bool:
    """Build the logger, which writes into the run's folder; False without one.

    Args:
        config: the run's configuration.
        run_dir: the run's folder.
        first_step: the steps behind a resumed run; what an interrupted attempt has logged after them is replaced.
    """
    if config.logger is None:
        return False
    target = get_object(config.logger["_target_"])
    known: dict[str, Any] = {}
    if "save_dir" in inspect.signature(target).parameters:
        known["save_dir"] = str(run_dir)
    if target is TensorBoardLogger:
        known["purge_step"] = first_step + 1
    built: Logger = part(config, "logger", Logger, **known)
    return built


def trainer(
    config: DictConfig, run_dir: Path, callbacks: list[Callback], *, plugins: list[CheckpointIO], first_step: int
) -> Trainer:
    """Build Lightning's trainer, which writes into the run's folder.

    Args:
        config: the run's configuration.
        run_dir: the run's folder.
        callbacks: callbacks beside those of the configuration.
        plugins: what writes the checkpoints, beside the plugins of the configuration.
        first_step: the steps behind a resumed run.
    """
    optional = [part(config.callbacks, name, Callback) for name, node in config.callbacks.items() if node is not None]
    if not config.trainer.get("enable_progress_bar", True):
        optional = [each for each in optional if not isinstance(each, ProgressBar)]
    settings: dict[str, Any] = {
        **length(config.trainer, config.get("epochs_scale", 1.0)),
        "default_root_dir": str(run_dir),
        "callbacks": [*callbacks, *optional],
        "plugins": [*plugins, *(config.trainer.get("plugins") or [])],
        "logger": logger(config, run_dir, first_step),
    }
    # Without one of the configuration, Lightning would show one of its own.
    settings["enable_progress_bar"] = any(isinstance(each, ProgressBar) for each in optional)
    built: Trainer = part(config, "trainer", Trainer, **settings)
    return built
