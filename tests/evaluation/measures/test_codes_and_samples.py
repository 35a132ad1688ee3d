"""Measures of codes, samples and anomalies on runs whose answer is known."""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from helpers import parts
from helpers.composed import composed
from helpers.untrained import context
from vae_lab import build
from vae_lab.errors import UserError
from vae_lab.evaluation import classifier
from vae_lab.evaluation.draws import draw_images
from vae_lab.evaluation.measure import Images, Measure
from vae_lab.evaluation.measures.anomaly import Anomaly
from vae_lab.evaluation.measures.disentanglement import Disentanglement
from vae_lab.evaluation.measures.latents import Latents
from vae_lab.evaluation.measures.memorisation import Memorisation
from vae_lab.evaluation.measures.samples import Samples

CPU = torch.device("cpu")


def of_classes(labels: Tensor) -> Images:
    """Images that are the same for all of a class, and far from those of another."""
    templates = torch.rand(10, 1, 8, 8, generator=torch.Generator().manual_seed(1)).round()
    return Images(templates[labels], labels, None)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(classifier, "NUM_STEPS", 100)
    return tmp_path / "vae_lab" / "classifiers"


# Latents


def test_codes_that_are_the_classes() -> None:
    labels = torch.arange(10).repeat(30)
    given = replace(context(), images=of_classes(labels[:100]), training_images=lambda: of_classes(labels))
    figures = Latents()(given)
    assert {name: estimate.value for name, estimate in figures.items()} == pytest.approx(dict.fromkeys(figures, 1.0))


def test_codes_that_know_nothing_of_the_classes() -> None:
    labels = torch.arange(10).repeat(30)
    anything = of_classes(torch.randint(10, (300,), generator=torch.Generator().manual_seed(0)))
    given = replace(
        context(),
        images=anything._replace(labels=labels),
        training_images=lambda: anything._replace(labels=labels.flip(0)),
    )
    figures = Latents()(given)
    for name in ("knn_accuracy", "retrieval_precision", "linear_probe_accuracy"):
        assert figures[name].value == pytest.approx(0.1, abs=0.08), name
    assert figures["clustering_nmi"].value < 0.15


# Samples


@pytest.mark.slow
def test_samples_are_compared_in_features_that_are_learned_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = context()
    first = Samples()(given)
    assert [path.suffix for path in sorted(cache.iterdir())] == [".lock", ".pt"]
    monkeypatch.setattr(classifier, "train", None)
    again = Samples()(replace(given, max_rows=7))
    assert again == first
    assert first["accuracy_of_small_classifier"].value > 0.6
    for name in ("frechet", "kernel"):
        own, reference = (first[f"{prefix}{name}_distance_small_classifier"].value for prefix in ("", "reference_"))
        assert own > 10 * abs(reference), "what an untrained model draws is no digit"
    own, reference = (
        sum(first[f"{prefix}{name}_small_classifier"].value for name in ("precision", "recall"))
        for prefix in ("", "reference_")
    )
    assert own < reference
    assert Samples()(replace(given, seed=1)) != first


