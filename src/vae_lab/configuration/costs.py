"""Numbers that cost the machine, compared with what it has before anything starts: processes, nodes, jobs.

Only what would stall the machine or never start is refused: many more processes than cores, or nodes that nothing has
started.
"""

import math
import os
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import ChoiceSweep, Override, RangeSweep
from omegaconf import OmegaConf

from vae_lab.configuration.machine import num_cores
from vae_lab.errors import UserError, show

MAX_JOBS = 10_000
FEWEST_PROCESSES = 16  # few cores run these, slowly
NVIDIA = Path("/dev")

# The launchers whose jobs run on this machine, with the key of the number of jobs that run at once.
LOCAL_LAUNCHERS = {
    "hydra._internal.core_plugins.basic_launcher.BasicLauncher": None,
    "hydra_plugins.hydra_processes_launcher.launcher.ProcessesLauncher": "n_jobs",
    "hydra_plugins.hydra_gpus_launcher.launcher.GpusLauncher": None,
    "hydra_plugins.hydra_ensemble_launcher.launcher.EnsembleLauncher": None,
}
RAY = "hydra_plugins.hydra_ray_launcher.ray_launcher.RayLauncher"
# All jobs at once, in processes that do not end with the one that started them.
SUBMITIT_LOCAL = "hydra_plugins.hydra_submitted_launcher.launcher.LocalLauncher"


def check_processes(num: int, key: str, way_out: str, *, per_core: int = 2) -> None:
    """Refuse more processes at once than this machine can run.

    Args:
        num: their number.
        key: the key that gives it, with its value.
        way_out: what to do instead.
        per_core: how many processes a core can run; more where they wait for an accelerator.

    Raises:
        UserError: one line with the key.
    """
    if num > max(FEWEST_PROCESSES, per_core * num_cores()):
        raise UserError(
            f"{key}: {num:,} processes would compute at once, and this machine has {num_cores()} cores; {way_out}"
        )


def check_trainer_costs(trainer: Mapping[str, Any]) -> None:
    """Refuse more devices than this machine has, and nodes that nothing has started; for the machine of the run.

    Args:
        trainer: the settings of the trainer.

    Raises:
        UserError: one line with the key, its value and what there is.
    """
    devices, accelerator = num_devices(trainer.get("devices")), str(trainer.get("accelerator", "auto"))
    if devices is not None:
        key, gpus = f"trainer.devices={show(trainer['devices'])}", num_gpus()
        if accelerator in ("gpu", "cuda") and gpus == 0:
            raise UserError(
                f"trainer.accelerator={accelerator}: this machine has no visible GPU; leave out trainer=gpu "
                "(a GPU is used where there is one), or choose trainer=cpu"
            )
        if accelerator in ("gpu", "cuda") and gpus is not None and devices > gpus:
            raise UserError(f"{key}: this machine has {gpus} visible GPUs; choose at most as many")
        if accelerator == "cpu" or (accelerator == "auto" and gpus in (0, None)):
            check_processes(devices, key, "on the CPU choose trainer.devices=1 (or auto)")
    nodes = trainer.get("num_nodes") or 1
    started = started_nodes()
    if isinstance(nodes, int) and nodes > 1 and started is not None and nodes > started:
        raise UserError(
            f"trainer.num_nodes={nodes}: {started} of the nodes has been started, and the run would wait for the "
            "others for ever; start it with srun or torchrun on all of them, or leave the key out"
        )


def num_devices(devices: Any) -> int | None:
    """Return how many devices Lightning would use, or None where it finds out by itself.

    >>> num_devices(8), num_devices("3"), num_devices([0, 5]), num_devices("0,5"), num_devices("auto"), num_devices(-1)
    (8, 3, 2, 2, None, None)
    """
    if isinstance(devices, Sequence) and not isinstance(devices, str):
        return len(devices)
    text = str(devices).strip()
    if "," in text:
        return len([part for part in text.split(",") if part.strip()])
    return int(text) if text.isdecimal() else None


