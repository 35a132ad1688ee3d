"""The folder of a run: the names of its files, and its recorded configuration."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, ListConfig, OmegaConf, open_dict

from vae_lab.configuration.processes import is_first
from vae_lab.runs.aliases import with_current_names
from vae_lab.runs.files import atomic_write


@dataclass(frozen=True)
class RunFolder:
    """The files and folders of one run, by their purpose.

    Attributes:
        path: the run's folder.
    """

    path: Path

    @property
    def config(self) -> Path:
        """The run's configuration."""
        return self.path / ".hydra" / "config.yaml"

    @property
    def hydra_config(self) -> Path:
        """Hydra's own part of the configuration, with the choices of the config groups."""
        return self.path / ".hydra" / "hydra.yaml"

    @property
    def overrides(self) -> Path:
        """The overrides of the command line."""
        return self.path / ".hydra" / "overrides.yaml"

    @property
    def metrics(self) -> Path:
        """The metrics of the run; the file's presence means that the run finished."""
        return self.path / "metrics.json"

    @property
    def failed(self) -> Path:
        """Why a job of a sweep failed, in the first line of the file."""
        return self.path / "failed.txt"

    @property
    def pruned(self) -> Path:
        """Why a trial of a search was stopped early, in the first line of the file."""
        return self.path / "pruned.txt"

    @property
    def checkpoints(self) -> Path:
        """The folder of the two checkpoints."""
        return self.path / "checkpoints"

    @property
    def best_checkpoint(self) -> Path:
        """The weights of the best epoch."""
        return self.checkpoints / "best.ckpt"

    @property
    def last_checkpoint(self) -> Path:
        """The last state of the training, to resume from."""
        return self.checkpoints / "last.ckpt"

    @property
    def figures(self) -> Path:
        """The folder of the pictures."""
        return self.path / "figures"

    @property
    def evaluation(self) -> Path:
        """The estimates of `vae_lab.evaluate`."""
        return self.path / "evaluation.json"

    @property
    def gradient_variance(self) -> Path:
        """The results of `vae_lab.gradient_variance`."""
        return self.path / "gradient_variance.json"

    def read_config(self) -> DictConfig | None:
        """Read the recorded configuration, its classes by today's names; None if there is none."""
        return read_yaml(self.config)

    def read_hydra_config(self) -> DictConfig | None:
        """Read Hydra's recorded part of the configuration, its classes by today's names; None if there is none."""
        return read_yaml(self.hydra_config)

    def record(self, config: DictConfig) -> None:
        """Write a run's configuration, as Hydra would.

        Hydra itself does not write it (`hydra.output_subdir: null`): it would write before the configuration can be
        compared with that of another run in the same folder, and would replace it.
        """
        if not is_first():
            return
        hydra: Any = HydraConfig.instance().cfg
        save_yaml(hydra, self.hydra_config)
        save_yaml(hydra.hydra.overrides.task, self.overrides)
        save_yaml(config, self.config)


def read_yaml(path: Path) -> DictConfig | None:
    """Read a recorded configuration, its classes by today's names; None if the file does not exist."""
    if not path.is_file():
        return None
    config = OmegaConf.load(path)
    assert isinstance(config, DictConfig)
    return with_current_names(config)


def save_yaml(config: DictConfig | ListConfig, path: Path) -> None:
    """Write a YAML file atomically."""
    with atomic_write(path) as unfinished:
        OmegaConf.save(config, unfinished)


def folder_of(config: DictConfig, number: int) -> Path:
    """Return the folder of a sweep's job.

    Args:
        config: a configuration with Hydra's own part.
        number: the job's number.
    """
    with open_dict(config):
        config.hydra.job.num = number
    return Path(config.hydra.sweep.dir, str(config.hydra.sweep.subdir))
