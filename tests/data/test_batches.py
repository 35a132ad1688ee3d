"""Batches, treatments and splits."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from helpers.composed import composed
from helpers.parts import close
from vae_lab import build
from vae_lab.data.batches import Batch, EvaluationBatches, Shard, TrainBatches, binarize
from vae_lab.data.image_set import Split, split_off
from vae_lab.data.mnist import MNIST
from vae_lab.data.module import ImageData
from vae_lab.errors import UserError

CPU = torch.device("cpu")


def numbered(num: int) -> Split:
    """Images that tell their own number."""
    return Split(torch.arange(num, dtype=torch.uint8).reshape(num, 1, 1, 1), torch.arange(num))


def batches(
    num: int = 23, size: int = 4, *, epoch: int = 0, rank: int = 0, world: int = 1, seed: int = 0, fresh: bool = False
) -> TrainBatches:
    return TrainBatches(
        numbered(num),
        size,
        draw=binarize if fresh else None,
        device=CPU,
        seed=seed,
        shard=Shard(rank, world),
        epoch=lambda: epoch,
    )


def labels(loader: TrainBatches | EvaluationBatches) -> list[list[int]]:
    return [batch.labels.tolist() for batch in loader]


def test_an_epoch_has_full_batches_and_no_image_twice() -> None:
    seen = labels(batches())
    assert [len(batch) for batch in seen] == [4] * 5 == [4] * len(batches())
    assert len({label for batch in seen for label in batch}) == 20


def test_pixels_are_levels_in_the_unit_interval() -> None:
    for batch in batches():
        torch.testing.assert_close(batch.x.flatten(), batch.labels / 255)


def test_order_depends_on_seed_and_epoch_only() -> None:
    assert labels(batches(seed=1, epoch=2)) == labels(batches(seed=1, epoch=2))
    assert labels(batches(epoch=0)) != labels(batches(epoch=1))
    assert labels(batches(seed=0)) != labels(batches(seed=1))


def test_processes_share_each_batch() -> None:
    whole = labels(batches())
    first, second = (labels(batches(rank=rank, world=2)) for rank in (0, 1))
    for batch, one, other in zip(whole, first, second, strict=True):
        assert sorted(one + other) == sorted(batch)
        assert len(one) == len(other) == 2


def test_goes_on_inside_an_epoch_with_the_same_noise() -> None:
    def pixels(loader: Iterator[Batch]) -> list[torch.Tensor]:
        return [batch.x for batch in loader]

    whole, interrupted, resumed = batches(fresh=True), batches(fresh=True), batches(fresh=True)
    start = iter(interrupted)
    for _ in range(3):
        next(start)
    resumed.load_state_dict(interrupted.state_dict())
    for expected, given in zip(pixels(iter(whole))[3:], pixels(iter(resumed)), strict=True):
        torch.testing.assert_close(given, expected, rtol=0, atol=0)
    assert len(labels(resumed)) == len(whole), "the next epoch is whole again"


def test_a_batch_larger_than_the_data_is_all_of_it() -> None:
    assert sorted(labels(batches(num=5, size=128))[0]) == [0, 1, 2, 3, 4]


def test_evaluation_sees_every_image_once() -> None:
    shards = [EvaluationBatches(numbered(23), 4, device=CPU, shard=Shard(rank, 2)) for rank in (0, 1)]
    seen = [label for loader in shards for batch in labels(loader) for label in batch]
    assert sorted(seen) == list(range(23))
    assert [len(labels(loader)) for loader in shards] == [len(loader) for loader in shards]


def test_dynamic_binarisation_is_fresh_and_unbiased() -> None:
    grey = Split(torch.full((4000, 1, 1, 2), 51, dtype=torch.uint8), torch.zeros(4000))
    loader = TrainBatches(
        grey, 4000, draw=binarize, device=CPU, seed=0, shard=Shard(0, 1), epoch=iter(range(9)).__next__
    )
    (first,), (second,) = loader, loader
    assert set(first.x.unique().tolist()) == {0.0, 1.0}
    assert not torch.equal(first.x, second.x)
    close(first.x.double(), 51 / 255)


@pytest.mark.parametrize("binarize", ["dynamic", "static", "threshold"])
def test_held_out_images_are_binarised_once_whatever_the_seed(binarize: str) -> None:
    one, other = (build.data(composed("data=digits", f"data.binarize={binarize}", f"seed={s}")) for s in (0, 1))
    for split in ("val", "test"):
        images = getattr(one, split).images
        assert set(images.unique().tolist()) == {0, 255}
        assert torch.equal(images, getattr(other, split).images)
    fresh = len(one.train.images.unique()) > 2
    assert fresh == (binarize == "dynamic"), "only dynamic training images keep their grey levels until the batch"


def test_pixel_mean_is_the_mean_of_the_training_images() -> None:
    data = build.data(composed("data=digits"))
    torch.testing.assert_close(data.pixel_mean(), (data.train.images.double() / 255).mean(0).float())


def test_digits_are_split_the_same_way_for_every_seed() -> None:
    one, other = (build.data(composed("data=digits", f"seed={seed}")) for seed in (0, 1))
    assert [len(split.images) for split in (one.train, one.val, one.test)] == [1200, 297, 300]
    assert torch.equal(one.train.images, other.train.images)


def test_splits_do_not_overlap() -> None:
    rest, held = split_off(numbered(100), 30, "data.num_validation")
    assert sorted(rest.labels.tolist() + held.labels.tolist()) == list(range(100))
    assert len(held.labels) == 30
    with pytest.raises(UserError, match=r"data\.num_validation=100: the data set has 100 images"):
        split_off(numbered(100), 100, "data.num_validation")


def test_fewer_training_images_are_some_of_all_and_leave_the_others_alone() -> None:
    whole, few, more = (build.data(composed("data=digits", f"data.num_train={num}")) for num in ("null", 7, 20))
    assert torch.equal(few.train.images, more.train.images[:7])
    rows = {tuple(image.flatten().tolist()) for image in whole.train.images}
    assert all(tuple(image.flatten().tolist()) in rows for image in more.train.images)
    assert torch.equal(few.val.images, whole.val.images)
    assert torch.equal(few.test.images, whole.test.images)
    with pytest.raises(UserError, match=r"data.num_train=1201: there are 1,200 training images"):
        build.data(composed("data=digits", "data.num_train=1201"))


def test_mnist_is_complete(mnist_root: Path) -> None:
    splits = MNIST(str(mnist_root)).load()
    assert [len(split.images) for split in splits] == [50_000, 10_000, 10_000]
    assert splits.image_shape == (1, 28, 28)
    # The first test image is a seven: the order of the test set is the original one.
    assert splits.test.labels[:5].tolist() == [7, 2, 1, 0, 4]


def test_a_batch_that_does_not_divide_among_processes_is_refused() -> None:
    data = ImageData(build.data(composed("data=digits")), "none", batch_size=5, seed=0)  # type: ignore[arg-type]
    data._device_and_shard = lambda: (CPU, Shard(0, 2))  # type: ignore[method-assign]
    with pytest.raises(UserError, match=r"data\.batch_size=5.*multiple of 2"):
        data.train_dataloader()
