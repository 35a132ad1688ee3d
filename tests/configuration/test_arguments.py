"""Words of a command line that are no overrides are told with what was meant, and a mistake is one line everywhere."""

from pathlib import Path

import pytest
from hydra import initialize_config_dir
from omegaconf import OmegaConf

from helpers import commands
from vae_lab.configuration.arguments import parse_arguments
from vae_lab.configuration.check import check_targets
from vae_lab.configuration.overrides import compose_with_hydra, refuse_sweep
from vae_lab.configuration.paths import conf_dir
from vae_lab.configuration.training import check_trainer
from vae_lab.errors import UserError


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--seed", "5"], "--seed: keys are given without dashes; write seed=5"),
        (["--optimizer.lr=0.1"], "write optimizer.lr=0.1"),
        (["-y"], "-y: there is no such option"),
        (["seed=1", "latent_dim", "=", "5"], "latent_dim = 5: leave out the spaces; write latent_dim=5"),
        (["latent_dim=", "5"], "latent_dim= 5: leave out the spaces; write latent_dim=5"),
        (["latent_dim", "=5"], "latent_dim =5: leave out the spaces; write latent_dim=5"),
        (["."], r"\.: expected KEY=VALUE; write resume=\."),
        (["--cfg", "nope"], "invalid choice: 'nope'"),
    ],
)
def test_what_is_no_override(words: list[str], reason: str) -> None:
    with pytest.raises(UserError, match=reason) as error:
        parse_arguments("train", words)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("words", "accepted"),
    [
        (["a=1", "b=", "c='x y'", "~logger", "+d=[1,2]"], None),
        (["-m", "a=1,2", "--cfg", "job"], None),
        (["a=1", "--config-dir", "X", "b=2"], ["a=1", "b=2", "--config-dir", "X"]),
        (["-m", "a=1", "--cfg=job", "b=2", "-r", "c=3"], ["a=1", "b=2", "c=3", "-m", "--cfg=job", "-r"]),
    ],
)
def test_overrides_may_stand_anywhere(words: list[str], accepted: list[str] | None) -> None:
    arguments, given = parse_arguments("train", words)
    assert given == (accepted or words)
    assert arguments.overrides == [word for word in given if not word.startswith("-") and word not in ("X", "job")]


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ("objective.gamma=4", "these have it: objective=.*; add one of them"),
        ("likelihood=Bernoulli", "did you mean 'bernoulli'"),
        ("prior.num_components=3", "these have it: prior=mixture"),
    ],
)
def test_a_key_of_another_choice(override: str, reason: str) -> None:
    with initialize_config_dir(str(conf_dir()), version_base="1.3"), pytest.raises(UserError, match=reason):
        compose_with_hydra("train", [override])


@pytest.mark.parametrize(
    ("command", "override", "way_out"),
    [
        ("train", "seed=1,2", r"python -m vae_lab\.train -m seed=1,2, or .* seed=\[1,2\] \(a list\)"),
        ("train", "seed=range(1,3)", r"python -m vae_lab\.train -m seed=range\(1,3\)$"),
        ("evaluate", "run=a,b", r"several values; for one value with commas write run=\[a,b\] \(a list\)"),
        ("evaluate", "seed=range(1,3)", "several values; give one$"),
    ],
)
def test_a_sweep_needs_its_flag(command: str, override: str, way_out: str) -> None:
    with pytest.raises(UserError, match=way_out):
        refuse_sweep(command, ["latent_dim=[3]", override])
    refuse_sweep(command, ["a=[1,2]", "b='1,2'", "c=3"])


@pytest.mark.parametrize("value", [100, None, "", "vae_lab models", ["a"]])
def test_a_class_has_a_name(value: object) -> None:
    config = {"model": {"inner": [{"_target_": value}]}}
    with pytest.raises(UserError, match=r"model\.inner\[0\]\._target_=.*expected the name of a class"):
        check_targets("", config)
    check_targets("", {"model": {"inner": [{"_target_": "vae_lab.models.Dense"}]}})


@pytest.mark.parametrize("key", ["limit_val_batches", "limit_test_batches", "limit_train_batches", "max_steps"])
def test_what_would_take_away_the_end_of_a_run_is_refused(key: str) -> None:
    with pytest.raises(UserError, match=f"trainer.{key}=0: "):
        check_trainer({key: 0}, {}, 3)
    check_trainer({"limit_val_batches": 1.0, "limit_test_batches": None, "max_steps": -1, "fast_dev_run": False}, {}, 3)


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["--config-name=mine"],
        ["--config-path=/usr"],
        ["hydra.sweep.dir=[1]"],
        ["prior._target_=7"],
        ["data=digits", "+callbacks.mine._target_=no_such_package.Callback"],
        ["data=digits", "+callbacks.mine._target_=torch.nn.Linear"],
        [
            "data=digits",
            "+callbacks.stop._target_=lightning.pytorch.callbacks.EarlyStopping",
            "+callbacks.stop.monitor=loss",
        ],
        ["data=arrays", "data.path=damaged.npy"],
        ["-m", "hydra/launcher=nothing", "seed=1,2"],
    ],
)
def test_every_refusal_is_one_line_and_leaves_nothing(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "damaged.npy").write_text("not an array")
    done = commands.train(*words, cwd=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
    assert not list(tmp_path.glob("outputs/*/*/*")), "no folder of a run is left"


@pytest.mark.slow
def test_a_training_that_ends_within_its_first_epoch_is_tested(tmp_path: Path) -> None:
    run = ("data=digits", "trainer=cpu", "+trainer.max_steps=4", "trainer.enable_progress_bar=false")
    done = commands.train(*run, f"hydra.run.dir={tmp_path}")
    assert done.returncode == 0, done.stderr
    assert "it/s" not in done.stdout + done.stderr
    assert commands.metrics(tmp_path)["test/elbo"] < 0
    resumed = commands.train(f"resume={tmp_path}", "trainer=cpu", "trainer.max_epochs=30")
    assert resumed.returncode == 0, resumed.stderr
    assert OmegaConf.load(tmp_path / ".hydra" / "config.yaml").trainer.max_epochs == 30
