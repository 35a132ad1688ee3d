"""A small classifier of a data set's own classes; its features are used to compare samples with real images.

All runs on the same images share one classifier. It is trained once with a fixed seed, and cached in
`$XDG_CACHE_HOME/vae_lab/classifiers` (`~/.cache` if that is not set).
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
SEED = 0  # not the run's seed, so that all runs are compared by the same classifier


class SmallClassifier(nn.Module):
    """Two convolutions, one hidden layer of features, and one output for each class.

    Each feature is shifted by its own mean, and all are divided by one common scale, so that over the training images
    every feature has mean 0 and their average variance is 1.

    Args:
        image_shape: channels, height, width.
        num_classes: the number of classes.
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
        """Return the logits of the classes, of shape (B, classes)."""
        return self.classes(self.hidden(x))

    def features(self, x: Tensor) -> Tensor:
        """Return the normalised features of images, of shape (B, D)."""
        return (self.hidden(x) - self.centre) / self.scale


@torch.enable_grad()
def train(images: Images, num_classes: int, device: torch.device) -> SmallClassifier:
    """Train a classifier of the images for a fixed number of steps."""
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
    raw = features(classifier, images.x, device)  # (N, D)
    classifier.centre.copy_(raw.mean(0))
    classifier.scale.copy_(raw.var(0).mean().sqrt())
    return classifier


def load_or_train(training: Images, num_classes: int, device: torch.device) -> SmallClassifier:
    """Load the classifier of these training images from the cache, or train it and write it there.

    A lock makes several processes that start together train it only once.

    Args:
        training: images as the likelihood sees them; the first `NUM_TRAINING` are used.
        num_classes: the number of their classes.
        device: the device of the training and of the returned classifier.

    Raises:
        UserError: if the cache cannot be written.
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
            f"{folder}: cannot cache the classifier that compares samples there ({error}); set XDG_CACHE_HOME "
            "to a writable folder"
        ) from error
    classifier = SmallClassifier(tuple(training.x.shape[1:]), num_classes)
    classifier.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return classifier.to(device).eval().requires_grad_(False)


def fingerprint(images: Images, num_classes: int) -> str:
    """Return a hash of everything that the classifier depends on: its treated images, their classes, and this code."""
    content = hashlib.blake2b(Path(__file__).read_bytes(), digest_size=16)
    content.update(repr((images.x.shape, images.x.dtype, num_classes)).encode())
    for part in (images.x, images.labels):
        content.update(part.cpu().numpy().tobytes())
    return content.hexdigest()


@torch.no_grad()
def features(classifier: SmallClassifier, x: Tensor, device: torch.device) -> Tensor:
    """Return the features of images of shape (N, C, H, W): a tensor of shape (N, D) in float64, on the CPU."""
    parts = [classifier.features(part.to(device, torch.float32)).cpu() for part in x.split(ROWS_AT_ONCE)]
    return torch.cat(parts).double()


@torch.no_grad()
def predictions(classifier: SmallClassifier, x: Tensor, device: torch.device) -> Tensor:
    """Return the predicted classes of images of shape (N, C, H, W): a tensor of shape (N,), on the CPU."""
    return torch.cat([classifier(part.to(device, torch.float32)).argmax(1).cpu() for part in x.split(ROWS_AT_ONCE)])
