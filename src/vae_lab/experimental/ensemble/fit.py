"""Train several runs as one."""

import logging
from collections.abc import Sequence

from hydra.utils import instantiate
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import ProgressBar, Timer

from vae_lab import build
from vae_lab.errors import UserError
from vae_lab.experimental.ensemble.batches import EnsembleData
from vae_lab.experimental.ensemble.callbacks import EnsembleCheckpoints
from vae_lab.experimental.ensemble.checkpoints import MemberFiles
from vae_lab.experimental.ensemble.groups import WAY_OUT, check_ensemble
from vae_lab.experimental.ensemble.module import EnsembleModule
from vae_lab.runs import results
from vae_lab.runs.folder import RunFolder
from vae_lab.training.figures import Figures
from vae_lab.training.interruption import leave_signals_alone
from vae_lab.training.progress import EpochLines
from vae_lab.training.run import Run

log = logging.getLogger(__name__)


def fit_together(runs: Sequence[Run]) -> list[Exception | None]:
    """Train runs; those that resume from the same step are trained at once.

    Returns:
        The error of each run, or None for a run without one.
    """
    at_step: dict[int, list[int]] = {}
    for number, run in enumerate(runs):
        at_step.setdefault(results.state_of(RunFolder(run.run_dir), run.resumed).num_steps, []).append(number)
    failures: list[Exception | None] = [None for _ in runs]
    for numbers in at_step.values():
        members = [runs[number] for number in numbers]
        outcome: list[Exception | None] = [None for _ in members]
        try:
            if len(members) == 1:
                members[0].fit()
            else:
                outcome = fit_stack(members)
        except Exception as error:  # each job reports it as its own
            outcome = [error for _ in members]
        for number, failure in zip(numbers, outcome, strict=True):
            failures[number] = failure
    return failures


def fit_stack(runs: Sequence[Run]) -> list[Exception | None]:
    """Train runs that start at the same step; afterwards each is as if it had been trained separately.

    Returns:
        The error of each run, or None for a run without one.

    Raises:
        UserError: if they cannot be trained at once.
    """
    first = runs[0]
    check_ensemble(first.config)
    log.info("training %s members at once", len(runs))
    timer = Timer()
    for run in runs:
        run.checkpoints.ensemble_size = len(runs)
    figures, others = callbacks_of(first)
    module = EnsembleModule(runs)
    trainer: Trainer = build.part(
        first.config,
        "trainer",
        Trainer,
        default_root_dir=str(first.run_dir),
        callbacks=[timer, EpochLines(), EnsembleCheckpoints(runs, figures), *others],
        logger=False,
        plugins=[MemberFiles(runs)],
    )
    leave_signals_alone(trainer)
    data = EnsembleData(first.data, [run.module.seed for run in runs])
    with first.told_if_damaged():
        trainer.fit(module, datamodule=data, ckpt_path=first.resumed, weights_only=True)
    for run in runs:
        run.timer.load_state_dict(timer.state_dict())
        run.trainer.fit_loop.load_state_dict(trainer.fit_loop.state_dict())
    return module.failures


def callbacks_of(run: Run) -> tuple[Figures | None, list[Callback]]:
    """Return the callback that draws pictures (or None), and the callbacks that do not depend on the model.

    Raises:
        UserError: if there is another callback, which may not work with an ensemble.
    """
    figures: Figures | None = None
    others: list[Callback] = []
    for name, node in run.config.callbacks.items():
        callback = None if node is None else instantiate(node, _convert_="all")
        if isinstance(callback, Figures):
            figures = callback
        elif isinstance(callback, ProgressBar):
            others.append(callback)
        elif callback is not None:
            raise UserError(
                f"callbacks.{name}._target_={node['_target_']}: a callback expects one model, an ensemble has several; "
                f"leave it out with callbacks.{name}=null, {WAY_OUT}"
            )
    return figures, others
