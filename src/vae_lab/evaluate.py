"""`python -m vae_lab.evaluate`: measure trained runs, and write the estimates into their folders."""

from typing import TYPE_CHECKING

from vae_lab.configuration.command import refuse_multirun, run_command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omegaconf import DictConfig


def evaluate(config: "DictConfig") -> None:
    """Measure the runs that a configuration names."""
    # Heavy modules are imported here, after the configuration was checked.
    from vae_lab.evaluation.command import evaluate_runs

    evaluate_runs(config)


def check(config: "DictConfig", hydra: "DictConfig", overrides: "Sequence[str]", *, multirun: bool) -> None:
    """Check a configuration, without importing torch."""
    from vae_lab.evaluation.options import check_evaluation

    check_evaluation(config)


def main() -> None:
    """Run the command line."""
    run_command(evaluate, config_name="evaluate", check=check, rewrite=refuse_multirun)


if __name__ == "__main__":
    main()
