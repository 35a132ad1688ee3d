"""The state of a folder as digests, by what is compared: two folders have the same results if these are equal."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import OmegaConf
from torch import Tensor

from vae_lab.runs.folder import RunFolder

State = dict[str, str]


def state_of(folder: Path) -> State:
    """Return the digests of all results under a folder: those of its runs, of its report, of its search."""
    state: State = {}
    for config in sorted(folder.rglob(".hydra/config.yaml")):
        run = config.parents[1]
        state |= {f"{run.relative_to(folder)}/{name}": value for name, value in run_state(run).items()}
    for pattern in ("report.csv", "report.md", "figures/against_*.png", "figures/learning*.png", "experiment/*.yaml"):
        for path in sorted(folder.glob(pattern)):
            content = path.read_bytes().replace(str(folder).encode(), b"FOLDER")
            state[str(path.relative_to(folder))] = hashlib.sha256(content).hexdigest()[:16]
    return state


def run_state(folder: Path) -> State:
    """Return the digests of the results of one run."""
    run = RunFolder(folder)
    config = run.read_config()  # as every reader sees it: the metrics say how long a run was trained
    state = {"config": digest(None if config is None else OmegaConf.to_container(config))}
    if run.last_checkpoint.is_file():
        last = torch.load(run.last_checkpoint, weights_only=True)
        state["last weights"] = digest(last["state_dict"])
        state["last optimizer"] = digest(last["optimizer_states"])
    if run.best_checkpoint.is_file():
        state["best weights"] = digest(torch.load(run.best_checkpoint, weights_only=True)["state_dict"])
    for path in (run.metrics, run.evaluation):
        if path.is_file():
            known = json.loads(path.read_text())
            irrelevant = ("second", "checkpoint") if path == run.metrics else ("second",)
            state[path.name] = digest({key: known[key] for key in known if not any(word in key for word in irrelevant)})
    for path in (run.failed, run.pruned):
        if path.is_file():
            state[path.name] = digest(path.read_text())
    return state


def digest(value: Any) -> str:
    """Return a digest of tensors, numbers and texts, in whatever order a mapping has them."""
    hashed = hashlib.sha256()

    def add(value: Any) -> None:
        if isinstance(value, Mapping):
            for key in sorted(value, key=str):
                hashed.update(f"{key}:".encode())
                add(value[key])
        elif isinstance(value, list | tuple):
            for item in value:
                add(item)
        elif isinstance(value, Tensor):
            hashed.update(np.ascontiguousarray(value.detach().cpu().numpy()).tobytes())
        else:
            hashed.update(f"{value!r};".encode())

    add(value)
    return hashed.hexdigest()[:16]


def differences(found: State, expected: State) -> list[str]:
    """Return what differs between two states."""
    return [name for name in sorted({*found, *expected}) if found.get(name) != expected.get(name)]


def damaged(folder: Path) -> list[str]:
    """Return the files under a folder that cannot be read, other than those known to be unfinished."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_dir() or "unfinished" in path.parts:
            continue
        try:
            if path.suffix == ".json":
                json.loads(path.read_text())
            elif path.suffix == ".yaml" and path.name != "hparams.yaml":  # TensorBoard's own
                OmegaConf.load(path)
            elif path.suffix == ".ckpt":
                torch.load(path, weights_only=True)
        except Exception as error:
            found.append(f"{path.relative_to(folder)} cannot be read ({type(error).__name__})")
    return found
