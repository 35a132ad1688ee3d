"""A small classifier of a data set's own classes, whose features samples are compared in.

It is an instrument, the same for all runs on the same images: trained once with a fixed seed, and kept in
`$XDG_CACHE_HOME/vae_lab/classifiers` (`~/.cache` where that is not set).
"""

import hashlib
import os
from pathlib import Path

import torch
from filelock import FileLock
from torch import Tensor, nn
from torch.nn import functional

from vae_lab.errors import UserError
from vae_lab.evaluation.measure import Images
from vae_lab.runs.files import atomic_write

NUM_FEATURES = 64
NUM_TRAINING = 50_000
NUM_STEPS = 1000
BATCH_SIZE = 128
LEARNING_RATE = 3e-3
ROWS_AT_ONCE = 1000
SEED = 0  # not the run's: runs are compared by the same instrument


class SmallClassifier(nn.Module):
    """Two convolutions, one hidden layer of features, and the classes.

    The features that come out are moved and scaled together, so that over the training images they are 0 and their
    variance is 1 on average.

    Args:
        image_shape: channels, height, width.
        num_classes: classes.
    """

    def __init__(self, image_shape: tuple[int, ...], num_classes: int) -> None:
        super().__init__()
        channels, height, width = image_shape
        self.hidden = nn.Sequential(
            nn.Conv2d(channels, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * -(-height // 4) * -(-width // 4), NUM_FEATURES),
            nn.ReLU(),
        )
        self.classes = nn.Linear(NUM_FEATURES, num_classes)
        self.register_buffer("centre", torch.zeros(NUM_FEATURES))
        self.register_buffer("scale", torch.ones(()))
        self.centre: Tensor
        self.scale: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """The logits of the classes, of shape (B, classes)."""
        return self.classes(self.hidden(x))

    def features(self, x: Tensor) -> Tensor:
        """The features that images are compared by, of shape (B, D)."""
        return (self.hidden(x) - self.centre) / self.scale


@torch.enable_grad()
def train(images: Images, num_classes: int, device: torch.device) -> SmallClassifier:
    """A classifier of the images, trained for a fixed number of steps."""
    torch.manual_seed(SEED)
    classifier = SmallClassifier(tuple(images.x.shape[1:]), num_classes).to(device)
    optimizer = torch.optim.Adam(classifier.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=NUM_STEPS)
    for _ in range(NUM_STEPS):
        batch = torch.randint(len(images.x), (BATCH_SIZE,)).to(images.x.device)
        x, labels = images.x[batch].to(device, torch.float32), images.labels[batch].to(device)
        optimizer.zero_grad()
        functional.cross_entropy(classifier(x), labels).backward()
        optimizer.step()
        schedule.step()
    found = features(classifier, images.x, device)
    classifier.centre.copy_(found.mean(0))
    classifier.scale.copy_(found.var(0).mean().sqrt())
    return classifier


def obtain(training: Images, num_classes: int, device: torch.device) -> SmallClassifier:
    """The classifier of these training images: from the cache, or trained, once also when several runs start together.

    Args:
        training: images as the likelihood sees them; the first ones are learned from.
        num_classes: their classes.
        device: where it is trained and goes.

    Raises:
        UserError: where the cache cannot be written.
    """
    some = Images(training.x[:NUM_TRAINING].float(), training.labels[:NUM_TRAINING], None)
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "vae_lab", "classifiers")
    path = folder / f"{fingerprint(some, num_classes)}.pt"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            if not path.is_file():
                with atomic_write(path) as unfinished:
                    torch.save(train(some, num_classes, device).state_dict(), unfinished)
    except OSError as error:
        raise UserError(
            f"{folder}: the classifier that samples are compared by cannot be kept there ({error}); set XDG_CACHE_HOME "
            "to a folder that can be written"
        ) from error
    classifier = SmallClassifier(tuple(training.x.shape[1:]), num_classes)
    classifier.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return classifier.to(device).eval().requires_grad_(False)


def fingerprint(images: Images, num_classes: int) -> str:
    """What the classifier depends on: its images, with what was done to their pixels, their classes, and this code."""
    content = hashlib.blake2b(Path(__file__).read_bytes(), digest_size=16)
    content.update(repr((images.x.shape, images.x.dtype, num_classes)).encode())
    for part in (images.x, images.labels):
        content.update(part.cpu().numpy().tobytes())
    return content.hexdigest()


@torch.no_grad()
def features(classifier: SmallClassifier, x: Tensor, device: torch.device) -> Tensor:
    """The features of images of shape (N, C, H, W): (N, D) in float64, on the host."""
    parts = [classifier.features(part.to(device, torch.float32)).cpu() for part in x.split(ROWS_AT_ONCE)]
    return torch.cat(parts).double()


@torch.no_grad()
def predictions(classifier: SmallClassifier, x: Tensor, device: torch.device) -> Tensor:
    """The classes of images of shape (N, C, H, W), of shape (N,), on the host."""
    return torch.cat([classifier(part.to(device, torch.float32)).argmax(1).cpu() for part in x.split(ROWS_AT_ONCE)])
