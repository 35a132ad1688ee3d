"""The experiments of `conf/`: each runs by its name, in seconds at smoke size."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hydra import initialize_config_dir
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from helpers import parts
from helpers.composed import composed
from vae_lab import build
from vae_lab.configuration.check import check
from vae_lab.configuration.flat import flatten
from vae_lab.configuration.overrides import compose_checked, compose_with_hydra
from vae_lab.configuration.paths import conf_dir
from vae_lab.models.vae import VAE
from vae_lab.sweeps.jobs import grid

NAMES = parts.names("experiment")


def jobs(*overrides: str) -> list[list[str]]:
    """The command lines of an experiment's runs: one, unless it is a sweep."""
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        hydra = compose_with_hydra("train", overrides).hydra
        return grid(hydra, overrides) if hydra.mode is RunMode.MULTIRUN else [list(overrides)]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_run_is_sound(name: str) -> None:
    for job in jobs(f"experiment={name}"):
        with initialize_config_dir(str(conf_dir()), version_base="1.3"):
            check(compose_checked("train", job))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_holds_differences_only(name: str) -> None:
    """No setting is what it would be without it, in every run."""
    own = OmegaConf.load(conf_dir() / "experiment" / f"{name}.yaml")
    assert isinstance(own, DictConfig)
    bases = [entry for entry in own.pop("defaults", []) if entry != "_self_"]
    parents = [f"experiment={entry}" for entry in bases if isinstance(entry, str)]
    chosen = [
        f"{key.removeprefix('override /')}={value}"
        for entry in bases
        if isinstance(entry, DictConfig)
        for key, value in entry.items()
        if key.startswith("override /") and not key.startswith("override /hydra/")
    ]
    swept = [
        [override for override in job if not override.startswith("experiment")] for job in jobs(f"experiment={name}")
    ]
    for key, value in flatten(OmegaConf.to_container(own)).items():
        if not key.startswith("hydra."):
            differs = (OmegaConf.select(composed(*parents, *chosen, *job), key) != value for job in swept)
            assert any(differs), f"{key} repeats a default"
    for override in chosen:
        assert composed(*parents) != composed(*parents, override), f"{override} repeats a default"


@pytest.mark.parametrize(
    "group", sorted(path.name for path in Path(conf_dir(), "experiment").iterdir() if path.is_dir())
)
def test_systems_beside_each_other_differ(group: str) -> None:
    """Each choice of an experiment's own group makes another run of it."""
    choices = [f"experiment/{group}={name}" for name in parts.names(f"experiment/{group}")]
    made = [composed(f"experiment={group}", choice) for choice in choices]
    assert len(made) > 1
    assert all(made.count(config) == 1 for config in made)


# Fewer values of what is swept.
FEWER = {
    "amortised_vs_per_image": ["callbacks.per_image.num_images=5", "callbacks.per_image.num_steps=3"],
    "aevb_marginal_likelihood": [
        "objective=elbo,monte_carlo_em",
        "seed=0",
        "callbacks.marginal_likelihood.num_points=2",
        "callbacks.marginal_likelihood.num_images=5",
        "callbacks.marginal_likelihood.num_samples=5",
    ],
    "aevb_lower_bound": ["latent_dim=3,200"],
    "aevb_lower_bound_frey_faces": ["latent_dim=2,20"],
    "estimator_variance": [
        f"+hydra.callbacks.estimator_variance.{key}=3" for key in ("num_images", "num_pairs", "fitting_batches")
    ],
    "iwae_table": ["objective.num_samples=1,5"],
}

# What they draw beside the figures of every run and sweep.
FIGURES = [
    ("ae_vs_vae", "latent_planes"),
    ("estimator_variance", "gradient_variance"),
    ("aevb_lower_bound", "lower_bound"),
    ("aevb_lower_bound_frey_faces", "lower_bound"),
    ("aevb_marginal_likelihood", "lower_bound"),
    ("aevb_marginal_likelihood", "marginal_likelihood"),
    ("amortised_vs_per_image", "amortised_vs_per_image"),
]

