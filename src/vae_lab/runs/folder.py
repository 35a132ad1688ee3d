"""The folder of a run: the names of its files, and its recorded configuration."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, open_dict
from omegaconf.errors import OmegaConfBaseException

from vae_lab.errors import UserError
from vae_lab.runs.aliases import rename_targets
from vae_lab.runs.earlier import with_earlier_rules
from vae_lab.runs.metrics import read_metrics
from vae_lab.runs.owned import OwnedFolder
from vae_lab.runs.saved_yaml import read_mapping
from vae_lab.runs.trust import check_plain

# What runs of version 0.2 and earlier wrote, which have no list of their files; and what their loggers write.
WRITTEN_BEFORE = (
    *(".hydra/config.yaml", ".hydra/hydra.yaml", ".hydra/overrides.yaml", "train.log"),
    *("checkpoints/best.ckpt", "checkpoints/last.ckpt"),
    *("metrics.json", "evaluation.json", "gradient_variance.json", "failed.txt", "pruned.txt"),
    *("figures/reconstructions.png", "figures/samples.png", "figures/manifold.png", "figures/gradient_variance.png"),
    *("amortised_vs_per_image.json", "figures/amortised_vs_per_image.png"),
)
WRITTEN_BY_LOGGERS = (
    *("events.out.tfevents.*", "hparams.yaml"),
    *("csv/version_*/metrics.csv", "csv/version_*/hparams.yaml"),
)


@dataclass(frozen=True)
class RunFolder(OwnedFolder):
    """The files and folders of one run, by their purpose.

    Attributes:
        path: the run's folder.
    """

    @property
    def config(self) -> Path:
        """The run's configuration."""
        return self.path / ".hydra" / "config.yaml"

    @property
    def hydra_config(self) -> Path:
        """Hydra's own part of the configuration, with the choices of the config groups."""
        return self.path / ".hydra" / "hydra.yaml"

    @property
    def run_record(self) -> Path:
        """What happened to the run."""
        return self.own / "run.json"

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
        """The weights of the best epoch, which the metrics are of."""
        name = "best.ckpt"
        if self.next_best_checkpoint.is_file() and self.metrics.is_file():
            name = str(read_metrics(self.metrics).get("checkpoint", name))
        return self.next_best_checkpoint if name == self.next_best_checkpoint.name else self.checkpoints / "best.ckpt"

    @property
    def next_best_checkpoint(self) -> Path:
        """The weights of the best epoch of a finished run that is trained further, until it has metrics of its own."""
        return self.checkpoints / "best.next.ckpt"

    @property
    def last_checkpoint(self) -> Path:
        """The last state of the training, to resume from."""
        return self.checkpoints / "last.ckpt"

    @property
    def next_last_checkpoint(self) -> Path:
        """The last state of a member of an ensemble, until those of all its members are written."""
        return self.checkpoints / "last.next.ckpt"

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
        """Read the recorded configuration, its classes by today's names; None if there is none.

        The metrics of a finished run say how long it was trained.

        Raises:
            UserError: if it is damaged, or says what a run does not record.
        """
        if not self.config.is_file():
            return None
        plain = with_earlier_rules(rename_targets(read_mapping(self.config)))
        check_plain(plain, self.config)
        if self.metrics.is_file() and isinstance(plain.get("trainer"), dict):
            epochs = read_metrics(self.metrics).get("max_epochs", plain["trainer"].get("max_epochs"))
            plain["trainer"]["max_epochs"] = epochs
        return as_config(plain, self.config)

    def read_saved_config(self) -> DictConfig:
        """Read the recorded configuration of a run as it was written, with the class names of its time."""
        return as_config(read_mapping(self.config), self.config)

    def read_hydra_config(self) -> dict[str, Any] | None:
        """Read Hydra's recorded part of the configuration as plain containers, nothing resolved; None if there is none.

        Raises:
            UserError: if it is damaged.
        """
        return rename_targets(read_mapping(self.hydra_config)) if self.hydra_config.is_file() else None

    @property
    def has_results(self) -> bool:
        """Whether the folder holds what a run has trained."""
        results = (self.metrics, self.pruned, self.last_checkpoint, self.best_checkpoint)
        return any(path.is_file() for path in results)

    def written(self) -> set[str]:
        """Return the files that the run wrote, relative to the folder."""
        if not self.config.is_file():
            return super().written()
        found = super().written() if self.manifest.is_file() else self.matching(*WRITTEN_BEFORE)
        return found | self.matching(*WRITTEN_BY_LOGGERS)

    def matching(self, *patterns: str) -> set[str]:
        """Return the files of the folder whose names match one of several patterns."""
        return {str(path.relative_to(self.path)) for pattern in patterns for path in self.path.glob(pattern)}


def as_config(plain: dict[str, Any], path: Path) -> DictConfig:
    """Return what was read from a file as a configuration.

    Raises:
        UserError: one line with the file, if there are keys or values in it that no configuration has.
    """
    try:
        return DictConfig(plain)
    except (OmegaConfBaseException, ValueError) as error:
        raise UserError(f"{path}: this file is damaged ({' '.join(str(error).split())})") from error


def folder_of(config: DictConfig, number: int) -> Path:
    """Return the folder of a sweep's job.

    Args:
        config: a configuration with Hydra's own part.
        number: the job's number.
    """
    with open_dict(config):
        config.hydra.job.num = number
    return Path(config.hydra.sweep.dir, str(config.hydra.sweep.subdir))
