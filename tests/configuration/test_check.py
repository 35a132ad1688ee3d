"""A user's mistakes: one line that names the override, the reason and the nearest valid choice."""

from pathlib import Path

import pytest
from hydra import initialize_config_dir

from vae_lab.configuration.check import check
from vae_lab.configuration.overrides import compose_checked
from vae_lab.configuration.paths import conf_dir
from vae_lab.errors import UserError


def refusal(*overrides: str) -> str:
    """What the user is told."""
    with (
        initialize_config_dir(str(conf_dir()), version_base="1.3"),
        pytest.raises(UserError) as refused,
    ):
        check(compose_checked("train", overrides))
    message = str(refused.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("overrides", "named", "hint"),
    [
        # mistyped keys
        (["latent_dmi=3"], "latent_dmi=3", "did you mean 'latent_dim'?"),
        (["lr=0.1"], "lr=0.1", "did you mean 'optimizer.lr'?"),
        (["optimiser=adam"], "optimiser=adam", "did you mean 'optimizer'?"),
        (["model.hidden_size=[3]"], "model.hidden_size=[3]", "did you mean 'model.hidden_sizes'?"),
        (["trainer.acelerator=gpu"], "trainer.acelerator=gpu", "did you mean 'trainer.accelerator'?"),
        (["+sed=1"], "sed=1", "did you mean 'seed'?"),
        (["~foo"], "~foo", "there is no option 'foo'"),
        # mistyped choices
        (["model=mpl"], "model=mpl", "did you mean 'mlp'?"),
        (["trainer=cpuu"], "trainer=cpuu", "did you mean 'cpu'?"),
        (["experiment=quikstart"], "experiment=quikstart", "did you mean 'quickstart'?"),
        (["likelihood=null"], "likelihood=null", "bernoulli"),
        (["measure=nll"], "measure=nll", "no choice of 'measure'"),  # of another command
        (["model=mlp,mpl"], "model=mlp,mpl", "did you mean 'mlp'?"),
        (["latent_dmi=1,2"], "latent_dmi=1,2", "did you mean 'latent_dim'?"),
        # types and ranges
        (["latent_dim=-3"], "latent_dim=-3", "must be greater than 0"),
        (["latent_dim=abc"], "latent_dim=abc", "valid integer"),
        (["latent_dim=2.5"], "latent_dim=2.5", "valid integer"),
        (["seed=-1"], "seed=-1", "greater than or equal to 0"),
        (["compile=maybe"], "compile=maybe", "valid boolean"),
        (["optimizer.lr=-1"], "optimizer.lr=-1", "must be greater than 0"),
        (["optimizer.lr=abc"], "optimizer.lr=abc", "valid number"),
        (["trainer.max_epochs=0"], "trainer.max_epochs=0", "must be greater than 0"),
        (["trainer.precision=bf16-mixd"], "trainer.precision=bf16-mixd", "did you mean 'bf16-mixed'?"),
        (["epochs_scale=0"], "epochs_scale=0", "must be greater than 0"),
        (["data.batch_size=0"], "data.batch_size=0", "must be greater than 0"),
        (["data.binarize=dynamicc"], "data.binarize=dynamicc", "did you mean 'dynamic'?"),
        (["~latent_dim"], "latent_dim", "missing"),
        # options of parts
        (["model.hidden_sizes=[3,-1]"], "model.hidden_sizes=[3, -1]", "must be greater than 0"),
        (["model.hidden_sizes=3"], "model.hidden_sizes=3", "it must be a valid"),
        (["model.activation=rellu"], "model.activation=rellu", "did you mean 'relu'?"),
        (["likelihood=gaussian", "likelihood.scale=0"], "likelihood.scale=0", "must be greater than 0"),
        (["likelihood=gaussian", "+likelihood.scle=2"], "likelihood.scle=2", "did you mean 'scale'?"),
        (["+likelihood.image_shape=[1,2,3]"], "likelihood.image_shape", "vae_lab sets this option"),
        (["objective.num_samples=0"], "objective.num_samples=0", "must be greater than 0"),
        (["callbacks.figures.every_n_epochs=0"], "callbacks.figures.every_n_epochs=0", "must be greater than 0"),
        (["+trainer.max_epoch=3"], "trainer.max_epoch=3", "did you mean 'max_epochs'?"),
        (
            ["likelihood._target_=vae_lab.likelihoods.bernoulli.Bernouli"],
            "likelihood._target_=vae_lab.likelihoods.bernoulli.Bernouli",
            "did you mean 'Bernoulli'?",
        ),
        (["~model._target_"], "model", "_target_"),
        # settings of the trainer that would make a figure untrue
        (["+trainer.limit_test_batches=1"], "trainer.limit_test_batches=1", "all their images"),
        (["+trainer.fast_dev_run=true"], "trainer.fast_dev_run=true", "limit_train_batches"),
        (["trainer.check_val_every_n_epoch=30"], "trainer.check_val_every_n_epoch=30", "no validation"),
        (["epochs_scale=0.1", "trainer.check_val_every_n_epoch=3"], "trainer.check_val_every_n_epoch=3", "in 2 epochs"),
        (
            ["trainer.precision=bf16-mixed", "trainer.gradient_clip_val=100"],
            "trainer.gradient_clip_val=100",
            "optimizer.fused=false",
        ),
        # pairs of parts
        (["condition=label", "prior=vamp"], "prior=vamp", "label_normal"),
        (["prior=label_normal"], "prior=label_normal", "condition=label"),
        (["model=ladder", "posterior=iaf"], "posterior=iaf", "model=mlp"),
        (["model=two_layer", "prior=vamp"], "prior=vamp", "mixture"),
        (["prior=vamp", "posterior=iaf"], "prior=vamp", "(or flow, mixture)"),
        (["prior=vamp", "model=conv", "model.norm=batch"], "model.norm=batch", "model.norm=group"),
        (
            ["posterior=delta", "objective=autoencoder", "prior=mixture"],
            "prior=mixture",
            "choose prior=standard_normal",
        ),
        (
            ["posterior=gumbel_softmax", "prior=uniform_categorical", "objective=iwae"],
            "objective=iwae",
            "elbo",
        ),
        (
            ["posterior=iaf", "objective=dreg"],
            "objective=dreg",
            "objective=elbo",
        ),
        (["posterior=delta", "objective=iwae"], "posterior=delta", "objective=autoencoder"),
        # what cannot be read
        (["latent_dim=[1"], "latent_dim=[1", "expected KEY=VALUE"),
        (["data.root='${oc.env:NO_SUCH_VARIABLE}'"], "data.root", "NO_SUCH_VARIABLE"),
    ],
)
def test_refused_with_name_and_hint(overrides: list[str], named: str, hint: str) -> None:
    message = refusal(*overrides)
    assert message.startswith(named)
    assert hint in message


