"""A model without an encoder: what is measured of it, and what a run with it leaves behind."""

import json
import math
from pathlib import Path

import pytest
import torch
from torch.distributions import Normal

import vae_lab
from helpers import commands, parts
from vae_lab.errors import UserError
from vae_lab.evaluation.criterion import KernelScore, criterion_of
from vae_lab.maths import divergences
from vae_lab.models.generator import Generator
from vae_lab.training.epoch_choice import epoch_choice


def test_kernel_score_of_a_normal_is_unbiased() -> None:
    """S(x) = E k(y, y') - 2 E k(x, y) for y ~ N(0, 1) and the Gaussian kernel, whose means are known."""
    torch.manual_seed(0)
    bandwidth, x = 3.0, torch.tensor([[0.4], [-2.0]]).double()
    batches = Normal(torch.zeros(()).double(), 1).sample((3000, 6, 1))
    scores = torch.stack([divergences.kernel_score(x, y, divergences.rbf, bandwidth) for y in batches])
    within = (bandwidth / (bandwidth + 4)) ** 0.5
    between = (bandwidth / (bandwidth + 2)) ** 0.5 * torch.exp(-x[:, 0].square() / (bandwidth + 2))
    parts.close(scores, within - 2 * between)


def test_kernel_score_differs_from_the_mmd_by_what_the_data_alone_say() -> None:
    torch.manual_seed(0)
    x, y = torch.randn(7, 3).double(), torch.randn(5, 3).double()
    score = divergences.kernel_score(x, y, divergences.inverse_multiquadric, 2.0).mean()
    of_data = divergences.mean_over_pairs(x, divergences.inverse_multiquadric, 2.0)
    mmd = divergences.mmd(x, y, divergences.inverse_multiquadric, 2.0)
    torch.testing.assert_close(score + of_data, mmd)


def test_a_generator_is_chosen_by_its_kernel_score() -> None:
    model, objective = parts.model_and_objective("objective=gan")
    criterion = criterion_of(model)
    assert isinstance(model, Generator)
    assert isinstance(criterion, KernelScore)
    assert not any("encoder" in name for name, _ in model.named_parameters())
    for num in (1, 2, 300):
        assert criterion.validate(model, parts.images(model, num))["kernel_score"].shape == (num,)
    assert epoch_choice("elbo", criterion, objective).improves(-0.2, -0.1)


def test_the_law_of_the_images_has_a_lower_kernel_score_than_one_of_them() -> None:
    torch.manual_seed(0)
    model, _ = parts.model_and_objective("objective=gan")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(5.0)  # images that differ
        images = model.generate(512).mean
        honest = KernelScore().validate(model, images)["kernel_score"].mean()
        model.decoder.bias.copy_(images[0].logit(1e-4))  # type: ignore[operator, union-attr]
        model.decoder.network[-2].weight.zero_()  # type: ignore[index, operator, union-attr]
        collapsed = KernelScore().validate(model, images)["kernel_score"].mean()
    assert honest < collapsed


@pytest.mark.slow
def test_a_gan_trains_resumes_and_loads(tmp_path: Path) -> None:
    plan = ("data=digits", "objective=gan", "latent_dim=4", "data.batch_size=256", "trainer=cpu", "compile=false")
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    done = commands.train(*plan, "trainer.max_epochs=3", f"hydra.run.dir={whole}")
    assert done.returncode == 0, done.stderr
    assert "ELBO" not in done.stdout
    assert "kernel score" in done.stdout
    figures = {name for name in commands.metrics(whole) if name.startswith(("test/", "val/"))}
    assert figures == {"test/kernel_score", "val/kernel_score"}
    assert math.isfinite(commands.metrics(whole)["test/kernel_score"])
    assert [path.name for path in (whole / "figures").glob("*.png")] == ["samples.png"]

    assert commands.train(*plan, "trainer.max_epochs=2", f"hydra.run.dir={resumed}").returncode == 0
    assert commands.train(f"resume={resumed}", "trainer.max_epochs=3").returncode == 0
    states = [
        torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"] for folder in (whole, resumed)
    ]
    assert any(name.startswith("objective.discriminator") for name in states[0])
    torch.testing.assert_close(*states, rtol=0, atol=0)

    run = vae_lab.load(whole)
    assert run.sample(5).shape == (5, 1, 8, 8)
    assert run.decode(torch.zeros(2, 4)).mean.shape == (2, 1, 8, 8)
    for inferring in (run.encode, run.reconstruct):
        with pytest.raises(UserError, match="no encoder"):
            inferring(torch.zeros(2, 1, 8, 8))

    done = commands.evaluate(f"run={whole}", "measure=[bounds,latents,memorisation]", "device=cpu")
    assert done.returncode == 0, done.stderr
    assert "bounds is not defined: the model has no encoder" in done.stdout
    assert "latents is not defined: the model has no encoder" in done.stdout
    assert set(json.loads((whole / "evaluation.json").read_text())["test"]) == {"memorisation"}
