"""The learning rate of layers with very many inputs."""

import torch
from torch import nn

from vae_lab.errors import UserError

# A layer with more inputs than this, such as the pixel values of a large picture, has a lower learning rate.
MAX_INPUTS = 2**14


def wide_weights(module: nn.Module) -> dict[str, float]:
    """Return the factor of the learning rate of each weight that many inputs share, by the parameter's name.

    factor = MAX_INPUTS / n,  n inputs of a linear layer, n > MAX_INPUTS

    The first step of Adam changes each weight by the learning rate, whatever its gradient, and in the directions that
    add up: the output of a layer changes by the rate times n. With 655,360 inputs (a picture of 512 x 640 after three
    stages of a convolutional network) that is hundreds, and a log-variance that is hundreds off ends the training. A
    rate in proportion to 1 / n keeps the change the same for all n: Yang et al. 2021, table 3,
    https://arxiv.org/abs/2203.03466. Smaller layers have the given rate.

    Args:
        module: whose linear layers are looked at.
    """
    return {
        f"{name}.weight": MAX_INPUTS / layer.in_features
        for name, layer in module.named_modules()
        if isinstance(layer, nn.Linear) and layer.in_features > MAX_INPUTS
    }


def slow_down(optimizer: torch.optim.Optimizer, weights: list[nn.Parameter], factors: list[float]) -> None:
    """Give weights to an optimizer, each with a learning rate of its own.

    Args:
        optimizer: the optimizer of the other parameters, whose default rate is the one that is multiplied.
        weights: the parameters to add.
        factors: of the learning rate of each.

    Raises:
        UserError: if the optimizer has one learning rate for all.
    """
    if weights and isinstance(optimizer, torch.optim.LBFGS):
        raise UserError(
            f"optimizer=LBFGS: it has one learning rate, and a layer of more than {MAX_INPUTS:,} inputs needs its own; "
            "choose optimizer=adam, or smaller images"
        )
    for weight, factor in zip(weights, factors, strict=True):
        optimizer.add_param_group({"params": [weight], "lr": factor * optimizer.defaults["lr"]})
