"""What a stranger's folder declares is bounded before it is made, and every damaged file is one line that names it."""

import json
import resource
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

import vae_lab
from vae_lab.errors import UserError
from vae_lab.evaluation import record
from vae_lab.runs.checkpoint import read_checkpoint
from vae_lab.runs.declared_sizes import Allowance
from vae_lab.runs.files import read_json
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.planned import planned_overrides
from vae_lab.runs.record import read_record
from vae_lab.runs.trust import check_trusted


@pytest.mark.parametrize(
    "key",
    ["model.hidden_sizes", "prior.hidden_sizes", "latent_dim", "prior.depth"],
)
def test_a_model_that_its_weights_do_not_fill_takes_no_memory(folder: Path, key: str) -> None:
    config = OmegaConf.load(folder / ".hydra" / "config.yaml")
    # A flow cannot be built without numbers, so its sizes are known only while it is made.
    config.prior = {"_target_": "vae_lab.priors.FlowPrior", "hidden_sizes": [4], "depth": 1}
    OmegaConf.update(config, key, [30_000, 30_000] if key.endswith("sizes") else 5_000)
    OmegaConf.save(config, folder / ".hydra" / "config.yaml")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError, match=r"best\.ckpt: the run's configuration describes a far larger model"):
        vae_lab.load(folder)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # KiB


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.zeros(1000, 1000),
        lambda: torch.arange(1000)[:, None] == torch.arange(1000),
        lambda: torch.ones(1000).expand(1000, 1000).clone(),
        lambda: torch.ones(1000).repeat(1000),
        lambda: torch.outer(torch.ones(1000), torch.ones(1000)),
        lambda: [torch.zeros(0) for _ in range(1000)],
    ],
    ids=["weights", "a comparison", "a copy of a view", "a repetition", "a product", "many small ones"],
)
def test_an_allowance_stops_what_does_not_fit(make: Callable[[], object]) -> None:
    with pytest.raises(MemoryError), Allowance(500_000, 500):
        make()
    with Allowance(20_000_000, 2000) as enough:
        make()
    assert not enough.exceeded


class Call:
    """An object whose unpickling calls a function that torch allows."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.called = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.called


@pytest.mark.parametrize("value", [Call(bytearray, 10**10), Call(torch.Tensor, 10**5, 10**5)], ids=["bytes", "tensor"])
def test_a_checkpoint_makes_nothing_of_a_declared_size(value: Call, tmp_path: Path) -> None:
    torch.save({"state_dict": {"w": value}}, tmp_path / "a.ckpt")
    with pytest.raises(UserError, match=r"a\.ckpt: it names .*(bytearray|torch\.Tensor)"):
        read_checkpoint(tmp_path / "a.ckpt")


def test_a_compressed_checkpoint_is_refused(tmp_path: Path) -> None:
    torch.save({"state_dict": {"w": torch.zeros(1_000_000)}}, tmp_path / "a.ckpt")
    with (
        zipfile.ZipFile(tmp_path / "a.ckpt") as stored,
        zipfile.ZipFile(tmp_path / "b.ckpt", "w", zipfile.ZIP_DEFLATED) as small,
    ):
        for member in stored.infolist():
            small.writestr(member.filename, stored.read(member))
    assert read_checkpoint(tmp_path / "a.ckpt")
    with pytest.raises(UserError, match=r"b\.ckpt: its numbers are compressed"):
        read_checkpoint(tmp_path / "b.ckpt")


@pytest.mark.parametrize(
    ("key", "target"),
    [
        ("callbacks.log", "lightning.pytorch.loggers.CSVLogger"),
        ("trainer.plugins.x", "lightning.pytorch.loggers.TensorBoardLogger"),
        ("logger.inner", "lightning.pytorch.Trainer"),
        ("model", "torch.optim.SGD"),
        ("optimizer.params", "lightning.pytorch.callbacks.Timer"),
        ("model", ["os.system"]),
        ("model", {"name": "os.system"}),
    ],
)
def test_a_class_is_harmless_in_its_own_place_only(key: str, target: Any) -> None:
    config = OmegaConf.to_container(OmegaConf.create({}))
    node: Any = {"_target_": target, "save_dir": "/elsewhere"}
    for name in reversed(key.split(".")):
        node = {name: node}
    assert isinstance(config, dict)
    with pytest.raises(UserError, match=r"allow=\["):
        check_trusted({**config, **node}, Path("config.yaml"))


@pytest.mark.parametrize(
    ("name", "read"),
    [
        (".vae_lab/run.json", lambda folder: read_record(RunFolder(folder))),
        (".vae_lab/written.json", lambda folder: RunFolder(folder).written()),
        ("evaluation.json", record.read),
    ],
)
@pytest.mark.parametrize(
    "content", [{"max_epochs": [], "files": ["../../x"], "test": 1}, {"settings": 5, "files": 5, "checkpoint": {}}]
)
def test_damaged_records_are_one_line(folder: Path, name: str, read: Callable[[Path], Any], content: Any) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(content))
    with pytest.raises(UserError, match=name):
        read(folder)


def test_json_is_bounded(tmp_path: Path) -> None:
    with (tmp_path / "a.json").open("wb") as file:
        file.truncate(10**9)
    with pytest.raises(UserError, match="MiB"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize(
    "tasks",
    [["seed=range(0,10000000000)"], ["seed=shuffle(range(1e9))"], ["a=1,2,3,4,5,6,7,8", "b=range(99999)"]],
)
def test_a_sweep_of_more_jobs_than_anybody_runs_is_not_spelt_out(tasks: list[str], tmp_path: Path) -> None:
    hydra = {
        "sweep": {"subdir": "${hydra.job.num}"},
        "sweeper": {"_target_": "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"},
        "overrides": {"task": tasks},
    }
    OmegaConf.save({"hydra": hydra}, tmp_path / "multirun.yaml")
    with pytest.raises(UserError, match=r"multirun\.yaml: this sweep has [\d,]+ jobs"):
        planned_overrides(tmp_path)
