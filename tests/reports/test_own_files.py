"""A report, a search and a run touch their own files only: a user's stay, whatever their names are."""

import logging
from pathlib import Path

import pytest
from hydra import initialize_config_dir
from omegaconf import OmegaConf

from helpers.run_folders import search_of_one_trial, write_run
from vae_lab.configuration.paths import conf_dir
from vae_lab.errors import UserError
from vae_lab.reports import report
from vae_lab.reports.report import write_report
from vae_lab.runs.door import make_room
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.sweep_folder import SweepFolder
from vae_lab.sweeps.search.best import write_best

MINE = ("figures/against_paper.png", "figures/learning_curves_old.png", "experiment/front_1.yaml", "notes.md")


def runs(folder: Path) -> None:
    for number in range(2):
        write_run(folder / str(number), -30.0 - number, latent_dim=2 + number)


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("mine")


def test_figures_of_another_report_go_and_those_of_a_user_stay(tmp_path: Path) -> None:
    runs(tmp_path)
    write_report([tmp_path], tmp_path)
    put(tmp_path, *MINE)
    OmegaConf.update(config := OmegaConf.load(tmp_path / "1/.hydra/config.yaml"), "latent_dim", 2)
    OmegaConf.save(config, tmp_path / "1/.hydra/config.yaml")
    write_report([tmp_path], tmp_path)
    assert not (tmp_path / "figures/against_latent_dim.png").exists(), "nothing varies any more"
    assert [(tmp_path / name).read_text() for name in MINE] == ["mine"] * len(MINE)


@pytest.mark.parametrize("name", ["report.csv", "report.md", "figures/rate_distortion.png"])
def test_a_users_file_in_the_way_leaves_everything_as_it_was(tmp_path: Path, name: str) -> None:
    runs(tmp_path)
    put(tmp_path, name)
    SweepFolder(tmp_path).begin_list()
    with pytest.raises(UserError, match=rf"{name}: vae_lab did not write this file"):
        write_report([tmp_path], tmp_path)
    assert (tmp_path / name).read_text() == "mine"
    others = {tmp_path / "report.md", tmp_path / "report.csv", *tmp_path.glob("figures/*")} - {tmp_path / name}
    assert not any(path.exists() for path in others)


def test_in_a_sweep_of_an_older_version_what_is_written_is_replaced_and_nothing_removed(tmp_path: Path) -> None:
    runs(tmp_path)
    put(tmp_path, "multirun.yaml", "report.md", "report.csv", "figures/rate_distortion.png", *MINE)
    (tmp_path / "report.md").write_text("# Report\n")
    (tmp_path / "multirun.yaml").write_text(
        "hydra: {sweep: {subdir: x}, sweeper: {_target_: x}, overrides: {task: []}}"
    )
    for _ in range(2):
        write_report([tmp_path], tmp_path)
        assert "Best first" in (tmp_path / "report.md").read_text()
        assert [(tmp_path / name).read_text() for name in MINE] == ["mine"] * len(MINE)
    SweepFolder(tmp_path).remove_written()
    assert [(tmp_path / name).read_text() for name in MINE] == ["mine"] * len(MINE)


def test_an_error_leaves_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs(tmp_path)
    write_report([tmp_path], tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()}
    write_run(tmp_path / "2", -20.0, latent_dim=9)

    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(report, "to_csv", fail)
    with pytest.raises(OSError, match="No space left"):
        write_report([tmp_path], tmp_path)
    assert {path: path.read_bytes() for path in before} == before


def test_a_report_in_the_folder_of_an_older_run_does_not_hide_what_the_run_wrote(tmp_path: Path) -> None:
    write_run(tmp_path, -30.0)
    write_report([tmp_path], tmp_path)
    RunFolder(tmp_path).write_json(RunFolder(tmp_path).metrics, {})
    assert RunFolder(tmp_path).metrics.read_text() == "{}\n"


def test_a_search_replaces_its_own_front(tmp_path: Path) -> None:
    put(tmp_path, "experiment/front_mine.yaml")
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        study = search_of_one_trial(tmp_path, -5.0, -30.0)
        write_best(study, ["val/rate", "val/distortion"], tmp_path)
        assert (tmp_path / "experiment/front_0.yaml").is_file()
        SweepFolder(tmp_path).write_text(tmp_path / "experiment/front_7.yaml", "of an earlier front")
        write_best(study, ["val/rate", "val/distortion"], tmp_path)
    assert not (tmp_path / "experiment/front_7.yaml").exists()
    assert (tmp_path / "experiment/front_mine.yaml").read_text() == "mine"


def test_a_run_that_replaces_another_keeps_a_users_logs(tmp_path: Path) -> None:
    """Hydra has opened train.log when a run enters its folder; here it is one that a user had there before."""
    put(tmp_path, "notes.log", "train.log")
    handler = logging.FileHandler(tmp_path / "train.log")
    logging.root.addHandler(handler)
    try:
        for _ in range(2):
            make_room(RunFolder(tmp_path))
    finally:
        logging.root.removeHandler(handler)
        handler.close()
    assert (tmp_path / "notes.log").read_text() == (tmp_path / "train.log").read_text() == "mine"
