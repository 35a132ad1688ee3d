"""A saved run may be a stranger's: nothing in it is executed, resolved, or allowed to grow."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

import vae_lab
from helpers import commands
from vae_lab.configuration import own_parts
from vae_lab.errors import UserError
from vae_lab.runs.checkpoint import read_checkpoint
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.saved_yaml import read_plain_yaml
from vae_lab.runs.trust import check_trusted

SAVED = Path(__file__).parents[1] / "data" / "saved_by_0_1" / "run"


@pytest.mark.parametrize(
    "target",
    [
        *("shutil.rmtree", "pathlib.Path.unlink", "builtins.exec", "runpy.run_path", "importlib.import_module"),
        *("functools.partial", "hydra.utils.call", "hydra.utils.instantiate", "torch.hub.load", "torch.jit.load"),
        *("torch.optim.Optimizer.add_param_group", "lightning.pytorch.callbacks.ModelCheckpoint", "numpy.memmap"),
        *("lightning.pytorch.loggers.WandbLogger", "vae_lab.runs.files.atomic_write", "vae_lab.train.main", "yaml"),
        *("vae_lab.experiments.Evaluate", "vae_lab.data.mnist", "vae_lab.likelihoods.bernoulli.torch", "", 5),
    ],
)
@pytest.mark.parametrize("path", ["model", "model.inner.deep", "callbacks.0", "trainer.plugins.1.x"])
def test_only_known_classes_are_built(target: Any, path: str) -> None:
    node: Any = {"_target_": target}
    for name in reversed(path.split(".")):
        node = [None, node] if name == "1" else [node] if name == "0" else {name: node}
    with pytest.raises(UserError, match=r"allow=\["):
        check_trusted(node, Path("config.yaml"))


def test_a_users_own_class_needs_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_parts, "_trusted", set())
    check_trusted(
        {"a": {"_target_": "vae_lab.priors.VampPrior"}, "optimizer": {"_target_": "torch.optim.Adam"}}, Path()
    )
    own = {"model": {"_target_": "my_networks.Net"}}
    with pytest.raises(UserError, match=r"model._target_=my_networks.Net: .* add allow=\[my_networks\]"):
        check_trusted(own, Path("config.yaml"))
    own_parts.allow(["my_networks"])
    check_trusted(own, Path("config.yaml"))
    with pytest.raises(UserError, match="other"):
        check_trusted({"model": {"_target_": "my_networks2.other"}}, Path("config.yaml"))


def changed(folder: Path, key: str, value: Any) -> Path:
    """The folder, with another value in its configuration."""
    config = OmegaConf.load(folder / ".hydra" / "config.yaml")
    OmegaConf.update(config, key, value, force_add=True)
    OmegaConf.save(config, folder / ".hydra" / "config.yaml")
    return folder


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("data.root", "${oc.env:HOME}"),
        ("data.root", "${oc.env:VAE_LAB_DATA,${oc.env:HOME}}"),
        ("logger.name", "${oc.env:PATH}"),
        ("logger.version", "$PATH"),
        ("logger.sub_dir", "../../elsewhere"),
        ("model.hidden_sizes", "${oc.decode:'[5]'}"),
        ("seed", "${nll_samples}${nll_samples}"),
        ("model", "${data}"),
    ],
)
def test_nothing_saved_is_computed(folder: Path, key: str, value: str) -> None:
    with pytest.raises(UserError, match=r"not computed|leads outside"):
        RunFolder(changed(folder, key, value)).read_config()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: &x [1, 2]\nb: [*x, *x]", "aliases"),
        ("{a: " * 60 + "1" + "}" * 60, "nested"),
        ("[" * 100_000, "nested"),
        ("a: [1, 2", "damaged"),
        ("a: \ttab: x\n\x00", "damaged"),
        ("a: !!python/object/apply:os.getcwd []", "damaged"),
        ("a: " + "x" * 5_000_000, "MiB"),
        ("[" + "1, " * 30_000 + "1]", "keys and values"),
    ],
)
def test_yaml_is_bounded(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(UserError, match=told) as refused:
        read_plain_yaml(tmp_path / "a.yaml")
    assert str(tmp_path / "a.yaml") in str(refused.value)


class Code:
    """An object whose unpickling would run a function."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("executed"),)


