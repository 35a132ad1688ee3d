"""Folders of runs and searches, as they are left at the end, whose metrics are given."""

import json
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from optuna import Study, create_study
from optuna.trial import create_trial

from vae_lab.configuration.overrides import compose_with_hydra, without_hydra

BERNOULLI = "vae_lab.likelihoods.bernoulli.Bernoulli"
OBJECTIVES: dict[str, dict[str, Any]] = {
    "elbo": {"_target_": "vae_lab.objectives.elbo.ELBO", "num_samples": 1},
    "iwae": {"_target_": "vae_lab.objectives.importance_weighted.IWAE", "num_samples": 5},
    "beta": {"_target_": "vae_lab.objectives.weighted.Beta", "beta": 4.0, "num_samples": 1},
}


def write_run(
    folder: Path,
    elbo: float | None,
    *,
    seed: int = 0,
    latent_dim: int = 2,
    objective: str = "elbo",
    options: dict[str, Any] | None = None,
    likelihood: str = BERNOULLI,
    epochs_scale: float = 1.0,
    **metrics: Any,
) -> None:
    """A run's folder as training leaves it; without an ELBO, an unfinished one."""
    config = {
        "latent_dim": latent_dim,
        "seed": seed,
        "epochs_scale": epochs_scale,
        "trainer": {"max_epochs": 3280},
        "data": {"_target_": "vae_lab.data.digits.Digits", "num_test": 300, "batch_size": 32},
        "likelihood": {"_target_": likelihood},
        "objective": OBJECTIVES[objective] | (options or {}),
        "callbacks": {"figures": {"every_n_epochs": seed + 1}},
    }
    choices = {"data": "digits", "objective": objective, "likelihood": likelihood.rpartition(".")[2], "hydra/env": "x"}
    (folder / ".hydra").mkdir(parents=True)
    OmegaConf.save(config, folder / ".hydra" / "config.yaml")
    OmegaConf.save({"hydra": {"runtime": {"choices": choices}}}, folder / ".hydra" / "hydra.yaml")
    if elbo is not None:
        figures = {"val/elbo": elbo + 1, "test/elbo": elbo, "test/rate": 5.0, "test/distortion": -elbo - 5.0}
        figures |= {"test/nll": -elbo - 0.5, "data/binarize": "dynamic", "data/dequantize": "none", **metrics}
        (folder / "metrics.json").write_text(json.dumps(figures))


def search_of_one_trial(sweep_dir: Path, *values: float) -> Study:
    """A study whose only trial finished with these values, and the folder of its run; Hydra must be initialised."""
    config = compose_with_hydra("train", ["data=digits"])
    run = sweep_dir / "0" / ".hydra"
    run.mkdir(parents=True)
    OmegaConf.save({"hydra": {"runtime": {"choices": config.hydra.runtime.choices}}}, run / "hydra.yaml")
    OmegaConf.save(OmegaConf.to_container(without_hydra(config), resolve=True), run / "config.yaml")
    study = create_study(directions=["maximize"] * len(values))
    study.add_trial(create_trial(values=values, user_attrs={"folder": "0"}))
    return study