def num_gpus() -> int | None:
    """Return the number of NVIDIA's visible GPUs, by the files of their driver; None if it is not known."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return len([name for name in named.split(",") if name.strip() not in ("", "-1")])
    if not NVIDIA.is_dir():
        return None
    return sum(1 for path in NVIDIA.glob("nvidia[0-9]*") if path.name.removeprefix("nvidia").isdecimal())


def started_nodes() -> int | None:
    """Return on how many nodes SLURM or torchrun has started this run: 1 if neither has; None if it is not known."""
    for nodes in ("SLURM_JOB_NUM_NODES", "SLURM_NNODES"):
        if os.environ.get(nodes, "").isdecimal():
            return int(os.environ[nodes])
    all_processes, of_node = (os.environ.get(name, "") for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    if all_processes.isdecimal() and of_node.isdecimal() and int(of_node) > 0:
        return -(-int(all_processes) // int(of_node))
    # By hand, or by another scheduler: Lightning takes the address of the first node from this variable.
    return None if "MASTER_ADDR" in os.environ or "NODE_RANK" in os.environ else 1


def check_launcher_costs(launcher: Mapping[str, Any], num_jobs: int | None) -> None:
    """Refuse a launcher that would start more processes on this machine than it can run.

    Args:
        launcher: its settings.
        num_jobs: the jobs of the sweep, or None if they are not known from the start.

    Raises:
        UserError: one line with the key.
    """
    target = str(launcher["_target_"])
    key = LOCAL_LAUNCHERS.get(target)
    if key is not None and isinstance(launcher.get(key), int):
        num = min(launcher[key], MAX_JOBS if num_jobs is None else num_jobs)
        check_processes(num, f"hydra.launcher.{key}={launcher[key]}", "choose -1 for one on each core")
    if target == RAY:
        num_cpus = OmegaConf.select(OmegaConf.create(dict(launcher)), "ray.init.num_cpus")
        if isinstance(num_cpus, int):
            check_processes(num_cpus, f"hydra.launcher.ray.init.num_cpus={num_cpus}", "choose null for all cores")
    if target == SUBMITIT_LOCAL and num_jobs is not None:
        check_processes(num_jobs, "launcher=submitit_local", "use launcher=processes, which runs a job on each core")


def is_local(launcher: Mapping[str, Any]) -> bool:
    """Return whether the jobs of a launcher run on this machine."""
    return str(launcher["_target_"]) in (*LOCAL_LAUNCHERS, SUBMITIT_LOCAL)


def check_jobs(overrides: Sequence[Override]) -> int:
    """Return the number of jobs of a grid, counted without listing them.

    Args:
        overrides: the overrides of the sweep.

    Raises:
        UserError: if there are more than any machine could run.
    """
    total, largest = 1, 1
    most = None
    for override in overrides:
        size = num_values(override)
        total *= size
        if size > largest:
            largest, most = size, override
    if total > MAX_JOBS:
        named = "" if most is None else f" ({most.input_line} alone has {largest:,} values)"
        raise UserError(
            f"this sweep has {total:,} jobs{named}, and at most {MAX_JOBS:,} are started by one command; give fewer "
            "values, or search among them with hydra/sweeper=search"
        )
    return total


def num_values(override: Override) -> int:
    """Return how many values an override sweeps over, without listing them; 1 if it is no sweep.

    Raises:
        UserError: if a range has no end.
    """
    swept = override.value()
    if isinstance(swept, RangeSweep):
        numbers = [0 if number is None else number for number in (swept.start, swept.stop, swept.step)]
        if not all(map(math.isfinite, numbers)):
            raise UserError(f"{override.input_line}: a range needs finite numbers, as in range(FIRST,END)")
        start, stop, step = map(Fraction, numbers)  # exact, as Hydra counts
        return max(0, math.ceil((stop - start) / step)) if step else 0
    if isinstance(swept, ChoiceSweep):
        return len(swept.list)
    return 1
