"""Draw figures during and after training."""

from collections.abc import Iterable
from pathlib import Path
from typing import cast

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import Logger, TensorBoardLogger
from torch import Tensor

from vae_lab.configuration.options import PositiveInt, Size
from vae_lab.data.batches import to_unit
from vae_lab.data.classes import condition
from vae_lab.data.module import ImageData
from vae_lab.reports.pictures import draw, write_png
from vae_lab.runs.folder import RunFolder
from vae_lab.seeding import RngStream, reseed
from vae_lab.training.module import TrainingModule
from vae_lab.training.run_log import CHOSEN


class Figures(Callback):
    """Shows pictures in TensorBoard during training, and writes them as PNG files at the end.

    Args:
        every_n_epochs: epochs between two sets of pictures in TensorBoard.
        num_images: the number of test images to reconstruct.
        num_samples: the number of images to generate.
    """

    def __init__(self, every_n_epochs: PositiveInt = 5, num_images: PositiveInt = 16, num_samples: Size = 64) -> None:
        self.every_n_epochs = every_n_epochs
        self.num_images = num_images
        self.num_samples = num_samples

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero and self.is_due(trainer.current_epoch):
            self.show(trainer.loggers, self._pictures(trainer, pl_module), trainer.global_step)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero:
            pictures = self._pictures(trainer, pl_module)
            chosen = {f"{CHOSEN}/{name}": picture for name, picture in pictures.items()}
            self.show(trainer.loggers, chosen, trainer.global_step)
            folder = RunFolder(Path(trainer.default_root_dir))
            for name, picture in pictures.items():
                write_png(picture, folder, folder.figures / f"{name}.png")

    def is_due(self, epoch: int) -> bool:
        """Return whether to draw after an epoch, counted from 0."""
        return (epoch + 1) % self.every_n_epochs == 0

    def _pictures(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Tensor]:
        return self.draw(cast(TrainingModule, pl_module), cast(ImageData, trainer.datamodule))  # type: ignore[attr-defined]

    def draw(self, module: TrainingModule, data: ImageData) -> dict[str, Tensor]:
        """Return the pictures of a model by name."""
        parameter = next(module.parameters())
        reseed(parameter.device, module.seed, RngStream.FIGURES)
        test = data.test.take(slice(self.num_images))
        images = to_unit(test.images).to(parameter)
        c = None
        if module.classes is not None:
            c = condition(test.labels, module.classes).to(images)
        return draw(module.model, images, self.num_samples if module.objective.fits_prior else 0, c)

    @staticmethod
    def show(loggers: Iterable[Logger], pictures: dict[str, Tensor], step: int) -> None:
        """Add pictures to TensorBoard."""
        for logger in loggers:
            if isinstance(logger, TensorBoardLogger):
                for name, picture in pictures.items():
                    logger.experiment.add_image(name, picture, step)
