"""The epoch that is tested is chosen by what fits the objective, or by what was asked for."""

import math
from pathlib import Path

import pytest
import torch
from lightning.pytorch.callbacks import EarlyStopping, Timer

from helpers import commands, parts
from helpers.fixed_noise import FixedNoise
from helpers.measured_objectives import AXES, a_vae, late
from vae_lab.configuration.choices import targets
from vae_lab.errors import UserError
from vae_lab.evaluation.criterion import criterion_of
from vae_lab.objectives.schedules import Constant
from vae_lab.objectives.weighted import FreeBits
from vae_lab.training.epoch_choice import EpochChoice, check_monitors, epoch_choice, metric_names, validation_metrics


@pytest.mark.parametrize(
    ("choice", "better", "worse"),
    [(EpochChoice("elbo", higher_is_better=True), -1.0, -2.0), (EpochChoice("loss"), 1.0, 2.0)],
)
def test_which_epoch_is_better(choice: EpochChoice, better: float, worse: float) -> None:
    assert choice.improves(worse, None)
    assert choice.improves(better, worse)
    assert not choice.improves(worse, better)
    assert not choice.improves(better, better)
    assert not choice.improves(math.nan, None)
    assert not choice.improves(math.nan, worse)
    assert not choice.improves(math.copysign(math.inf, worse), None)


def test_the_last_epoch_is_the_last_that_is_finite() -> None:
    choice = EpochChoice(None)
    assert choice.improves(-2.0, None)
    assert choice.improves(-3.0, -2.0)
    assert not choice.improves(math.nan, -2.0)


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        (["objective=elbo"], "val/elbo"),
        (["objective=beta", "objective.beta=1"], "val/elbo"),
        (["objective=beta", "objective.beta=4"], "val/loss"),
        (["objective=beta_warmup"], "val/elbo"),
        (["objective=beta_warmup", "objective.beta.end=2"], "last"),
        (["objective=free_bits"], "last"),
        (["objective=wae_mmd"], "last"),
        (["objective=capacity"], "last"),
        (["objective=iwae"], "val/loss"),
        (["objective=factor"], "last"),
        (["objective=gan"], "val/kernel_score"),
        (["objective=autoencoder", "posterior=delta"], "val/distortion"),
    ],
)
def test_auto_fits_the_objective(overrides: list[str], name: str) -> None:
    model, objective = parts.model_and_objective(*overrides)
    assert epoch_choice("auto", criterion_of(model), objective).name == name
    assert epoch_choice("last", criterion_of(model), objective).name == "last"


@pytest.mark.parametrize(
    ("overrides", "key", "reason"),
    [
        (["objective=vae_gan"], "objective", "the loss of VAEGAN on validation images does not say"),
        (["objective=capacity"], "objective", "the loss of Capacity on validation images does not say"),
        (
            ["objective=beta_warmup", "objective.beta.end=2"],
            "objective",
            "a schedule makes the loss of Beta",
        ),
        (["objective=gan"], "nll", "compared by its kernel_score has no likelihood"),
    ],
)
def test_what_cannot_compare_epochs_is_refused(overrides: list[str], key: str, reason: str) -> None:
    model, objective = parts.model_and_objective(*overrides)
    with pytest.raises(UserError, match=reason):
        epoch_choice(key, criterion_of(model), objective)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(targets("objective")))
def test_the_loss_on_validation_images_is_a_metric(name: str) -> None:
    """In evaluation it depends on the random numbers only, and changes nothing; or the objective says otherwise."""
    model, objective = parts.model_and_objective(f"objective={name}")
    if not objective.compares_epochs:
        assert objective.epoch_rule() != "objective"
        return
    x = parts.images(model, 5)
    criterion, choice = criterion_of(model), EpochChoice("loss")
    model.eval(), objective.eval()
    before = {key: value.clone() for key, value in objective.state_dict().items()}
    losses = []
    with torch.inference_mode():
        for _ in range(2):
            torch.manual_seed(0)
            losses.append(validation_metrics(choice, criterion, model, objective, x, None, nll_samples=3)["loss"])
    assert losses[0].shape == (5,)
    assert torch.equal(losses[0], losses[1])
    torch.testing.assert_close(objective.state_dict(), before, rtol=0, atol=0)


