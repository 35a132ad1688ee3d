"""How the parts meet."""

import pytest
import torch

from helpers import parts
from helpers.composed import composed
from vae_lab import build
from vae_lab.errors import UserError

PIXEL_MEAN = torch.linspace(0.1, 0.9, 64).reshape(parts.IMAGE_SHAPE)


@pytest.mark.parametrize("choice", parts.choices("likelihood"))
def test_the_output_starts_at_the_pixel_means(choice: str) -> None:
    """With the weights behind it at zero, the decoder gives the law whose mean is the mean image."""
    model = build.model(composed(choice), parts.IMAGE_SHAPE, PIXEL_MEAN)
    for name, parameter in model.decoder.named_parameters():  # type: ignore[union-attr]
        if name.startswith("network."):
            parameter.data.zero_()
    mean = model.decode(torch.randn(3, 20)).mean
    torch.testing.assert_close(mean, PIXEL_MEAN.expand(3, *parts.IMAGE_SHAPE), rtol=0, atol=1e-3)


def test_the_seed_decides_the_weights() -> None:
    one, same, other = (
        build.model(composed(f"seed={seed}"), parts.IMAGE_SHAPE, PIXEL_MEAN).state_dict() for seed in (0, 0, 1)
    )
    torch.testing.assert_close(one, same, rtol=0, atol=0)
    assert not torch.equal(one["encoder.1.weight"], other["encoder.1.weight"])


def test_a_class_of_another_kind_is_refused() -> None:
    config = composed("posterior._target_=vae_lab.priors.standard_normal.StandardNormal")
    with pytest.raises(UserError, match=r"posterior\._target_=.*StandardNormal: expected a subclass of .*Posterior"):
        build.model(config, parts.IMAGE_SHAPE, PIXEL_MEAN)


def test_nothing_but_parts_is_ever_called() -> None:
    """A run's folder may come from somebody else."""
    config = composed("posterior._target_=os.system", "+posterior.command=false")
    with pytest.raises(UserError, match=r"posterior\._target_=os\.system"):
        build.model(config, parts.IMAGE_SHAPE, PIXEL_MEAN)
