"""Train, validate and test one run, from a checked configuration to its folder of results."""

import logging
import warnings
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Timer
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only
from omegaconf import DictConfig, OmegaConf

from vae_lab import build
from vae_lab.configuration.flat import flatten
from vae_lab.configuration.proposed import resume
from vae_lab.data.classes import listed
from vae_lab.data.module import ImageData
from vae_lab.ending import interruption
from vae_lab.errors import UserError, explain_os_error, printable
from vae_lab.runs import results
from vae_lab.runs.files import check_room
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.metrics import Metrics
from vae_lab.runs.record import record_divergence, record_end, record_training
from vae_lab.runs.saved_data import check_data, read_data
from vae_lab.sweeps.search.pruning import pruning_callbacks
from vae_lab.training.batch_sizes import check_batch_sizes
from vae_lab.training.checkpoint_files import CheckpointFiles, checkpoint_bytes
from vae_lab.training.checkpoints import BestAndLast
from vae_lab.training.costs import check_memory_of_training
from vae_lab.training.diagnosis import NOTE, diagnose
from vae_lab.training.divergence import DivergenceError, advice, check_sane
from vae_lab.training.epoch_choice import check_monitors
from vae_lab.training.final_metrics import metrics_of
from vae_lab.training.interruption import leave_signals_alone
from vae_lab.training.module import TrainingModule
from vae_lab.training.processes import together, watch_processes
from vae_lab.training.progress import EpochLines
from vae_lab.training.run import CO_TRAINER, Run
from vae_lab.training.run_log import log_results

log = logging.getLogger(__name__)


def run_experiment(config: DictConfig) -> float:
    """Train, validate, test and write the results.

    Args:
        config: a composed and checked configuration.

    Returns:
        The validation ELBO of the chosen epoch, in nats per image; for a model without an ELBO its distortion, and for
        one without an encoder its kernel score.

    Raises:
        UserError: if training diverged.
        Interrupted: if a signal interrupted it.
        SystemExit: if another process that trains it ended.
    """
    way_on = "to go on, repeat the command of the sweep"
    is_alone = HydraConfig.get().mode is RunMode.RUN
    if is_alone:
        way_on = f"to go on: {resume(Path(HydraConfig.get().runtime.output_dir))}"
        say(f"interrupted; {way_on}")
    co_trainer = CO_TRAINER.get()
    run = prepare(config, None if co_trainer is None else co_trainer.data)
    try:
        with together(run.trainer, way_on):
            with interruption.postponed():
                if co_trainer is None:
                    run.fit()
                else:
                    co_trainer.fit(run)
            value = conclude(run)
    except DivergenceError as error:
        folder = RunFolder(run.run_dir)
        record_divergence(folder, str(error))
        raise UserError(f"{error}; {advice(folder, config.optimizer.get('lr'))}") from error
    except MisconfigurationException as error:
        raise UserError(" ".join(str(error).split())) from error
    except OSError as error:
        raise UserError(f"{explain_os_error(error)}; what was trained so far is safe; {way_on}") from error
    if is_alone:
        say(f"interrupted after the training had ended; its results are in {run.run_dir}")
    return value


@rank_zero_only
def say(line: str) -> None:
    """Let the first process of a run say how to go on, if a signal ends it from now on."""
    interruption.say(printable(line))


def prepare(config: DictConfig, data: ImageData | None = None) -> Run:
    """Build the model, the objective, the data and the trainer of a run.

    Args:
        config: a composed and checked configuration.
        data: its images if another run has read them, else None.
    """
    quieten_libraries()
    run_dir = Path(HydraConfig.get().runtime.output_dir)
    folder = RunFolder(run_dir)
    checkpoints = BestAndLast(folder, config.checkpoint_every_n_steps)
    resumed = checkpoints.last_path if config.resume and checkpoints.last_path.is_file() else None
    state = results.state_of(folder, resumed)
    timer = Timer()

    if data is not None:
        data = data.with_seed(config.seed)
    else:
        data = read_data(folder, config) if config.resume else build.data(config)
    other_data = check_data(folder, config, data, allow=config.get("allow_other_data", False))
    classes = build.classes(config, data, state.classes)
    num_classes = None if classes is None else len(classes)
    check_memory_of_training(config, data, num_classes)
    model = build.model(config, data.image_shape, data.pixel_mean(), num_classes)
    module = TrainingModule(
        model,
        build.objective(config, num_images=len(data.train.images), image_shape=data.image_shape),
        build.optimizer(config),
        schedule=build.schedule(config),
        image_shape=data.image_shape,
        classes=classes,
        seed=config.seed,
        choose_epoch_by=config.get("choose_epoch_by", "elbo"),
        nll_samples=config.nll_samples,
        compiled=config.compile,
    )
    trainer = build.trainer(
        config,
        run_dir,
        [timer, EpochLines(), checkpoints, *pruning_callbacks()],
        plugins=[CheckpointFiles(folder)],
        first_step=state.num_steps,
    )
    check_monitors(trainer.callbacks, module.choice, module.criterion)  # type: ignore[attr-defined]
    check_batch_sizes(data, module, num_processes=trainer.world_size, settings=config.trainer)
    check_room(run_dir, checkpoint_bytes(module), "a run's checkpoints")
    leave_signals_alone(trainer)
    watch_processes(trainer)
    describe(config, data, module, trainer.loggers)
    module.settings = record_training(folder, config, data.fingerprint, other_data)  # now that nothing has prevented it
    return Run(config, run_dir, data, module, trainer, checkpoints, timer, resumed)


