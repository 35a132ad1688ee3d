"""The fixtures that tests share: the real data where it is at hand, no network, and images of a user's own."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn
from urllib.error import URLError

import numpy as np
import pytest
from PIL import Image

from vae_lab.configuration import own_parts

collect_ignore = ["torture"]  # not tests of pytest: `make torture`
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in what a script starts in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)  # else the commands of the tests would ignore it, too


@pytest.fixture(scope="session")
def mnist_root() -> Path:
    """The folder of the real MNIST; the test is skipped where there is none."""
    root = Path(os.environ.get("VAE_LAB_DATA", "data"))
    if not (root / "MNIST" / "raw").is_dir():
        pytest.skip(f"MNIST is not in {root.absolute()}; set VAE_LAB_DATA to the folder that holds MNIST/raw")
    return root


@pytest.fixture(scope="session")
def linked_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with links to the real files: what a test starts to download does not end up among them."""
    root = tmp_path_factory.mktemp("data")
    real = Path(os.environ.get("VAE_LAB_DATA", "data")).absolute()
    for folder, _, files in os.walk(real):
        copy = root / Path(folder).relative_to(real)
        copy.mkdir(exist_ok=True)
        for file in files:
            (copy / file).symlink_to(Path(folder, file))
    return root


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Downloads fail at once."""

    def refuse(*args: object, **kwargs: object) -> NoReturn:
        raise URLError("there is no network here")

    monkeypatch.setattr("urllib.request.urlopen", refuse)


@pytest.fixture
def own_images(tmp_path: Path) -> dict[str, Path]:
    """Twenty small images as a user may have them, by the data set that reads them."""
    pixels = np.random.default_rng(0).integers(0, 256, (20, 6, 5), np.uint8)
    (tmp_path / "pictures").mkdir()
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(tmp_path / "pictures" / f"{number:02}.png")
    np.save(tmp_path / "images.npy", pixels)
    return {"folder": tmp_path / "pictures", "arrays": tmp_path / "images.npy"}


@pytest.fixture(autouse=True)
def own_words() -> Iterator[None]:
    """What one test asks for by name, the next one does not trust."""
    before = [(known, set(known)) for known in (own_parts._trusted, own_parts._modules)]
    yield
    for known, names in before:
        known.intersection_update(names)


@pytest.fixture(autouse=True)
def accelerator(request: pytest.FixtureRequest) -> None:
    """A test that is marked `gpu` is skipped where there is no accelerator."""
    if request.node.get_closest_marker("gpu") is None:
        return
    import torch

    if not torch.accelerator.is_available():
        pytest.skip("no accelerator is available")
