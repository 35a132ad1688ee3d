"""The study of a search may be a stranger's: what it says is not executed, and it is not written through a link."""

import errno
from pathlib import Path
from typing import NoReturn

import optuna
import pytest
from omegaconf import OmegaConf
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState

from vae_lab.errors import UserError
from vae_lab.sweeps.search.storage import storage_at
from vae_lab.sweeps.search.study import next_trials

SEARCHED = {"optimizer.lr": FloatDistribution(1e-4, 1e-2)}
SWEEPER = OmegaConf.create(
    {"sampler": {"_target_": "optuna.samplers.RandomSampler", "seed": 0}, "n_jobs": 1, "n_trials": 3}
)


@pytest.mark.parametrize("key", ["model._target_", "+hydra.callbacks.x._target_", "data.root"])
def test_a_trial_gives_no_override_of_its_own(key: str) -> None:
    study = optuna.create_study()
    study.add_trial(
        optuna.trial.create_trial(
            state=TrialState.RUNNING,
            params={"optimizer.lr": 1e-3, key: "shutil.rmtree"},
            distributions={**SEARCHED, key: CategoricalDistribution(["shutil.rmtree"])},
        )
    )
    with pytest.raises(UserError, match="which this search does not choose"):
        next_trials(study, SWEEPER, dict(SEARCHED))


def test_a_trial_that_waits_goes_on() -> None:
    study = optuna.create_study()
    first = next_trials(study, SWEEPER, dict(SEARCHED))
    again = next_trials(study, SWEEPER, dict(SEARCHED))
    assert [trial.params for trial in first] == [trial.params for trial in again]


@pytest.mark.parametrize("suffix", ["", "-journal", "-wal"])
def test_a_database_is_not_written_through_a_link(suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"study.db{suffix}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"is a link"):
        storage_at(f"sqlite:///{tmp_path}/study.db")
    assert not (tmp_path / "elsewhere").exists()


def test_a_damaged_database_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "study.db").write_bytes(b"no database" * 100)
    with pytest.raises(UserError, match=r"study\.db: .*file is not a database; see to it"):
        storage_at(f"sqlite:///{tmp_path}/study.db")


def test_a_database_is_made_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that lacks some of its tables could never be opened again."""
    monkeypatch.setattr("vae_lab.sweeps.search.storage.RDBStorage", no_room)
    with pytest.raises(OSError, match="no room"):
        storage_at(f"sqlite:///{tmp_path}/study.db")
    assert not list(tmp_path.iterdir())
    monkeypatch.undo()
    storage_at(f"sqlite:///{tmp_path}/study.db")
    assert [path.name for path in tmp_path.iterdir()] == ["study.db"]


def no_room(url: str) -> NoReturn:
    """Write a part of the file, and fail as on a full disk."""
    Path(url.removeprefix("sqlite:///")).write_bytes(b"half")
    raise OSError(errno.ENOSPC, "no room")
