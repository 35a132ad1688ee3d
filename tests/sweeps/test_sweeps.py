"""Sweeps through the command line: interrupted, failing, refused; and the ready ones."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import initialize_config_dir

from helpers import commands, parts
from vae_lab.configuration.check import check
from vae_lab.configuration.overrides import compose_checked, compose_with_hydra
from vae_lab.configuration.paths import conf_dir
from vae_lab.errors import UserError
from vae_lab.reports.report import write_report
from vae_lab.sweeps.jobs import check_sweep, grid
from vae_lab.sweeps.plugins import check_plugins, is_installed

SMALL = ("data=digits", "data.batch_size=32", "trainer=cpu", "model.hidden_sizes=[16]", "nll_samples=2")
QUIET = ("~callbacks.figures", "callbacks.progress=null")
ONE_EPOCH = (*SMALL, *QUIET, "trainer.max_epochs=1", "checkpoint_every_n_steps=10")  # of 37 batches
TWELVE = ("-m", *ONE_EPOCH, "objective=elbo,iwae", "latent_dim=2,3", "seed=0,1,2")


def report_of(sweep_dir: Path) -> dict[str, bytes]:
    """The files of a report."""
    files = [sweep_dir / "report.csv", sweep_dir / "report.md", *sweep_dir.glob("figures/*.png")]
    return {str(path.relative_to(sweep_dir)): path.read_bytes() for path in files}


@pytest.mark.slow
def test_a_killed_sweep_ends_with_the_same_report(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    done = commands.train(*TWELVE, f"hydra.sweep.dir={whole}")
    assert done.returncode == 0, done.stderr
    assert set(report_of(whole)) == {
        "report.csv",
        "report.md",
        *(f"figures/{name}.png" for name in ("against_latent_dim", "against_objective")),
        *(f"figures/{name}.png" for name in ("rate_distortion", "learning_curves")),
    }

    stop = ("+callbacks.stop._target_=helpers.interrupt.InterruptAt", "+callbacks.stop.name=SIGKILL")
    killed = commands.train(
        *TWELVE, *stop, "+callbacks.stop.batch=25", "+callbacks.stop.job=5", f"hydra.sweep.dir={cut}"
    )
    assert killed.returncode == -9
    printed = write_report([cut], cut)
    assert "- 5 (latent_dim=3, seed=2): unfinished" in printed, "so far the objective does not vary"
    assert printed.count("not started") == 6
    before = {path: path.stat().st_mtime_ns for path in cut.glob("*/metrics.json")}
    assert len(before) == 5

    again = commands.train(*TWELVE, f"hydra.sweep.dir={cut}")
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("finished before, skipped") == 5
    assert again.stdout.count("interrupted before, resumed") == 1
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert report_of(cut) == report_of(whole)

    other = commands.train(*TWELVE, "optimizer.lr=0.1", f"hydra.sweep.dir={cut}")
    assert (other.returncode, len(other.stderr.splitlines())) == (1, 1)
    assert other.stderr.startswith("optimizer.lr=0.1: the folder")
    assert report_of(cut) == report_of(whole)


@pytest.mark.slow
def test_a_failed_job_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    sweep = ("-m", *ONE_EPOCH, "optimizer.lr=1e30,0.001", "seed=0,1", f"hydra.sweep.dir={tmp_path}")
    fail = ("+callbacks.fail._target_=helpers.interrupt.FailAtStart", "+callbacks.fail.job=2")
    done = commands.train(*sweep, *fail)
    assert done.returncode == 1
    assert "3 of the sweep's jobs failed; see" in done.stderr
    assert "Traceback" not in done.stderr
    for line in (
        "- 0 (optimizer.lr=1e+30, seed=0): failed: training diverged: the weights are not finite after step 10",
        "- 1 (optimizer.lr=1e+30, seed=1): failed: training diverged: the weights are not finite after step 10",
        "- 2 (optimizer.lr=0.001, seed=0): failed: RuntimeError: the disk is full",
    ):
        assert line in done.stdout
        assert line in (tmp_path / "report.md").read_text()
    assert "Traceback" in (tmp_path / "2" / "failed.txt").read_text()
    assert [path.parent.name for path in tmp_path.glob("*/metrics.json")] == ["3"]


@pytest.mark.slow
def test_a_bad_value_is_one_line_before_anything_starts(tmp_path: Path) -> None:
    refused = commands.train("-m", "data=digits", "latent_dim=2,-3", "seed=0,1", f"hydra.sweep.dir={tmp_path / 'new'}")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
    assert refused.stderr.startswith("latent_dim=-3: it must be greater than 0")
    assert not (tmp_path / "new").exists()


def checked(*overrides: str) -> None:
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose_with_hydra("train", overrides)
        check_sweep("train", config.hydra, overrides)


@pytest.mark.slow
def test_a_combination_that_contradicts_itself_is_left_to_its_job() -> None:
    checked("posterior=diagonal,delta", "objective=elbo,autoencoder")
    with pytest.raises(UserError, match="posterior=delta"):
        checked("posterior=diagonal,delta", "objective=elbo")


@pytest.mark.slow
@pytest.mark.parametrize("name", parts.names("sweep"))
def test_ready_sweep_is_sound(name: str) -> None:
    overrides = [f"sweep={name}", "seed=0"]
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        jobs = grid(compose_with_hydra("train", overrides).hydra, overrides)
        assert len(jobs) >= 2
        for job in jobs:
            check(compose_checked("train", job))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "setting", "num_processes", "num_threads"),
    [
        ("processes", "hydra.launcher.n_jobs=2", 2, max(1, (os.cpu_count() or 1) // 2)),
        ("submitit_local", "hydra.launcher.cpus_per_task=1", 4, 1),
    ],
)
def test_launchers_divide_the_cores(
    name: str, setting: str, num_processes: int, num_threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    launcher = (f"launcher={name}", setting, "+callbacks.tell._target_=helpers.interrupt.TellThreads")
    sweep = ("-m", *ONE_EPOCH, *launcher, "seed=0,1", "optimizer.lr=0.001,1e30", f"hydra.sweep.dir={tmp_path}")
    done = commands.train(*sweep)
    assert done.returncode == 1
    assert "2 of the sweep's jobs failed" in done.stderr
    told = [path.read_text().split() for path in tmp_path.glob("*/threads.txt")]
    assert len(told) == 4
    assert len({process for process, _ in told}) == num_processes
    assert {int(threads) for _, threads in told} == {num_threads}
    assert "| 2 | " in (tmp_path / "report.md").read_text()


@pytest.mark.slow
def test_a_job_that_is_queued_again_goes_on(tmp_path: Path) -> None:
    """What a cluster sends to a job that it preempts, or that ran out of time."""
    stop = [f"+callbacks.stop.{key}" for key in ("_target_=helpers.interrupt.InterruptAt", "batch=25", "name=SIGUSR2")]
    launcher = ("launcher=submitit_local", "hydra.launcher.cpus_per_task=1")
    done = commands.train("-m", *ONE_EPOCH, *launcher, *stop, "seed=0", f"hydra.sweep.dir={tmp_path}")
    assert done.returncode == 0, done.stderr
    (told,) = tmp_path.glob(".submitit/*/*_log.out")
    assert "this job is preempted" in told.read_text()
    assert "interrupted before, resumed" in told.read_text()
    assert (tmp_path / "0" / "metrics.json").is_file()


def test_a_launcher_that_is_not_installed_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    check_plugins(["launcher=submitit_slurm"])
    monkeypatch.setattr("vae_lab.sweeps.plugins.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"launcher=submitit_slurm: .* pip install 'vae_lab\[submitit\]'"):
        check_plugins(["launcher=submitit_slurm"])


def need_ray(name: str) -> None:
    """Skip a test of a launcher that is not in `dev`, since it holds other packages back."""
    if name == "ray" and not is_installed("hydra_plugins.hydra_ray_launcher"):
        pytest.skip("launcher=ray needs the extra 'ray', in an environment of its own")


@pytest.mark.slow
def test_ray_runs_the_jobs(tmp_path: Path) -> None:
    need_ray("ray")
    tell = "+callbacks.tell._target_=helpers.interrupt.TellThreads"
    launcher = ("launcher=ray", "hydra.launcher.ray.init.num_cpus=2", tell)
    sweep = ("-m", *ONE_EPOCH, *launcher, "seed=0,1", "optimizer.lr=0.001,1e30", f"hydra.sweep.dir={tmp_path}")
    done = commands.train(*sweep)
    assert done.returncode == 1
    assert "2 of the sweep's jobs failed" in done.stderr
    told = [path.read_text().split() for path in tmp_path.glob("*/threads.txt")]
    assert len(told) == 4
    assert str(os.getpid()) not in {process for process, _ in told}
    assert {int(threads) for _, threads in told} == {1}
    assert "| 2 | " in (tmp_path / "report.md").read_text()


@pytest.mark.parametrize("name", parts.names("launcher"))
def test_launcher_composes(name: str) -> None:
    """Within the schema of its plugin: an unknown setting is an error."""
    need_ray(name)
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        hydra = compose_with_hydra("train", [f"launcher={name}"]).hydra
    assert hydra.runtime.choices["hydra/launcher"] == {"joblib": "processes"}.get(name, name)


# One process, so that torch is imported once.
ALL_READY = """
import sys
from vae_lab.train import main
for name in {names}:
    sys.argv = ["train", f"sweep={{name}}", "size=smoke", f"hydra.sweep.dir={folder}/{{name}}", *{settings}]
    main()
"""


@pytest.mark.slow
def test_ready_sweeps_run_at_smoke_size(tmp_path: Path) -> None:
    names = parts.names("sweep")
    settings = ["seed=0", "trainer.max_epochs=1", "callbacks.progress=null", "nll_samples=2", "model.hidden_sizes=[16]"]
    script = ALL_READY.format(names=names, folder=tmp_path, settings=settings)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name in names:
        report = (tmp_path / name / "report.md").read_text()
        assert "Not in the table" not in report
        assert report.count("\n## data=digits") == 1, "one comparison"
