"""The images whose factors are known, and classes that a run leaves out."""

import pytest
import torch

from helpers.composed import composed
from vae_lab import build
from vae_lab.data.image_set import Split
from vae_lab.data.sprites import Sprites
from vae_lab.errors import UserError


@pytest.fixture(scope="module")
def sprites() -> Split:
    splits = Sprites().load()
    assert [len(part.images) for part in splits] == [8064, 1152, 2304]
    images, labels, factors = (torch.cat(parts) for parts in zip(*splits, strict=True))
    return Split(images, labels, factors)


def test_every_combination_is_another_image(sprites: Split) -> None:
    assert sprites.factors is not None
    assert len(sprites.factors.unique(dim=0)) == len(sprites.factors) == 3 * 6 * 10 * 8 * 8
    assert len(sprites.images.flatten(1).unique(dim=0)) == len(sprites.images)
    assert torch.equal(sprites.factors[:, 0], sprites.labels)


def test_factors_are_what_they_are_called(sprites: Split) -> None:
    """Squares and ellipses have their middle where x and y say, and the area of their size, in every orientation."""
    assert sprites.factors is not None
    chosen = sprites.labels < 2
    shape, scale, _, x, y = sprites.factors[chosen].double().T
    mass = sprites.images[chosen, 0].double() / 255
    area, pixels = mass.sum((1, 2)), torch.arange(28, dtype=torch.float64) + 0.5
    radius = 3.5 + 0.7 * scale
    exact = torch.where(shape == 0, 2 * radius**2, torch.pi * radius**2 / 2)
    torch.testing.assert_close(area, exact, rtol=0.04, atol=0)  # half a subpixel at each edge
    middle = torch.stack([(mass.sum(1) * pixels).sum(1), (mass.sum(2) * pixels).sum(1)]) / area
    torch.testing.assert_close(middle, 7 + 2 * torch.stack([x, y]), rtol=0, atol=0.02)


def test_classes_that_are_left_out() -> None:
    whole = build.data(composed("data=digits"))
    data = build.data(composed("data=digits", "data.leave_out=[3,7]"))
    assert data.left_out is not None
    for part, before in ((data.train, whole.train), (data.val, whole.val), (data.test, whole.test)):
        kept = ~torch.isin(before.labels, torch.tensor([3, 7]))
        assert torch.equal(part.labels, before.labels[kept])
    assert torch.equal(data.train.images, whole.train.images[~torch.isin(whole.train.labels, torch.tensor([3, 7]))])
    assert data.left_out.labels.unique().tolist() == [3, 7]
    assert len(data.left_out.images) + len(data.test.images) == len(whole.test.images)
    assert data.left_out.images.unique().tolist() == [0, 255], "binarised, as a Bernoulli likelihood needs them"
    assert whole.left_out is None


@pytest.mark.parametrize(
    ("classes", "reason"), [("12", "no test image is of class 12"), ("0,1,2,3,4,5,6,7,8,9", "no im")]
)
def test_classes_that_cannot_be_left_out(classes: str, reason: str) -> None:
    with pytest.raises(UserError, match=rf"data.leave_out=\[{classes}\]: {reason}"):
        build.data(composed("data=digits", f"data.leave_out=[{classes}]"))