# What is measured when they are trained.
CODES = {"reconstruction", "latents", "anomaly"}
MEASURED = {
    "autoencoder": CODES,
    "conditional_autoencoder": CODES - {"anomaly"},  # an anomaly has no class
    "conv_autoencoder": CODES,
    "denoising_autoencoder": CODES,
    "gan/0": {"samples"},
    "gan/1": {"samples"},
    "gaussian_vae": {"bounds", "gaussian_mixture"},
    "stacked_autoencoder": CODES,
}

# One process, so that torch is imported once.
ALL = """
import sys
from vae_lab.train import main
for name, fewer in {fewer}.items():
    folder = "{folder}/" + name
    places = ["hydra.run.dir=" + folder, "hydra.sweep.dir=" + folder]
    sys.argv = ["train", "experiment=" + name, "size=smoke", *places, *{settings}, *fewer]
    main()
"""


@pytest.mark.slow
def test_all_run_at_smoke_size(tmp_path: Path) -> None:
    settings = ["seed=0", "trainer=cpu", "trainer.max_epochs=1", "data.batch_size=200", "nll_samples=2"]
    fewer = {name: FEWER.get(name, []) for name in NAMES}
    script = ALL.format(fewer=fewer, folder=tmp_path, settings=[*settings, "callbacks.progress=null"])
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}  # of the classifier behind sample scores
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "it/s" not in done.stdout + done.stderr
    for name in NAMES:
        finished = list((tmp_path / name).rglob("metrics.json"))
        assert len(finished) == len(jobs(f"experiment={name}", "size=smoke", *settings, *fewer[name]))
    for name, figure in FIGURES:
        assert (tmp_path / name / "figures" / f"{figure}.png").is_file()
    for folder, measures in MEASURED.items():
        measured = json.loads((tmp_path / folder / "evaluation.json").read_text())["test"]
        assert measured.keys() == measures, folder
    assert "| mlp | iwae | 50 | - | 84.78 |" in (tmp_path / "iwae_table" / "published.md").read_text()
    assert (tmp_path / "ae_vs_vae" / "figures" / "against_experiment.ae_vs_vae.png").is_file()
    report = (tmp_path / "ae_vs_vae" / "report.md").read_text()
    assert "| experiment/ae_vs_vae | seeds |" in report, "what tells the two apart, and not what it brings"


def test_the_loss_of_gaussian_vae_is_that_of_its_derivation() -> None:
    """1/2 |x - x_hat|^2 + D/2 log 2 pi + 1/2 sum_j (mu_j^2 + sigma_j^2 - 1 - log sigma_j^2), term by term."""
    config = composed("experiment=gaussian_vae")
    model = build.model(config, parts.IMAGE_SHAPE, torch.full(parts.IMAGE_SHAPE, 0.3)).double()
    assert isinstance(model, VAE)
    x = torch.rand(5, *parts.IMAGE_SHAPE, dtype=torch.float64)
    objective = build.objective(config, num_images=5, image_shape=parts.IMAGE_SHAPE)
    torch.manual_seed(0)
    loss = objective(model, x)
    mean, log_variance = model.encoder(x).chunk(2, -1)  # (B, D) each
    torch.manual_seed(0)
    noise = torch.randn(1, *mean.shape, dtype=mean.dtype)
    x_hat = model.decoder(mean + (log_variance / 2).exp() * noise)  # (1, B, C, H, W)
    squares = (x - x_hat).square().sum((-3, -2, -1)).mean()
    rate = (mean.square() + log_variance.exp() - 1 - log_variance).sum(-1).mean() / 2
    torch.testing.assert_close(loss.terms["distortion"], squares / 2 + x[0].numel() / 2 * math.log(2 * math.pi))
    torch.testing.assert_close(loss.terms["rate"], rate)
    torch.testing.assert_close(loss.value, loss.terms["distortion"] + loss.terms["rate"])