def conclude(run: Run) -> float:
    """Test the chosen epoch of a run, write the results, and return its validation metric; see `run_experiment`.

    Raises:
        DivergenceError: if no epoch had a metric that means anything.
    """
    config, data, module, trainer, checkpoints = run.config, run.data, run.module, run.trainer, run.checkpoints
    if checkpoints.last_value is None and checkpoints.best_value is None:
        trainer.validate(module, datamodule=data, verbose=False)  # max_steps or max_time ended the first epoch before
    metric = f"val/{module.choice.metric or module.criterion.monitored}"
    check_sane(checkpoints.best_value, metric, data.test.images[0].numel())

    folder = RunFolder(run.run_dir)
    # A finished run that was trained further may not have become better.
    best = checkpoints.best_path if checkpoints.best_path.is_file() else folder.best_checkpoint
    trainer.test(run.module, datamodule=data, ckpt_path=best, weights_only=True, verbose=False)
    tested = {name: value.item() for name, value in trainer.callback_metrics.items() if name.startswith("test/")}
    metrics = metrics_of(run, tested)
    notes = diagnose(
        metrics, checkpoints.last_value, num_pixels=data.test.images[0].numel(), num_epochs=trainer.current_epoch
    )
    metrics |= {f"{NOTE}{name}": note for name, note in notes.items()}
    finish(config, trainer.loggers, run.run_dir, metrics, trainer.global_step)
    return checkpoints.best_metrics[f"val/{module.criterion.monitored}"]


def quieten_libraries() -> None:
    """Silence messages of the libraries that a user cannot act on."""
    for name in ("lightning.pytorch", "lightning.fabric", "pytorch_lightning"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # The images are in memory and a batch is a look-up, so worker processes would have nothing to do.
    warnings.filterwarnings("ignore", ".*does not have many workers.*")
    # The interval of the training log may be longer than an epoch: it continues in the next one.
    warnings.filterwarnings("ignore", ".*is smaller than the logging interval.*")
    # Lightning itself uses a function that torch deprecated.
    warnings.filterwarnings("ignore", ".*isinstance\\(treespec, LeafSpec\\).*")
    # The test metrics are sums over all processes, with no image counted twice.
    warnings.filterwarnings("ignore", ".*it is recommended to use `Trainer\\(devices=1, num_nodes=1\\)`.*")


@rank_zero_only
def describe(config: DictConfig, data: ImageData, module: TrainingModule, loggers: list[Logger]) -> None:
    """Log what is about to be trained, with the choices that were made automatically."""
    num_parameters, num_objective = (
        sum(parameter.numel() for parameter in part.parameters() if parameter.requires_grad)
        for part in (module.model, module.objective)
    )
    sizes = " / ".join(f"{len(split.images):,}" for split in (data.train, data.val, data.test))
    shape = "x".join(map(str, data.image_shape))
    treatment = f"binarize={data.treatment}, dequantize={data.dequantization}"
    log.info("data: %s images of %s (train / validation / test), %s", sizes, shape, treatment)
    if data.has_own_classes:
        log.info("classes: %s", listed(data.classes, data.class_names))
    if config.corruption is not None:
        name = config.corruption["_target_"].rpartition(".")[2]
        log.info("corruption: %s of what the encoder sees, when=%s", name, config.corruption.when)
    log.info("model: %s parameters, latent_dim=%s, seed=%s", f"{num_parameters:,}", config.latent_dim, config.seed)
    if num_objective:
        log.info("objective: %s parameters, used in training only", f"{num_objective:,}")
    for logger in loggers:
        logger.log_hyperparams(hyperparameters(config))


def hyperparameters(config: DictConfig) -> dict[str, Any]:
    """Return the whole configuration by dotted key."""
    plain = OmegaConf.to_container(config, resolve=True)
    assert isinstance(plain, dict)
    return flatten(plain)


@rank_zero_only
def finish(config: DictConfig, loggers: list[Logger], run_dir: Path, metrics: Metrics, step: int) -> None:
    """Write the results; `metrics.json` is written last, since its presence means that the run finished.

    Args:
        config: the run's configuration.
        loggers: the run's loggers.
        run_dir: the run's folder.
        metrics: all metrics of the run.
        step: the optimisation steps of the run.
    """
    log_results(loggers, hyperparameters(config), metrics, step)
    record_end(RunFolder(run_dir), metrics)
    print(results.table(run_dir, metrics))
    for name, note in metrics.items():
        if name.startswith(NOTE):
            log.warning("note: %s", note)
