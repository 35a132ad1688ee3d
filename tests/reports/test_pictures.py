"""The layout of pictures: what stands where."""

import pytest
import torch

from helpers import parts
from vae_lab.reports import pictures


def test_an_unfinished_row_keeps_each_image_above_its_reconstruction() -> None:
    model, _ = parts.model_and_objective("model=mlp")
    images = parts.images(model, 11)
    side = pictures.MIN_SIDE + 2  # of a cell, with its border
    with torch.no_grad():
        picture = pictures.reconstructions(model, images)
        means = model.decode(model.code(images)).mean
    assert picture.shape[-2:] == (4 * side + 2, 8 * side + 2)
    for number in (0, 7, 8, 10):
        top, left = 2 + 2 * side * (number // 8), 2 + side * (number % 8)
        cells = [picture[0, top + below * side :, left:][: side - 2, : side - 2] for below in (0, 1)]
        factor = pictures.MIN_SIDE // 8
        torch.testing.assert_close(cells[0][::factor, ::factor], images[number, 0])
        torch.testing.assert_close(cells[1][::factor, ::factor], means[number, 0])


@pytest.mark.slow
@pytest.mark.parametrize("when", ["always", "training"])
@pytest.mark.parametrize("model_name", ["mlp", "two_layer", "ladder"])
def test_what_a_denoising_model_saw_stands_between(when: str, model_name: str) -> None:
    model, _ = parts.model_and_objective(f"model={model_name}", "corruption=masking", f"corruption.when={when}")
    images = parts.images(model.eval(), 8)
    torch.manual_seed(1)
    rows = pictures.draw(model, images, 0)["reconstructions"][0].split(pictures.MIN_SIDE + 2)
    if when == "training":
        assert len(rows) == 2 + 1, "two rows, and the last border"
        return
    assert len(rows) == 3 + 1
    clean, corrupted, _, _ = rows
    assert (corrupted <= clean).all()
    assert (corrupted < clean).any(), "some pixels are masked"
    assert not any(module._forward_hooks for module in model.modules()), "nothing goes on watching"


def test_pixels_are_enlarged_to_squares_and_kept_in_range() -> None:
    picture = pictures.grid(torch.tensor([[[[2.0, -1.0], [0.25, 0.75]]]]), num_columns=1, padding=0)
    half = pictures.MIN_SIDE // 2
    torch.testing.assert_close(picture[0, ::half, ::half], torch.tensor([[1.0, 0.0], [0.25, 0.75]]))
    assert picture.shape == (3, pictures.MIN_SIDE, pictures.MIN_SIDE)


@pytest.mark.slow
def test_the_manifold_is_for_two_units_under_a_standard_normal() -> None:
    for choice, has_manifold in (
        (["latent_dim=2"], True),
        (["latent_dim=3"], False),
        (["latent_dim=2", "prior=mixture"], False),
        (["latent_dim=2", "model=two_layer"], False),
    ):
        model, _ = parts.model_and_objective(*choice)
        assert ("manifold" in pictures.draw(model, parts.images(model, 2), 4)) == has_manifold
