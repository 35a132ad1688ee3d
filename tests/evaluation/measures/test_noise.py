"""Measures draw noise from their own streams only, and an estimate that cannot be right says so."""

import inspect
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hydra.utils import get_object
from omegaconf import OmegaConf

from helpers import parts
from helpers.untrained import context
from vae_lab.configuration.paths import conf_dir
from vae_lab.evaluation import classifier, record
from vae_lab.evaluation.measure import Estimate, EvaluationContext, Measure
from vae_lab.evaluation.measures.surgery import Surgery

SMALL = {"num_images": 30, "num_samples": 12, "num_steps": 5, "num_chains": 2, "num_transitions": 2, "num_training": 60}
ALWAYS = ["corruption.when=always", "corruption=salt_and_pepper"]


def small(name: str) -> Measure:
    """A measure of `conf/`, of few images and samples."""
    target = get_object(OmegaConf.load(Path(conf_dir(), "measure", f"{name}.yaml"))["_target_"])
    options = {key: value for key, value in SMALL.items() if key in inspect.signature(target).parameters}
    return target(**(options | ({"num_images": 100} if name == "samples" else {})))


def on_few_images(*overrides: str) -> EvaluationContext:
    full = context("data.num_train=300", *overrides)
    return replace(full, images=full.images.some(120))


@pytest.mark.slow
@pytest.mark.parametrize("name", parts.names("measure"))
@pytest.mark.parametrize("overrides", [[], ALWAYS], ids=["clean", "corrupted"])
def test_no_estimate_depends_on_what_was_drawn_before(
    name: str, overrides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor on the memory: the same numbers under other states of the generators, and in other batches."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(classifier, "NUM_STEPS", 5)
    given, measure = on_few_images(*overrides), small(name)
    if (reason := measure.unavailable_reason(given)) is not None:
        pytest.skip(reason)
    found: list[Mapping[str, Estimate]] = []
    for seed, max_rows in ((1, given.max_rows), (2, 7)):
        torch.manual_seed(seed)
        found.append(measure(replace(given, max_rows=max_rows)))
    for key, estimate in found[0].items():
        assert found[1][key].value == pytest.approx(estimate.value, rel=1e-5, abs=1e-5), key


@pytest.mark.parametrize("corruption", [name for name in parts.names("corruption") if name != "none"])
def test_the_mutual_information_of_corrupted_images_is_within_its_bounds(corruption: str) -> None:
    """Each sample is scored under the posterior that it was drawn from, which is one of those in the mixture."""
    given = on_few_images(f"corruption={corruption}", "corruption.when=always")
    with torch.no_grad():
        for parameter in given.model.encoder.parameters():  # type: ignore[union-attr]
            parameter.mul_(3)  # far from the prior, and from each other
    found = Surgery(num_samples=4)(given)
    information = found["mutual_information"]
    assert information.at_most == math.log(120)
    assert 1 < information.value <= math.log(120) + 1e-4
    assert all(estimate.impossible() is None for estimate in found.values())


@pytest.mark.parametrize(
    ("estimate", "told"),
    [
        (Estimate(-0.3, "", 9, 0.1, at_least=0.0), None),  # within its error
        (Estimate(-0.6, "", 9, 0.1, at_least=0.0), "-0.6 is below 0, the least that it can be"),
        (Estimate(1.2, "", 9, at_most=1.0), "1.2 is above 1, the most that it can be"),
        (Estimate(1.2, "", 9, 0.1, at_least=0.0), None),
        (Estimate(-1e9, "", 9), None),
    ],
)
def test_an_estimate_that_cannot_be_right_says_so(estimate: Estimate, told: str | None) -> None:
    found = record.as_json(estimate, {"split": "test"})
    assert ("impossible" in found) == (told is not None)
    assert (told or "") in found.get("impossible", "")
    assert not {"at_least", "at_most"} & found.keys()
