"""The memory that a training takes at least, compared with what there is before any of it is allocated."""

import math

import torch
from hydra.errors import InstantiationException
from omegaconf import DictConfig

from vae_lab import build
from vae_lab.configuration.costs import num_devices
from vae_lab.configuration.machine import available_memory, check_memory
from vae_lab.data.module import ImageData
from vae_lab.models.latent_model import LatentModel


def check_memory_of_training(config: DictConfig, data: ImageData, num_classes: int | None) -> None:
    """Refuse a model or numbers of samples that cannot fit into memory.

    It counts only what is certainly needed at once: the parameters with their gradients and the state of the optimizer,
    and the images that are decoded for one batch, or for the test NLL of one image.

    Args:
        config: the run's configuration.
        data: its images.
        num_classes: the classes that the model is conditioned on, or None.

    Raises:
        UserError: one line with the keys to turn.
    """
    number_bytes = 8 if config.trainer.get("precision") == "64-true" else 4
    on_cpu, available = trains_on_cpu(config), available_memory()
    processes = (num_devices(config.trainer.get("devices")) or 1) if on_cpu else 1
    model = without_numbers(config, data.image_shape, num_classes)
    if model is not None:
        num_parameters = sum(parameter.numel() for parameter in model.parameters())
        # Of each parameter its value and its gradient, and of Adam two averages; on an accelerator, only the value.
        copies = processes * (4 if "adam" in str(config.optimizer["_target_"]).lower() else 2) if on_cpu else 1
        check_memory(
            num_parameters * number_bytes * copies,
            available,
            f"model: its {num_parameters:,} parameters, with their gradients and the state of the optimizer,",
            "choose smaller sizes (model.hidden_sizes or model.widths, latent_dim)",
        )
    if not on_cpu:
        return
    image_bytes = number_bytes * math.prod(data.image_shape)
    num_samples = config.objective.get("num_samples") or 1
    check_memory(
        num_samples * data.batch_size * image_bytes,
        available,
        f"objective.num_samples={num_samples} with data.batch_size={data.batch_size}: the decoded images of a batch",
        "choose a smaller number of either",
    )
    if model is not None and model.has_elbo:
        check_memory(
            config.nll_samples * image_bytes,
            available,
            f"nll_samples={config.nll_samples}: the decoded samples of one image",
            "choose a smaller number",
        )


def without_numbers(config: DictConfig, image_shape: tuple[int, ...], num_classes: int | None) -> LatentModel | None:
    """Build the model on torch's `meta` device, where tensors have a shape and take no memory.

    Returns:
        The model, or None for a flow whose masks are computed from numbers.
    """
    try:
        with torch.device("meta"):
            return build.assemble(config, image_shape, torch.zeros(image_shape), num_classes)
    except (InstantiationException, NotImplementedError):
        return None


def trains_on_cpu(config: DictConfig) -> bool:
    """Return whether a run is trained on the CPU."""
    accelerator = config.trainer.get("accelerator", "auto")
    found = torch.cuda.is_available() or torch.backends.mps.is_available()
    return bool(accelerator == "cpu" or (accelerator == "auto" and not found))