def test_the_classifier_has_not_seen_the_images_that_samples_are_compared_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each training image is either a reference or learned from."""
    given = context()
    ids = torch.arange(len(given.training.x)).reshape(-1, 1, 1, 1).expand_as(given.training.x)
    numbered = given.training._replace(x=ids.float())
    given = replace(given, training_images=lambda: numbered)
    seen: dict[str, set[int]] = {}

    def learn(training: Images, num_classes: int, device: torch.device) -> None:
        seen["learned"] = set(training.x[:, 0, 0, 0].long().tolist())

    def note(net: None, x: Tensor, device: torch.device) -> Tensor:
        seen[f"compared {len(seen)}"] = set(x[:, 0, 0, 0].long().tolist())
        if len(seen) == 3:  # the real images, and then the references
            raise KeyboardInterrupt
        return x

    monkeypatch.setattr(classifier, "load_or_train", learn)
    monkeypatch.setattr(classifier, "features", note)
    with pytest.raises(KeyboardInterrupt):
        Samples(num_images=200)(given)
    references = seen["compared 2"]
    assert len(references) == 200
    assert not references & seen["learned"]
    assert references | seen["learned"] == set(range(len(ids)))


def test_samples_are_draws_and_not_means() -> None:
    drawn = draw_images(context(), None, 250)
    assert drawn.unique().tolist() == [0, 1]
    assert len(drawn.flatten(1).unique(dim=0)) == 250


@pytest.mark.slow
def test_processes_that_start_together_train_one_classifier(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given, calls, train = context(), [], classifier.train

    def counted(*arguments: Any) -> classifier.SmallClassifier:
        calls.append(arguments)
        return train(*arguments)

    monkeypatch.setattr(classifier, "train", counted)
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: classifier.load_or_train(given.training, 10, CPU), range(3)))
    assert len(calls) == 1
    assert all(torch.equal(net.classes.weight, found[0].classes.weight) for net in found)
    other = given.training._replace(x=1 - given.training.x)
    classifier.load_or_train(other, 10, CPU)
    assert len(calls) == 2, "other pixels, another classifier"


def test_a_cache_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    with pytest.raises(UserError, match=r"cannot cache the classifier .*; set XDG_CACHE_HOME to a writable folder"):
        classifier.load_or_train(of_classes(torch.arange(10)), 10, CPU)


def test_features_of_training_images_are_centred_and_scaled(cache: Path) -> None:
    given = context()
    net = classifier.load_or_train(given.training, 10, CPU)
    found = classifier.features(net, given.training.x, CPU)
    torch.testing.assert_close(found.mean(0), torch.zeros_like(found[0]), rtol=0, atol=1e-5)
    torch.testing.assert_close(found.var(0).mean().item(), 1.0, rtol=0, atol=1e-5)


def test_memorisation() -> None:
    """A model that draws one image, which is in training, repeats it; where it is not, nothing is repeated."""
    given = context()
    given.model.decoder = OneImage()
    drawn = given.model.generate(1).sample()
    others = given.training.x
    repeated = Memorisation()(
        replace(given, training_images=lambda: given.training._replace(x=torch.cat([others, drawn])))
    )
    assert repeated["distance_of_samples"].value == 0
    assert repeated["nearer_than_real"].value == 1
    real = torch.cdist(given.images.x.flatten(1), others.flatten(1)).min(1).values
    assert repeated["distance_of_real_images"].value == pytest.approx(real.mean().item(), rel=1e-3)
    assert Memorisation()(given)["distance_of_samples"].value > 2


class OneImage(nn.Module):
    """A decoder that is certain that every other pixel is on, whatever z."""

    def forward(self, z: Tensor) -> Tensor:
        logits = torch.where(torch.arange(64) % 2 == 0, 50.0, -50.0).reshape(1, 8, 8)
        return logits.expand(*z.shape[:-1], 1, 8, 8)


# Anomalies


def test_anomalies() -> None:
    """A decoder that knows the mean digit alone: shuffled digits are less likely, and other digits are not."""
    given = context("data.leave_out=[8]")
    figures = Anomaly(num_samples=10)(given)
    assert {name.partition("/")[0] for name in figures} == {"left_out_classes", "shuffled_pixels"}
    assert figures["shuffled_pixels/auroc_nll"].value > 0.95
    same = replace(given, data=build.data(composed("data=digits", "data.leave_out=[8]")))
    same.data.left_out = same.data.test
    for name, estimate in Anomaly(num_samples=10)(same).items():
        if name.startswith("left_out"):
            assert estimate.value == pytest.approx(0.5, abs=0.01), "the very images: only the latent noise differs"
    assert Anomaly(num_samples=10)(replace(given, max_rows=1)) == figures


def test_likely_and_unlikely_images() -> None:
    """Under a decoder that is certain of one image, that image is never the anomaly, and its opposite always is."""
    given = context()
    given.model.decoder = OneImage()
    known = given.model.generate(40).sample()
    given = replace(given, images=Images(known, torch.zeros(40), None))
    given.data.left_out = given.data.test._replace(images=(1 - known) * 255)
    figures = Anomaly(num_samples=3)(given)
    found = {name: figures[f"left_out_classes/auroc_{name}"].value for name in ("nll", "elbo", "distortion")}
    assert found == {"nll": 1.0, "elbo": 1.0, "distortion": 1.0}


def test_a_code_without_a_density_is_judged_by_its_distortion() -> None:
    given = context("posterior=delta", "objective=autoencoder")
    assert set(Anomaly()(given)) == {"shuffled_pixels/auroc_distortion"}


# Every model


@pytest.mark.slow
@pytest.mark.parametrize("choice", [*parts.choices("model", "posterior", "prior", "likelihood"), "condition=label"])
def test_every_model_is_measured_or_told_why_not(choice: str) -> None:
    given = context(*parts.with_companions(choice))
    few = given.training.some(100)
    given = replace(given, images=given.images.some(60), training_images=lambda: few)
    for measure in (Latents(num_training=100), Memorisation(num_images=20), Anomaly(num_images=20, num_samples=3)):
        if measure.unavailable_reason(given) is None:
            for name, estimate in measure(given).items():
                assert math.isfinite(estimate.value), name
    assert draw_images(given, given.images.c, 60).shape == given.images.x.shape


# Refusals


@pytest.mark.parametrize(
    ("measure", "overrides", "reason"),
    [
        (Disentanglement(), (), "the images of this data set have no known factors; train with data=spr"),
        (Anomaly(), ("condition=label",), "the model is conditioned on the class"),
        (Anomaly("mnits"), (), "measure.anomaly.other=mnits: this data set is unknown; did you mean 'mnist'"),
        (Anomaly("sprites"), (), "measure.anomaly.other=sprites: its images are 1x28x28, expected 1x8x8"),
        (Anomaly("folder"), (), "measure.anomaly.other=folder: this data set needs a path"),
    ],
)
def test_not_defined(measure: Measure, overrides: tuple[str, ...], reason: str) -> None:
    assert str(measure.unavailable_reason(context(*overrides))).startswith(reason)


@pytest.mark.parametrize("measure", [Latents(), Samples(), Memorisation()])
def test_nothing_is_scored_on_what_it_was_learned_from(measure: Measure) -> None:
    assert measure.unavailable_reason(context()) is None
    assert str(measure.unavailable_reason(context(split="train"))).startswith("these are training images")


def test_images_without_classes() -> None:
    given = context()
    for part in (given.data.train, given.data.val, given.data.test):
        part.labels.zero_()
    for measure in (Latents(), Samples()):
        assert "have no classes" in str(measure.unavailable_reason(given))
    assert Memorisation().unavailable_reason(given) is None


@pytest.mark.parametrize("measure", [Samples(), Memorisation()])
def test_no_samples(measure: Measure) -> None:
    assert str(measure.unavailable_reason(replace(context(), fits_prior=False))).startswith("this model has no samples")
