"""The noise of gradient estimators: against closed forms, and through the command line on a trained run."""

import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from PIL import Image
from torch import Tensor

from helpers import commands, exact, parts
from helpers.gradients import MEAN, SCALE, B, C, G, X
from vae_lab.configuration.paths import conf_dir
from vae_lab.errors import UserError
from vae_lab.evaluation.gradients.noise import Noise, estimate_noise, gradient, parameters_of_q
from vae_lab.evaluation.measure import Images
from vae_lab.gradient_variance import check
from vae_lab.objectives.elbo import ELBO
from vae_lab.objectives.elbo_mc import MonteCarloELBO
from vae_lab.objectives.objective import Objective
from vae_lab.objectives.score_function import WithoutBaseline
from vae_lab.objectives.stl import StickingTheLanding

NUM_IMAGES = 4


def is_near(noise: Noise, variance: float) -> bool:
    """Whether a variance was found, to within its standard error."""
    return abs(noise.variance - variance) < 5 * noise.standard_error < variance


def test_noise_of_known_gradients() -> None:
    torch.manual_seed(0)
    mean, scale = torch.tensor([3.0, -1.0, 0.5]).double(), torch.tensor([1.0, 2.0, 0.1]).double()

    def drawn() -> Iterator[tuple[Tensor, Tensor]]:
        for _ in range(4000):
            one, other = mean + scale * torch.randn(2, 3, dtype=torch.float64)
            yield one, other

    noise = estimate_noise(drawn())
    total = scale.square().sum().item()
    assert is_near(noise, total)
    # |g - g'|^2 / 2 has the variance 2 tr(Cov^2).
    assert noise.standard_error == pytest.approx(math.sqrt(2 * scale.pow(4).sum().item() / 4000), rel=0.1)
    assert noise.squared_norm == pytest.approx(mean.square().sum().item(), rel=0.05)
    assert noise.variance_per_parameter == pytest.approx(total / 3, rel=0.1)
    assert noise.signal_to_noise == pytest.approx(mean.norm().item() / math.sqrt(total), rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("objective", "variance"),
    [
        (ELBO(), SCALE**2),
        (MonteCarloELBO(), 4 * SCALE**2),
        (StickingTheLanding(), (1 / SCALE - 2 * SCALE) ** 2),
        (WithoutBaseline(), (C**2 + 2 * (SCALE * G) ** 2 + 15 * B**2 + 6 * B * C) / SCALE**2),
    ],
    ids=["elbo", "elbo_mc", "stl", "score_function"],
)
def test_noise_of_estimators_is_the_closed_form(objective: Objective, variance: float) -> None:
    """Of the mean over a batch, whose images have noise of their own: a part of that of one image."""
    torch.manual_seed(0)
    model, encoder = exact.conjugate_gaussian(MEAN, SCALE)
    images = Images(exact.image(X, NUM_IMAGES), torch.zeros(NUM_IMAGES), None)

    def drawn() -> Tensor:
        return gradient(objective, model, images, [encoder.mean])

    noise = estimate_noise((drawn(), drawn()) for _ in range(500))
    assert is_near(noise, variance / NUM_IMAGES)
    assert noise.squared_norm == pytest.approx(G**2, abs=0.3)


@pytest.mark.parametrize(
    ("choice", "parts_of_q"),
    [("model=mlp", {"encoder"}), ("model=two_layer", {"encoder", "upper_encoder"})],
)
def test_the_parameters_of_q_are_found(choice: str, parts_of_q: set[str]) -> None:
    model, _ = parts.model_and_objective(choice)
    x = parts.images(model, 3)
    found = {id(parameter) for parameter in parameters_of_q(model, Images(x, torch.zeros(3), None))}
    expected = {id(p) for name, p in model.named_parameters() if name.partition(".")[0] in parts_of_q}
    assert found == expected


@pytest.mark.slow
def test_compares_the_estimators_that_go_with_a_run(tmp_path: Path) -> None:
    done = commands.train(
        "data=digits",
        "latent_dim=2",
        "posterior=iaf",
        "trainer=cpu",
        "trainer.max_epochs=1",
        "logger=none",
        f"hydra.run.dir={tmp_path}",
    )
    assert done.returncode == 0, done.stderr
    done = commands.run(
        "gradient_variance",
        f"run={tmp_path}",
        "estimators=[score_function_learned,elbo,iwae]",
        "num_images=5",
        "num_pairs=10",
        "fitting_batches=2",
    )
    assert done.returncode == 0, done.stderr
    assert "left out: objective=score_function_learned: it needs log q" in done.stdout
    written = json.loads((tmp_path / "gradient_variance.json").read_text())
    assert written["num_images"] == 5
    assert written["num_gradients"] == 20
    assert written["estimators"].keys() == {"elbo", "iwae"}
    assert written["estimators"]["iwae"]["bound"] == "L_K"
    assert all(0 < found["standard_error"] < found["variance"] for found in written["estimators"].values())
    with Image.open(tmp_path / "figures" / "gradient_variance.png") as picture:
        assert min(picture.size) > 100
    assert not [path for path in tmp_path.rglob("*unfinished*") if path.is_file()]


@pytest.mark.parametrize(
    ("overrides", "hint"),
    [
        (["run=nowhere"], "there is no such folder"),
        ([], "give it with run="),
        (["run=nowhere", "estimators=[elbow]"], "did you mean 'elbo'?"),
        (["run=nowhere", "estimators=[elbo,elbo]"], "name each once"),
        (["run=nowhere", "num_samples=1"], "greater than or equal to 2"),
    ],
)
def test_refuses_what_cannot_work(overrides: list[str], hint: str) -> None:
    with initialize_config_dir(str(conf_dir()), version_base="1.3"), pytest.raises(UserError) as refused:
        check(compose("gradient_variance", overrides))
    assert hint in str(refused.value)
    assert "\n" not in str(refused.value)
