"""Models of images given their class."""

from pathlib import Path

import pytest
import torch
from torch.nn.functional import one_hot

import vae_lab
from helpers import commands, parts
from helpers.composed import composed
from vae_lab import build
from vae_lab.errors import UserError
from vae_lab.models.latent_model import LatentModel
from vae_lab.priors.label_normal import LabelNormal

LABELS = one_hot(torch.tensor([2, 0, 1, 2]), 3).float()


def conditional(*overrides: str) -> LatentModel:
    config = composed("condition=label", "latent_dim=4", *overrides)
    return build.model(config, parts.IMAGE_SHAPE, torch.full(parts.IMAGE_SHAPE, 0.3), num_classes=3)


@pytest.fixture(params=["model=mlp", "model=conv", "model=two_layer", "model=ladder", "corruption=masking"])
def model(request: pytest.FixtureRequest) -> LatentModel:
    return conditional(request.param).eval()


def test_encoder_and_decoder_see_the_class(model: LatentModel) -> None:
    x, other = torch.rand(4, *parts.IMAGE_SHAPE).round(), LABELS.roll(1, -1)
    z = model.code(x, LABELS)
    assert not torch.allclose(model.encode(x, LABELS).mean, model.encode(x, other).mean)
    assert not torch.allclose(model.decode(z, LABELS).mean, model.decode(z, other).mean)


def test_every_image_goes_with_its_own_class(model: LatentModel) -> None:
    x = torch.rand(4, *parts.IMAGE_SHAPE).round()
    together = model.decode(model.code(x, LABELS), LABELS).mean
    alone = torch.cat(
        [model.decode(model.code(one, c), c).mean for one, c in zip(x.split(1), LABELS.split(1), strict=True)]
    )
    torch.testing.assert_close(together, alone)


def test_samples_of_an_image_share_its_class(model: LatentModel) -> None:
    """With no noise in the posterior, all K samples score an image alike, under the class of that image."""
    x = torch.rand(4, *parts.IMAGE_SHAPE).round()
    assert model.trace(x, LABELS, num_samples=5).log_px.shape == (5, 4)
    z = model.code(x, LABELS).expand(5, -1, -1)
    many = model.decode(z, LABELS).log_prob(x)
    torch.testing.assert_close(many, model.decode(z[0], LABELS).log_prob(x).expand(5, 4))


def test_the_prior_of_a_class() -> None:
    torch.manual_seed(0)
    prior = LabelNormal(latent_dim=2, num_classes=3)
    prior.log_scales.data.normal_()
    distribution = prior(LABELS)
    assert distribution.batch_shape == (4,)
    for row, label in enumerate(LABELS.argmax(-1)):
        torch.testing.assert_close(distribution.mean[row], prior.means[label])
        torch.testing.assert_close(distribution.stddev[row], prior.log_scales[label].exp())


def test_generates_from_the_prior_of_the_class() -> None:
    model = conditional("prior=label_normal")
    model.prior.means.data.copy_(torch.tensor([-50.0, 0.0, 50.0]).unsqueeze(-1).expand(3, 4))  # type: ignore[union-attr]
    torch.manual_seed(0)
    one, other = model.generate(2, one_hot(torch.tensor([0, 2]), 3).float()).mean
    assert (one - other).abs().max() > 0.5, "far apart in latent space"


def test_images_without_classes_are_refused() -> None:
    config = composed("data=digits", "condition=label")
    data = build.data(config)
    assert build.classes(config, data) == tuple(range(10))
    for split in (data.train, data.val, data.test):
        split.labels.zero_()
    with pytest.raises(UserError, match="condition=label: the images of this data set have no classes"):
        build.classes(config, data)


@pytest.mark.slow
def test_trains_and_comes_back(tmp_path: Path) -> None:
    done = commands.train(
        "data=digits", "condition=label", "prior=label_normal", "trainer.max_epochs=2", f"hydra.run.dir={tmp_path}"
    )
    assert done.returncode == 0, done.stderr
    assert "test metrics given the class" in done.stdout
    assert commands.metrics(tmp_path)["condition"] == "label"
    trained = vae_lab.load(tmp_path)
    assert trained.sample(3, labels=7).shape == (3, 1, 8, 8)
    x = torch.rand(2, 1, 8, 8).round()
    assert trained.reconstruct(x, torch.tensor([1, 2])).shape == x.shape
    with pytest.raises(ValueError, match="give those of its training, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"):
        trained.sample(3)