@pytest.mark.parametrize(
    "content",
    [
        {"state_dict": {"w": torch.zeros(1).expand(40_000, 40_000)}},
        {"state_dict": {"w": Code()}},
        {"weights": torch.zeros(2)},
        [torch.zeros(2)],
    ],
    ids=["more than it holds", "code", "no weights", "a list"],
)
def test_a_checkpoint_is_what_it_says(content: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(content, "a.ckpt")
    with pytest.raises(UserError, match=r"a\.ckpt"):
        read_checkpoint(Path("a.ckpt"))
    assert not Path("executed").exists()


@pytest.mark.parametrize("shape", [[1, 50_000, 70_000], [1, -8, 8], [8, 8], ["a", 1, 1], 10**9])
def test_a_size_that_does_not_fit_the_weights_takes_no_memory(folder: Path, shape: Any) -> None:
    path = folder / "checkpoints" / "best.ckpt"
    content = torch.load(path, weights_only=True)
    torch.save({**content, "image_shape": shape}, path)
    with pytest.raises(UserError, match=r"best\.ckpt"):
        vae_lab.load(folder)


@pytest.mark.slow
def test_commands_in_a_strangers_folder_import_nothing_of_it(folder: Path) -> None:
    for name in ("yaml", "json", "torch", "hydra", "numpy", "typing", "vae_lab_own"):
        (folder / f"{name}.py").write_text("open('executed', 'w')\nraise SystemExit('executed')")
    hydra = OmegaConf.load(folder / ".hydra" / "hydra.yaml")
    for command, arguments in {
        "evaluate": ["run=.", "measure=[nll]", "num_images=10", "measure.nll.num_samples=2"],
        "report": ["sweep=.", "out=report"],
        "train": ["resume=.", "trainer.max_epochs=3", "trainer.accelerator=cpu"],
    }.items():
        done = commands.run(command, *arguments, cwd=folder)
        assert done.returncode == 0, done.stderr
    hydra.hydra.callbacks = {"x": {"_target_": "vae_lab_own.Callback"}}
    OmegaConf.save(hydra, folder / ".hydra" / "hydra.yaml")
    refused = commands.train("resume=.", "trainer.max_epochs=4", cwd=folder)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
    assert "x._target_=vae_lab_own.Callback" in refused.stderr
    assert not (folder / "executed").exists()


@pytest.mark.slow
def test_a_class_that_the_command_line_names_is_built_and_one_that_the_folder_names_is_not(folder: Path) -> None:
    options = ("_target_=helpers.interrupt.InterruptAt", "batch=999", "name=SIGKILL")
    named = [f"+callbacks.stop.{option}" for option in options]
    longer = (f"resume={folder}", "trainer.max_epochs=3", "trainer.accelerator=cpu")
    assert commands.train(*longer, *named).returncode == 0
    changed(folder, "callbacks.other", {"_target_": "helpers.interrupt.FailAtStart", "job": 0})
    refused = commands.train(f"resume={folder}", "trainer.max_epochs=4", *named)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
    assert "callbacks.other._target_=helpers.interrupt.FailAtStart" in refused.stderr


@pytest.mark.slow
def test_hydra_reads_nothing_of_a_strangers_about_itself(folder: Path, tmp_path: Path) -> None:
    with (folder / ".hydra" / "config.yaml").open("a") as file:
        file.write(f"hydra:\n  run:\n    dir: {tmp_path / 'elsewhere'}\n")
    done = commands.train(f"resume={folder}", "trainer.max_epochs=3")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert not (tmp_path / "elsewhere").exists()
    moved = commands.train(f"resume={SAVED}", "trainer.max_epochs=3", f"hydra.run.dir={tmp_path / 'elsewhere'}")
    assert "a run is resumed in its own folder" in moved.stderr
    assert not (tmp_path / "elsewhere").exists()


def test_metrics_that_are_none_are_one_line(folder: Path) -> None:
    (folder / "metrics.json").write_text(json.dumps([1, 2]))
    with pytest.raises(UserError, match=r"metrics\.json: .*expected a mapping"):
        vae_lab.load(folder)