def test_grey_pixels_under_a_bernoulli_law_are_refused_with_both_ways_out() -> None:
    message = refusal("likelihood=bernoulli", "data.binarize=none")
    assert "no density" in message
    assert "data.binarize=dynamic" in message
    assert "likelihood=gaussian" in message


@pytest.mark.parametrize("likelihood", ["gaussian", "gaussian_shared"])
def test_binary_pixels_under_a_density_are_refused_with_both_ways_out(likelihood: str) -> None:
    message = refusal(f"likelihood={likelihood}", "data.binarize=dynamic")
    assert "without bound" in message
    assert "data.binarize=none" in message
    assert "likelihood=bernoulli" in message


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["data=digits", "likelihood=gaussian"],
        ["model.hidden_sizes=[]"],
        ["trainer.precision=64-true"],
        ["+trainer.limit_train_batches=0.5"],
        ["+optimizer.betas=[0.8,0.99]"],
        ["logger=none", "~callbacks.figures"],
        ["latent_dim=2,5", "seed=0,1"],
        ["latent_dim=range(2,5)"],
    ],
)
def test_sound_overrides_pass(overrides: list[str]) -> None:
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        check(compose_checked("train", overrides))


def test_a_users_own_yaml_is_checked_too(tmp_path: Path) -> None:
    own = tmp_path / "model"
    own.mkdir()
    (own / "mine.yaml").write_text("_target_: vae_lab.networks.dense.MLP\nhidden_size: [3]\n")
    (own / "good.yaml").write_text("_target_: vae_lab.networks.dense.MLP\nhidden_sizes: [3]\n")
    (own / "other.yaml").write_text("_target_: my_networks.Mine\nwidht: 3\n")
    (tmp_path / "my_networks.py").write_text(
        "import torch_that_does_not_exist\nfrom vae_lab.networks.architecture import Architecture\n"
        "class Mine(Architecture):\n    def __init__(self, width: int = 3) -> None: ...\n"
    )
    search = f"hydra.searchpath=['file://{tmp_path}']"
    assert "did you mean 'hidden_sizes'?" in refusal(search, "model=mine")
    assert "did you mean 'good'?" in refusal(search, "model=goood")
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        check(compose_checked("train", [search, "model=good"]))


def test_a_users_own_class_is_read_without_running_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_networks.py").write_text(
        "import torch_that_does_not_exist\nfrom vae_lab.networks.architecture import Architecture\n"
        "class Mine(Architecture):\n    def __init__(self, width: int = 3) -> None: ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert "did you mean 'width'?" in refusal(
        "model._target_=my_networks.Mine", "~model.hidden_sizes", "~model.activation", "+model.widht=3"
    )
