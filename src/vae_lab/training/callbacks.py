"""When checkpoints are saved and figures drawn."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.loggers import Logger, TensorBoardLogger
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch import Tensor
from torch.nn.functional import one_hot

from vae_lab.configuration.options import PositiveInt
from vae_lab.data.batches import to_unit
from vae_lab.data.module import ImageData
from vae_lab.evaluation.criterion import Criterion
from vae_lab.reports.pictures import draw, write_png
from vae_lab.runs.folder import RunFolder
from vae_lab.seeding import RngStream, reseed
from vae_lab.training.module import TrainingModule


class BestAndLast(Checkpoint):
    """Keeps two checkpoints: the model that is best on validation by its own criterion, and the state to go on from.

    `last.ckpt` is only ever written between two steps, where the state is whole: at the end of every epoch, every
    `every_n_steps` steps, and on SIGTERM. An interrupt at any other moment loses the steps since the last of them.

    Args:
        folder: the run's folder.
        every_n_steps: optimisation steps between two saves inside an epoch.
    """

    def __init__(self, folder: RunFolder, every_n_steps: int) -> None:
        self.best_path = folder.best_checkpoint
        self.last_path = folder.last_checkpoint
        self.every_n_steps = every_n_steps
        self.best_value: float | None = None  # of the criterion: the ELBO, where the model has one
        self.best_epoch = -1
        self.best_step = 0  # where the log has its validation
        self.best_figures: dict[str, float] = {}

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking:
            return
        criterion = cast(TrainingModule, pl_module).criterion
        figures = {name: value.item() for name, value in trainer.callback_metrics.items() if name.startswith("val/")}
        if self.improved(criterion, figures, trainer.current_epoch, trainer.global_step - 1):
            trainer.save_checkpoint(self.best_path, weights_only=True)

    def improved(self, criterion: Criterion, figures: dict[str, float], epoch: int, step: int) -> bool:
        """Whether the figures of an epoch, logged at a step, are the best so far, which are then remembered."""
        value = figures[f"val/{criterion.monitored}"]
        if not criterion.improves(value, self.best_value):
            return False
        self.best_value, self.best_epoch, self.best_step, self.best_figures = value, epoch, step, figures
        return True

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self.is_due(batch_idx, trainer.num_training_batches):
            trainer.save_checkpoint(self.last_path)

    def is_due(self, batch: int, num_batches: float) -> bool:
        """Whether to save inside an epoch after a batch, numbered from 0."""
        return batch + 1 < num_batches and (batch + 1) % self.every_n_steps == 0

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trainer.save_checkpoint(self.last_path)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        # Lightning raises this one between two training steps, or between two validation steps, where the epoch's
        # end is still to come.
        if isinstance(exception, SIGTERMException) and trainer.training:
            trainer.save_checkpoint(self.last_path)

    def state_dict(self) -> dict[str, Any]:
        names = ("best_value", "best_epoch", "best_step", "best_figures")
        return {name: getattr(self, name) for name in names}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best_value = state_dict["best_value"]
        self.best_epoch = state_dict["best_epoch"]
        self.best_step = state_dict["best_step"]
        self.best_figures = state_dict["best_figures"]


class Figures(Callback):
    """Shows pictures in TensorBoard as training goes, and writes them as PNG files at the end.

    Args:
        every_n_epochs: epochs between two sets of pictures in TensorBoard.
        num_images: test images to reconstruct.
        num_samples: images to generate.
    """

    def __init__(
        self, every_n_epochs: PositiveInt = 5, num_images: PositiveInt = 16, num_samples: PositiveInt = 64
    ) -> None:
        self.every_n_epochs = every_n_epochs
        self.num_images = num_images
        self.num_samples = num_samples

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero and self.is_due(trainer.current_epoch):
            self.show(trainer.loggers, self._pictures(trainer, pl_module), trainer.global_step)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero:
            pictures = self._pictures(trainer, pl_module)
            self.show(trainer.loggers, pictures, trainer.global_step)
            for name, picture in pictures.items():
                write_png(picture, RunFolder(Path(trainer.default_root_dir)).figures / f"{name}.png")

    def is_due(self, epoch: int) -> bool:
        """Whether to draw after an epoch, numbered from 0."""
        return (epoch + 1) % self.every_n_epochs == 0

    def _pictures(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Tensor]:
        return self.draw(cast(TrainingModule, pl_module), cast(ImageData, trainer.datamodule))  # type: ignore[attr-defined]

    def draw(self, module: TrainingModule, data: ImageData) -> dict[str, Tensor]:
        """The pictures of a model by name."""
        like = next(module.parameters())
        reseed(like.device, module.seed, RngStream.FIGURES)
        test = data.test.take(slice(self.num_images))
        images = to_unit(test.images).to(like)
        labels = None
        if module.num_classes is not None:
            labels = one_hot(test.labels, module.num_classes).to(images)
        return draw(module.model, images, self.num_samples if module.objective.fits_prior else 0, labels)

    @staticmethod
    def show(loggers: Iterable[Logger], pictures: dict[str, Tensor], step: int) -> None:
        """Add pictures to TensorBoard."""
        for logger in loggers:
            if isinstance(logger, TensorBoardLogger):
                for name, picture in pictures.items():
                    logger.experiment.add_image(name, picture, step)
