"""Numbers that cost the machine are compared with what it has, before anything starts."""

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra import initialize_config_dir
from omegaconf import OmegaConf

from helpers import commands
from helpers.composed import composed
from helpers.image_files import pixels
from vae_lab import build
from vae_lab.configuration import costs, machine
from vae_lab.configuration.check import check
from vae_lab.configuration.costs import check_launcher_costs, check_trainer_costs, num_values
from vae_lab.configuration.overrides import compose_checked, compose_with_hydra, parse
from vae_lab.configuration.paths import conf_dir
from vae_lab.errors import UserError
from vae_lab.runs.planned import GRID, grid
from vae_lab.training.costs import check_memory_of_training

PROCESSES = "hydra_plugins.hydra_processes_launcher.launcher.ProcessesLauncher"
RAY = "hydra_plugins.hydra_ray_launcher.ray_launcher.RayLauncher"


@pytest.fixture(autouse=True)
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "num_cores", lambda: 4)
    started = ("SLURM_JOB_NUM_NODES", "SLURM_NNODES", "WORLD_SIZE", "MASTER_ADDR", "NODE_RANK")
    for name in ("CUDA_VISIBLE_DEVICES", *started):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("trainer", "reason"),
    [
        ({"accelerator": "cpu", "devices": 64}, r"trainer.devices=64: 64 processes would compute at once, .* 4 cores"),
        ({"accelerator": "cpu", "devices": "64"}, r"trainer.devices=64: "),
        ({"accelerator": "gpu", "devices": 7}, r"trainer.devices=7: this machine has 2 visible GPUs"),
        ({"accelerator": "cuda", "devices": [0, 1, 2]}, r"this machine has 2 visible GPUs"),
        ({"accelerator": "cpu", "num_nodes": 3}, r"trainer.num_nodes=3: 1 of the nodes has been started"),
    ],
)
def test_devices_and_nodes_that_there_are_not(trainer: Any, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,5")
    with pytest.raises(UserError, match=reason):
        check_trainer_costs(trainer)


@pytest.mark.parametrize(
    ("trainer", "env"),
    [
        ({"accelerator": "cpu", "devices": 8}, {}),
        ({"accelerator": "auto", "devices": "auto"}, {}),
        ({"accelerator": "gpu", "devices": 2}, {"CUDA_VISIBLE_DEVICES": "0,5"}),
        ({"num_nodes": 3}, {"SLURM_NNODES": "3"}),
        ({"num_nodes": 2}, {"WORLD_SIZE": "16", "LOCAL_WORLD_SIZE": "8"}),
        ({"num_nodes": 2}, {"MASTER_ADDR": "10.0.0.1", "NODE_RANK": "1"}),
    ],
)
def test_devices_and_nodes_that_there_are(trainer: Any, env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    check_trainer_costs(trainer)


@pytest.mark.parametrize(
    ("launcher", "reason"),
    [
        ({"_target_": PROCESSES, "n_jobs": 500}, r"hydra.launcher.n_jobs=500: 500 processes"),
        ({"_target_": costs.SUBMITIT_LOCAL}, r"launcher=submitit_local: 600 processes"),
        ({"_target_": RAY, "ray": {"init": {"num_cpus": 90}}}, r"hydra.launcher.ray.init.num_cpus=90"),
    ],
)
def test_launchers_that_would_start_too_many_processes(launcher: Any, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        check_launcher_costs(launcher, 600)
    check_launcher_costs({**launcher, "ray": {}}, 5)  # few jobs are few processes


@pytest.mark.parametrize("name", ["processes", "joblib", "gpus", "ensemble", "submitit_local"])
def test_the_launchers_of_this_machine_are_known_by_their_names_of_today(name: str) -> None:
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        launcher = compose_with_hydra("train", [f"launcher={name}"]).hydra.launcher
    assert costs.is_local(launcher)
    assert (launcher["_target_"] == costs.SUBMITIT_LOCAL) == (name == "submitit_local")


@pytest.mark.parametrize(
    "sweep",
    [
        "range(3,9)",
        "range(9,0,-2)",
        "range(0,1,0.3)",
        "range(0.3,0,-0.1)",
        "range(5,5)",
        "1,2,7",
        "choice(4,5)",
        "shuffle(range(0,7))",
        "3",
    ],
)
def test_values_are_counted_as_they_would_be_listed(sweep: str) -> None:
    (override,) = parse([f"latent_dim={sweep}"])
    listed = len(list(override.sweep_iterator())) if override.is_sweep_override() else 1
    assert num_values(override) == listed


@pytest.mark.parametrize("swept", ["range(1,inf)", "range(-inf,3)", "range(0,1,nan)"])
def test_a_range_without_an_end_is_refused(swept: str) -> None:
    message = re.escape(f"latent_dim={swept}: a range needs finite numbers")
    with initialize_config_dir(str(conf_dir()), version_base="1.3"), pytest.raises(UserError, match=message):
        compose_checked("train", [f"latent_dim={swept}"])


@pytest.mark.parametrize("swept", [["seed=range(1000000000)"], ["seed=range(0,500)", "latent_dim=range(1,500)"]])
def test_a_sweep_of_more_jobs_than_could_ever_run_is_not_listed(swept: list[str]) -> None:
    hydra = OmegaConf.create({"sweeper": {"_target_": GRID, "params": None}})
    with pytest.raises(UserError, match=r"this sweep has [\d,]+ jobs \(.*alone has [\d,]+ values\)"):
        grid(hydra, swept)
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        assert compose_checked("train", swept).seed == 0


@pytest.mark.slow
def test_a_sweep_of_too_many_jobs_is_one_line_at_once() -> None:
    done = commands.light("train", "-m", "data=digits", "latent_dim=range(2,2000000000)")
    assert "this sweep has 1,999,999,998 jobs" in done.stderr


@pytest.mark.parametrize(
    "override",
    [
        "model.hidden_sizes=[100,2000000000]",
        "latent_dim=5000000",
        "nll_samples=1000000000",
        "callbacks.figures.num_samples=100000000",
        "objective=iwae objective.num_samples=70000000",
        "posterior=iaf posterior.depth=100000",
        "prior=vamp prior.num_pseudo_inputs=90000000",
        "data=folder data.path=x data.image_size=[100000,100000]",
        "schedule=stages schedule.num_stages=1000000",
    ],
)
def test_sizes_that_no_machine_has(override: str) -> None:
    key = override.split()[-1].partition("=")[0]
    with pytest.raises(UserError, match=rf"^{key}=.*less than or equal to"):
        check(composed(*override.split()))


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (["model.hidden_sizes=[1000000,1000000]"], r"model: its 2,[,0-9]* parameters, .* at least 29,8"),
        (
            ["objective=iwae", "objective.num_samples=1000000"],
            r"objective.num_samples=1000000 with data.batch_size=128",
        ),
        (["nll_samples=1000000"], r"nll_samples=1000000: the decoded samples of one image need at least 0.2 GiB"),
    ],
)
def test_what_cannot_fit_into_memory_is_told_before_it_is_allocated(
    overrides: list[str], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vae_lab.training.costs.available_memory", lambda: 2**27)
    config = composed("data=digits", "trainer=cpu", *overrides)
    data = build.data(config)
    with pytest.raises(UserError, match=reason):
        check_memory_of_training(config, data, None)


def test_images_that_cannot_fit_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vae_lab.data.stored.available_memory", lambda: 2**20)
    np.save(tmp_path / "images.npy", pixels(1000, 40, 40))
    config = composed("data=arrays", f"data.path={tmp_path}/images.npy", "data.binarize=dynamic")
    with pytest.raises(UserError, match=r"images.npy: 1,000 images of 1x40x40 values need at least .*data.num_train"):
        build.data(config)
    config.data.update({"num_train": 100, "num_validation": 50, "num_test": 50})
    assert len(build.data(config).train.images) == 100


def test_memory_is_what_the_system_and_the_container_leave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    group = tmp_path / "job" / "step"
    group.mkdir(parents=True)
    monkeypatch.setattr(machine, "CGROUPS", tmp_path)
    monkeypatch.setattr(machine, "MEMBERSHIP", tmp_path / "membership")
    monkeypatch.setattr(machine, "MEMINFO", tmp_path / "meminfo")
    (tmp_path / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable: 4000 kB\nSwapFree: 1000 kB\n")
    assert machine.available_memory() == 5000 * 1024
    (tmp_path / "membership").write_text("0::/job/step\n")
    for folder, limit in ((group, "max"), (group.parent, str(3 * 2**20))):
        (folder / "memory.max").write_text(limit)
        (folder / "memory.current").write_text(str(2**21))
        (folder / "memory.stat").write_text(f"anon 5\ninactive_file {2**19}\n")
    assert machine.available_memory() == 3 * 2**20 - 2**21 + 2**19
    (tmp_path / "meminfo").unlink()
    (tmp_path / "membership").unlink()
    monkeypatch.setattr("sys.platform", "unknown")
    assert machine.available_memory() is None
    machine.check_memory(math.inf, machine.available_memory(), "what is not known", "nothing")  # type: ignore[arg-type]
