"""Processes that share the GPUs of a machine: what each sees. No GPU is needed to find that out."""

import os
from functools import partial
from pathlib import Path
from typing import NoReturn

import pytest

from helpers import commands
from helpers.surroundings import surroundings
from vae_lab.errors import UserError
from vae_lab.sweeps.gpus import VISIBLE, assign_gpus, visible_gpus
from vae_lab.sweeps.processes import THREADS, Processes

SMALL = ("data=digits", "data.batch_size=128", "trainer=cpu", "trainer.max_epochs=1", "model.hidden_sizes=[16]")
QUIET = ("logger=none", "nll_samples=2", "~callbacks.figures", "callbacks.progress=null")


@pytest.mark.parametrize(
    ("named", "seen"),
    [("0,2", ["0", "2"]), ("GPU-8f1, 3", ["GPU-8f1", "3"]), ("", []), ("-1", []), ("1,-1,2", ["1"])],
)
def test_only_visible_gpus_are_shared(named: str, seen: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VISIBLE, named)
    assert visible_gpus() == seen


def test_first_jobs_spread_out() -> None:
    assert assign_gpus(["0", "1", "4"], 2) == ["0", "1", "4", "0", "1", "4"]


def test_no_place_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VISIBLE, "-1")
    with pytest.raises(UserError, match=r"launcher=gpus: no GPU is visible \(CUDA_VISIBLE_DEVICES=-1\)"):
        assign_gpus(visible_gpus(), 2)
    with pytest.raises(UserError, match="runs_per_gpu=0: expected at least 1"):
        assign_gpus(["0"], 0)


def lost(job: int, how: str) -> NoReturn:
    pytest.fail(f"the process of job {job} {how}")


@pytest.mark.slow
def test_each_process_keeps_its_gpu_and_takes_a_job_when_it_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(THREADS, raising=False)
    processes = Processes([{VISIBLE: gpu} for gpu in assign_gpus(["5", "7"], 1)])
    end = tmp_path / "end"
    slow, quick = partial(surroundings, 0, waits_for=end), [partial(surroundings, number) for number in (1, 2, 3)]
    told = processes.run([slow, *quick, partial(surroundings, 4, leaves=end)], lost)
    assert [number for number, *_ in told] == [0, 1, 2, 3, 4], "in the order of the jobs, not of their ends"
    assert {gpu for _, _, gpu, _ in told} == {"5", "7"}
    assert told[0][1] not in {process for _, process, _, _ in told[1:]}
    told += processes.run([partial(surroundings, number) for number in range(4)], lost)
    assert len({(process, gpu) for _, process, gpu, _ in told}) == 2, "a process has one GPU from its first job on"
    assert {int(threads) for *_, threads in told} == {max(1, (os.cpu_count() or 1) // 2)}


@pytest.mark.slow
def test_a_sweep_is_spread_over_the_visible_gpus(tmp_path: Path) -> None:
    tell = ("launcher=gpus", "hydra.launcher.runs_per_gpu=2", "+callbacks.tell._target_=helpers.interrupt.TellGpu")
    sweep = ("-m", *SMALL, *QUIET, *tell, "seed=0,1", f"hydra.sweep.dir={tmp_path}")
    done = commands.train(*sweep, CUDA_VISIBLE_DEVICES="3,5")
    assert done.returncode == 0, done.stderr
    assert "Launching 2 jobs, at most 4 at once" in done.stdout
    told = [path.read_text() for path in sorted(tmp_path.glob("*/gpu.txt"))]
    assert sorted(told) == ["3", "5"]
    assert "| 2 | " in (tmp_path / "report.md").read_text()

    refused = commands.train(*sweep[:-1], f"hydra.sweep.dir={tmp_path / 'new'}", CUDA_VISIBLE_DEVICES="-1")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
    assert refused.stderr.startswith("launcher=gpus: no GPU is visible")
    assert not (tmp_path / "new").exists()
