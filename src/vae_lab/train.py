"""`python -m vae_lab.train`: train a model, test the best of its epochs, and write down what came out."""

from typing import TYPE_CHECKING

from vae_lab.command import run_command

if TYPE_CHECKING:
    from omegaconf import DictConfig


def train(config: "DictConfig") -> float:
    """Train one configuration in Hydra's output folder; returns the best validation ELBO, for sweepers."""
    # Everything heavy is imported here, after the configuration was found sound.
    from vae_lab.experiment import run_experiment

    return run_experiment(config)


def main() -> None:
    run_command(train, config_name="train")


if __name__ == "__main__":
    main()
