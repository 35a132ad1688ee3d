"""The folder of a sweep, a search or a report: what is written there beside the runs."""

from pathlib import Path

from vae_lab.runs.folder import RunFolder
from vae_lab.runs.owned import OwnedFolder

# What sweeps, searches and reports of version 0.2 and earlier wrote, which have no list of their files.
WRITTEN_BEFORE = (
    *("report.csv", "report.md", "published.md", "multirun.yaml", "experiment/best.yaml", "experiment/front_*.yaml"),
    *("figures/against_*.png", "figures/rate_distortion*.png", "figures/learning_curves*.png"),
    *("figures/lower_bound.png", "figures/marginal_likelihood.png", "figures/latent_planes.png"),
)
BEGIN_OF_REPORT = b"# Report\n"


class SweepFolder(OwnedFolder):
    """The files of a sweep, a search or a report, beside its runs."""

    @property
    def report(self) -> Path:
        """The report, for readers; it is written last."""
        return self.path / "report.md"

    @property
    def published(self) -> Path:
        """The metrics of a sweep beside those of a paper."""
        return self.path / "published.md"

    @property
    def figures(self) -> Path:
        """The folder of the figures."""
        return self.path / "figures"

    @property
    def sweep_config(self) -> Path:
        """The configuration of the sweep, which Hydra writes, or of the search."""
        return self.path / "multirun.yaml"

    @property
    def experiments(self) -> Path:
        """The folder of the best configurations of a search."""
        return self.path / "experiment"

    def from_before(self) -> set[str]:
        """Return the files that version 0.2 or earlier may have written.

        A name does not say who wrote a file: a user's own `figures/against_paper.png` is among them. So each of them is
        replaced by a file of exactly its name only, and none is removed.
        """
        if self.manifest.is_file():
            return super().from_before()
        has_report = self.report.is_file() and self.report.read_bytes().startswith(BEGIN_OF_REPORT)
        if not (has_report or self.sweep_config.is_file()):
            return set()
        found = {str(path.relative_to(self.path)) for pattern in WRITTEN_BEFORE for path in self.path.glob(pattern)}
        return found if has_report else found - {self.report.name}


def folder_of_report(path: Path) -> RunFolder | SweepFolder:
    """Return the folder that a report is written to, which may be that of a run."""
    return RunFolder(path) if RunFolder(path).config.is_file() else SweepFolder(path)