def loss_of_images(name: str, images: range) -> float:
    """The loss of some of five images, whose rates differ widely, with the same noise for each in any batch."""
    model, objective = a_vae().double(), late(name).double()
    with torch.no_grad():
        for parameter in model.encoder.parameters():
            parameter.mul_(4.0)
    if isinstance(objective, FreeBits):
        objective.free_nats = Constant(3.0)  # between the rates of the images
    x = parts.images(model, 5, torch.float64)[list(images)]
    with FixedNoise(AXES, images):
        return objective(model, x).value.item()


@pytest.mark.parametrize("name", ["elbo", "beta", "iwae", "miwae", "dreg", "renyi", "vimco", "free_bits", "beta_tc"])
def test_a_loss_that_compares_epochs_is_a_mean_over_images(name: str) -> None:
    """Else it would depend on how validation images fall into batches, and on the processes that share them."""
    alone = [loss_of_images(name, range(number, number + 1)) for number in range(5)]
    is_mean = math.isclose(loss_of_images(name, range(5)), sum(alone) / 5, rel_tol=1e-9)
    assert is_mean == late(name).compares_epochs


@pytest.mark.parametrize("overrides", [[], ["objective=gan"], ["objective=autoencoder", "posterior=delta"]])
def test_the_metrics_of_a_validation_are_those_that_are_named(overrides: list[str]) -> None:
    model, objective = parts.model_and_objective(*overrides)
    x, criterion, choice = parts.images(model, 3), criterion_of(model), EpochChoice("loss")
    metrics = validation_metrics(choice, criterion, model, objective, x, None, nll_samples=2)
    assert [f"val/{name}" for name in metrics] == metric_names(choice, criterion)


def test_a_callback_that_waits_for_a_metric_that_is_not_logged_is_refused() -> None:
    criterion = criterion_of(parts.model_and_objective()[0])
    choice = EpochChoice("elbo", higher_is_better=True)
    check_monitors([EarlyStopping("val/rate"), Timer()], choice, criterion)
    with pytest.raises(UserError, match=r"EarlyStopping has monitor=val_elbo, .* did you mean 'val/elbo'"):
        check_monitors([EarlyStopping("val_elbo")], choice, criterion)


@pytest.mark.slow
@pytest.mark.parametrize("key", ["auto", "last", "nll"])
def test_the_metrics_say_which_epoch_and_why(tmp_path: Path, key: str) -> None:
    """With a small weight on the rate, the best plain ELBO is that of an early epoch; its own loss goes on falling."""
    settings = ("data=digits", "latent_dim=5", "trainer=cpu", "trainer.max_epochs=4", "nll_samples=20")
    beta = ("objective=beta", "objective.beta=0.01", f"choose_epoch_by={key}")
    done = commands.train(*settings, *beta, f"hydra.run.dir={tmp_path}")
    assert done.returncode == 0, done.stderr
    metrics = commands.metrics(tmp_path)
    name = {"auto": "val/loss", "last": "last", "nll": "val/nll"}[key]
    assert metrics["epoch/chosen_by"] == name
    assert key == "nll" or metrics["epoch"] == 3
    assert f"epoch {metrics['epoch'] + 1} of 4" in done.stdout
    if key == "auto":
        assert metrics["val/loss"] == pytest.approx(metrics["val/distortion"] + 0.01 * metrics["val/rate"], rel=0.05)
        assert "the last of 4 epochs" in metrics["note/last_epoch"]
        assert metrics["note/last_epoch"] in done.stdout + done.stderr
