"""Runs that are interrupted and resumed, and what is compared of them."""

from pathlib import Path
from typing import Any

import torch

from helpers import commands

# 37 batches an epoch, a checkpoint after every tenth.
SETTINGS = (
    "data=digits",
    "data.batch_size=32",
    "latent_dim=2",
    "trainer=cpu",
    "trainer.max_epochs=3",
    "trainer.log_every_n_steps=7",
    "checkpoint_every_n_steps=10",
)


def trained(run_dir: Path, *settings: str) -> Path:
    """The folder of a run that nothing interrupts."""
    done = commands.train(*settings, f"hydra.run.dir={run_dir}")
    assert done.returncode == 0, done.stderr
    return run_dir


def stop(batch: int, signal: str, **others: int | str) -> tuple[str, ...]:
    """The overrides that interrupt a run at a batch; see `helpers.interrupt.InterruptAt`."""
    return (
        "+callbacks.stop._target_=helpers.interrupt.InterruptAt",
        f"+callbacks.stop.batch={batch}",
        f"+callbacks.stop.name={signal}",
        *(f"+callbacks.stop.{key}={value}" for key, value in others.items()),
    )


def timeless(run_dir: Path) -> dict[str, Any]:
    """The results of a run but for the time that it took."""
    return {key: value for key, value in commands.metrics(run_dir).items() if "second" not in key}


def state(run_dir: Path) -> dict[str, Any]:
    """The weights and the state of the optimizer in the last checkpoint."""
    checkpoint = torch.load(run_dir / "checkpoints" / "last.ckpt", weights_only=True)
    return {"weights": checkpoint["state_dict"], "optimizer": checkpoint["optimizer_states"]}


def resumed_after_kill(folder: Path, *settings: str) -> dict[str, Any]:
    """The last state of a run that was killed in batch 25 and resumed, seen to be that of an uninterrupted one."""
    uninterrupted, cut = folder / "whole", folder / "cut"
    trained(uninterrupted, *SETTINGS, *settings)
    assert commands.train(*SETTINGS, *settings, *stop(25, "SIGKILL"), f"hydra.run.dir={cut}").returncode == -9
    resumed = commands.train(f"resume={cut}", "callbacks.stop=null")
    assert resumed.returncode == 0, resumed.stderr
    torch.testing.assert_close(state(cut), state(uninterrupted), rtol=0, atol=0)
    assert timeless(cut) == timeless(uninterrupted)
    return state(cut)
