"""The data of a saved run: found from any working directory, and compared with what the run was trained on."""

from pathlib import Path

from omegaconf import DictConfig

from vae_lab import build
from vae_lab.configuration.data_paths import data_paths, own_data_folder, with_found_paths
from vae_lab.data.fingerprint import check_same_data
from vae_lab.data.image_set import MissingDataError
from vae_lab.data.module import ImageData
from vae_lab.data.torchvision_set import without_downloads
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.record import read_record
from vae_lab.runs.saved_yaml import mapping_at


def read_data(folder: RunFolder, config: DictConfig) -> ImageData:
    """Read the data that the configuration of a saved run names, from any working directory; see `read_named`.

    Args:
        folder: the run's folder.
        config: its configuration.

    Raises:
        UserError: if they are missing or damaged.
    """
    return read_named(with_found_paths(config, started_in(folder)))


def read_named(config: DictConfig) -> ImageData:
    """Read the data that a saved configuration names, or the same data set in the reader's own folder of data sets.

    Only there a data set is downloaded: the configuration may be a stranger's, and nothing is written where it says.

    Raises:
        UserError: if the data are missing or damaged.
    """
    try:
        with without_downloads():
            return build.data(config, saved=True)
    except MissingDataError:
        if "root" not in config.data:
            raise
        own = config.copy()
        own.data.root = str(own_data_folder())
        return build.data(own, saved=True)


def started_in(folder: RunFolder) -> Path | None:
    """Return the working directory that a run was started in; None if it is not recorded."""
    directory = mapping_at(folder.read_hydra_config(), "hydra", "runtime").get("cwd")
    return None if directory is None else Path(str(directory))


def check_data(folder: RunFolder, config: DictConfig, data: ImageData, *, allow: bool) -> str | None:
    """Refuse data that are not those that a run was trained on.

    Args:
        folder: the run's folder; one of version 0.2 or earlier does not say what its data were.
        config: its configuration.
        data: what was read.
        allow: whether other data are wanted.

    Returns:
        How they differ, if that is allowed; None if they do not.

    Raises:
        UserError: one line with what differs.
    """
    paths = [f"{key}={value}" for key, value in data_paths(config, Path.cwd())]
    where = ": ".join([str(folder.path), *paths])
    return check_same_data(read_record(folder).data, data.fingerprint, where, allow=allow)
