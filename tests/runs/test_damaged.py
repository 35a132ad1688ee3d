"""A damaged file of a run is named in one line, and does not hide the other runs of a report."""

import json
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from helpers import commands
from helpers.run_folders import write_run
from vae_lab.errors import UserError
from vae_lab.evaluation import record
from vae_lab.reports.report import write_report
from vae_lab.runs.finished import check_finished
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.reading import read_runs
from vae_lab.runs.record import read_record
from vae_lab.sweeps.job import best_value

FILES = ("metrics.json", ".hydra/config.yaml", ".hydra/hydra.yaml", ".hydra/overrides.yaml")
# Torn in the middle, of zeros after a power failure, of another encoding, or of another structure.
CONTENTS = (b"{", b"\0" * 64, b"\xff\xfe", b"[1, 2", b"3", b"[[1]]", b"", b"2020-01-01", b"[" * 99_999, b"{? [1] : 2}")
METRICS = ('{"test/elbo": null}', '{"val/elbo": [1]}', '{"max_epochs": "3"}', f'{{"val/elbo": 1{"0" * 400}}}')


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    for number in range(2):
        write_run(tmp_path / str(number), -30.0 - number, latent_dim=2 + number)
        OmegaConf.save(["latent_dim=2"], tmp_path / str(number) / ".hydra" / "overrides.yaml")
    return tmp_path


def assert_told(sweep: Path, name: str) -> None:
    first, second = read_runs([sweep])[-2:]
    assert (first.status, second.status) == ("finished", "unreadable")
    assert name in second.reason
    assert len(second.reason.splitlines()) == 1


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_leaves_the_other_runs(sweep: Path, name: str) -> None:
    for content in CONTENTS:
        (sweep / "1" / name).write_bytes(content)
        assert_told(sweep, name)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_cut_anywhere_ends_nothing(sweep: Path, name: str) -> None:
    whole = (sweep / "1" / name).read_bytes()
    for length in range(0, len(whole), 1 + len(whole) // 12):
        (sweep / "1" / name).write_bytes(whole[:length])
        assert read_runs([sweep])[0].status == "finished"


@pytest.mark.parametrize("content", METRICS)
def test_metrics_of_another_kind(sweep: Path, content: str) -> None:
    (sweep / "1" / "metrics.json").write_text(content)
    assert_told(sweep, "metrics.json")


@pytest.mark.slow
def test_the_report_of_a_sweep_names_what_it_cannot_read(sweep: Path) -> None:
    (sweep / "1" / "metrics.json").write_text('{"val/elbo": -3')
    (sweep / "multirun.yaml").write_text("hydra: {sweep")
    done = commands.run("report", f"sweep={sweep}")
    assert done.returncode == 0, done.stderr
    assert f"- 1: unreadable: {sweep}/1/metrics.json: this file is damaged" in done.stdout
    assert f"- multirun.yaml: unreadable: {sweep}/multirun.yaml: this file is damaged" in done.stdout
    assert "| 1 | -29.00 |" in done.stdout


@pytest.mark.parametrize("value", ["NaN", "-Infinity", "1e308"])
def test_a_report_of_absurd_metrics(sweep: Path, value: str) -> None:
    for number in (1, 2):
        write_run(sweep / f"{number}-absurd", -30.0, latent_dim=9, seed=number)
        metrics = json.loads((sweep / f"{number}-absurd" / "metrics.json").read_text())
        text = json.dumps(dict.fromkeys(metrics, 0)).replace(" 0", f" {value}")
        (sweep / f"{number}-absurd" / "metrics.json").write_text(text)
    assert "-29.00" in write_report([sweep], sweep)


def test_a_sweeps_file_of_endless_jobs(sweep: Path) -> None:
    hydra = {"sweeper": {"_target_": "hydra._internal.core_plugins.basic_sweeper.BasicSweeper", "params": None}}
    hydra |= {"sweep": {"subdir": "${hydra.job.num}"}, "overrides": {"task": ["seed=range(0,1000000000000)"]}}
    OmegaConf.save({"hydra": hydra}, sweep / "multirun.yaml")
    assert [run.status for run in read_runs([sweep])] == ["unreadable", "finished", "finished"]


@pytest.mark.slow
@pytest.mark.parametrize("command", ["evaluate", "train"])
def test_a_command_on_a_damaged_run_is_one_line(sweep: Path, command: str) -> None:
    (sweep / "1" / ".hydra" / "config.yaml").write_bytes(b"seed: 0\nmodel: {")
    (sweep / "1" / "checkpoints").mkdir()
    (sweep / "1" / "checkpoints" / "best.ckpt").touch()
    (sweep / "1" / "metrics.json").write_text('{"epoch": 0}')
    done = commands.light(command, f"{'run' if command == 'evaluate' else 'resume'}={sweep}/1")
    assert done.stderr.startswith(f"{sweep}/1/.hydra/config.yaml: this file is damaged")
    assert len(done.stderr.splitlines()) == 1


def test_what_other_commands_read(sweep: Path) -> None:
    run = RunFolder(sweep / "1")
    (run.path / "checkpoints").mkdir()
    run.best_checkpoint.touch()
    with pytest.raises(UserError, match=r"metrics\.json: there is no epoch in it"):
        check_finished(str(run.path))
    run.metrics.write_text('{"epoch": 0}')
    with pytest.raises(UserError, match=r"metrics\.json: there is no val/elbo in it"):
        best_value(run)
    for content in ('{"checkpoint": 3}', '{"test": [1]}', "[]", "{"):
        run.evaluation.write_text(content)
        with pytest.raises(UserError, match=r"evaluation\.json: .*damaged"):
            record.read(run.path)
    run.own.mkdir()
    for content in ('{"max_epochs": "many"}', '{"settings": 3}', '{"data": "digits"}'):
        run.run_record.write_text(content)
        with pytest.raises(UserError, match=r"run\.json: this file is damaged"):
            read_record(run)
    for content in ('{"files": 3}', '{"files": ["/etc/passwd"]}', '{"files": [1]}'):
        run.manifest.write_text(content)
        with pytest.raises(UserError, match=r"written\.json: .*damaged"):
            run.remove_written()
