"""Generated images of small shapes with known factors of variation, without a download."""

import math

import torch
from torch import Tensor

from vae_lab.configuration.options import SplitSize
from vae_lab.data.image_set import ImageSet, Split, Splits, train_val_test_split

IMAGE_SIZE = 28  # pixels along each side
SHAPES = 3  # square, ellipse, heart
SCALES = 6
ORIENTATIONS = 10
POSITIONS = 8  # along each axis
STEP = 2  # pixels between neighbouring positions
LARGEST = 7.0  # pixels from the centre of a shape to its farthest point
WINDOW = IMAGE_SIZE - STEP * (POSITIONS - 1)  # pixels along each side of the window around one shape
SUBPIXELS = 8  # along each side of a pixel, to compute how much of it a shape covers


class Sprites(ImageSet):
    """11,520 images of 28x28 pixels: every combination of shape, scale, orientation, and position along x and y.

    Shapes are white on black; the brightness of a pixel is the fraction of it that the shape covers. After dSprites
    (Matthey et al. 2017, https://github.com/google-deepmind/dsprites-dataset), with fewer values, and orientations
    within a quarter turn, so that no two combinations give the same image. The class of an image is its shape: square,
    ellipse or heart.

    Args:
        num_validation: images held out for validation, a number or a fraction.
        num_test: images held out for testing, a number or a fraction.
    """

    grey_levels = "binarized"

    def __init__(self, num_validation: SplitSize = 0.1, num_test: SplitSize = 0.2) -> None:
        self.num_validation = num_validation
        self.num_test = num_test

    def load(self) -> Splits:
        sizes = (SHAPES, SCALES, ORIENTATIONS, POSITIONS, POSITIONS)
        factors = torch.cartesian_prod(*(torch.arange(size) for size in sizes))  # (N, 5)
        images = place_windows(torch.stack([shape_windows(shape) for shape in range(SHAPES)]))
        data = Split(images.reshape(-1, 1, IMAGE_SIZE, IMAGE_SIZE), factors[:, 0].clone(), factors)
        return train_val_test_split(data, self.num_validation, self.num_test)


def place_windows(windows: Tensor) -> Tensor:
    """Place windows of shape (*factors, W, W) at every position, in images of shape (*factors, X, Y, H, W)."""
    images = windows.new_zeros(*windows.shape[:-2], POSITIONS, POSITIONS, IMAGE_SIZE, IMAGE_SIZE)
    for x in range(POSITIONS):
        for y in range(POSITIONS):
            rows, columns = (slice(STEP * start, STEP * start + WINDOW) for start in (y, x))
            images[..., x, y, rows, columns] = windows
    return images


def shape_windows(shape: int) -> Tensor:
    """Draw a shape in every scale and orientation, as 8-bit levels of shape (scales, orientations, W, W)."""
    axis = (torch.arange(WINDOW * SUBPIXELS) + 0.5) / SUBPIXELS - WINDOW / 2  # the centres of subpixels, in pixels
    scale = LARGEST * torch.linspace(0.5, 1, SCALES).reshape(-1, 1, 1, 1)
    angle = (torch.arange(ORIENTATIONS) * (math.pi / 2 / ORIENTATIONS)).reshape(1, -1, 1, 1)
    x, y = axis.reshape(1, 1, 1, -1) / scale, axis.reshape(1, 1, -1, 1) / scale
    inside = is_inside(shape, x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin())
    cells = inside.float().unflatten(-1, (WINDOW, SUBPIXELS)).unflatten(-3, (WINDOW, SUBPIXELS))
    return cells.mean((-3, -1)).mul(255).round().to(torch.uint8)  # (S, O, W, W)


def is_inside(shape: int, x: Tensor, y: Tensor) -> Tensor:
    """Return which points (with y pointing down) are inside a shape that is scaled to the unit circle."""
    if shape == 0:
        return torch.maximum(x.abs(), y.abs()) <= math.sqrt(0.5)
    if shape == 1:
        return x**2 + (2 * y) ** 2 <= 1
    # The heart (u^2 + v^2 - 1)^3 = u^2 v^3, whose farthest point is 1.29 from the origin.
    u, v = 1.3 * x, -1.3 * y
    return (u**2 + v**2 - 1) ** 3 <= u**2 * v**3
