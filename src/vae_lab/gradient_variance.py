"""`python -m vae_lab.gradient_variance`: measure the variance of gradient estimators on a trained model."""

from typing import TYPE_CHECKING

from vae_lab.configuration.command import refuse_multirun, run_command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omegaconf import DictConfig


def gradient_variance(config: "DictConfig") -> None:
    """Compare the estimators that a configuration names, on the run that it names."""
    # Heavy modules are imported here, after the configuration was checked.
    from vae_lab.evaluation.gradients.comparison import compare_estimators

    compare_estimators(config)


def check(config: "DictConfig", hydra: "DictConfig", overrides: "Sequence[str]", *, multirun: bool) -> None:
    """Check a configuration, without importing torch."""
    from vae_lab.evaluation.gradients.options import check_gradient_variance

    check_gradient_variance(config)


def main() -> None:
    """Run the command line."""
    run_command(gradient_variance, config_name="gradient_variance", check=check, rewrite=refuse_multirun)


if __name__ == "__main__":
    main()
