"""The kinds of commands that are killed: each with what lies in its folder before, and what is done after a kill."""

from dataclasses import dataclass
from pathlib import Path

from torture.commands import Command
from vae_lab.runs.files import read_json
from vae_lab.runs.folder import RunFolder

# Three epochs of ten batches, of which a command takes about a second.
TINY = (
    *("data=digits", "data.batch_size=32", "data.num_train=320", "trainer=cpu", "trainer.max_epochs=3"),
    *("checkpoint_every_n_steps=3", "model.hidden_sizes=[16]", "nll_samples=2", "callbacks.progress=null"),
)
PLAIN = (*TINY, "callbacks.figures=null")
TWO_PROCESSES = ("trainer.devices=2", "trainer.accelerator=cpu")
SEARCH = ("hydra/sweeper=search", "hydra.sweeper.n_trials=3", "optimizer.lr=tag(log,interval(0.0001,0.1))")


@dataclass(frozen=True)
class Kind:
    """A kind of command.

    Attributes:
        name: its name.
        module: `python -m MODULE`.
        arguments: its arguments, with FOLDER in the place of its folder.
        prepared: the kind of whose finished folder it begins with a copy.
        epochs: what its metrics say as soon as it has finished, for a run.
        like: the kind whose results it has, if it is only started in another way.
        always_cold: whether it cannot be forked from a warm process, as it starts others by its own file.
    """

    name: str
    module: str
    arguments: tuple[str, ...]
    prepared: str | None = None
    epochs: int | None = None
    like: str | None = None
    always_cold: bool = False

    def command(self, folder: Path, *, cold: bool = False) -> Command:
        """Return the command."""
        arguments = tuple(argument.replace("FOLDER", str(folder)) for argument in self.arguments)
        return Command(f"vae_lab.{self.module}", arguments, cold or self.always_cold)

    def way_on(self, folder: Path, *, cold: bool = False) -> Command:
        """Return the command that goes on after a kill: the same one, or `resume=` for a run that has a state."""
        started = self.prepared is None and self.epochs is not None
        if not started or not RunFolder(folder).has_results:
            return self.command(folder, cold=cold)
        return Command("vae_lab.train", (f"resume={folder}",), cold)

    def has_finished(self, folder: Path) -> bool:
        """Return whether a run has finished, after which it may not be resumed; other commands may be repeated."""
        metrics = RunFolder(folder).metrics
        return self.epochs is not None and metrics.is_file() and read_json(metrics)["max_epochs"] == self.epochs


def run(name: str, *arguments: str) -> Kind:
    """Return a kind of run."""
    return Kind(name, "train", (*arguments, "hydra.run.dir=FOLDER"), epochs=3)


def sweep(name: str, *arguments: str) -> Kind:
    """Return a kind of sweep."""
    return Kind(name, "train", ("-m", *PLAIN, *arguments, "hydra.sweep.dir=FOLDER"))


SHORT = Kind("short", "train", (*PLAIN, "trainer.max_epochs=1", "hydra.run.dir=FOLDER"), epochs=1)
KINDS = (
    run("adversarial", *PLAIN, "objective=vae_gan"),
    run("vamp", *TINY, "prior=vamp", "prior.num_pseudo_inputs=8", "latent_dim=2"),
    run("conditional", *PLAIN, "condition=label", "prior=label_normal"),
    run("two_processes", *PLAIN, *TWO_PROCESSES),
    sweep("ensemble", "launcher=ensemble", "seed=0,1"),
    sweep("sweep", "latent_dim=2,3"),
    sweep("search", *SEARCH),
    Kind(
        "evaluate",
        "evaluate",
        ("run=FOLDER", "device=cpu", "measure=[bounds,nll,active_units]", "measure.nll.num_samples=5"),
        prepared="conditional",
    ),
    Kind("report", "report", ("sweep=FOLDER", "rank_by=test/elbo", "metrics=[test/nll,test/elbo]"), prepared="sweep"),
    Kind("raised", "train", ("resume=FOLDER", "trainer.max_epochs=3"), prepared="short", epochs=3),
)
