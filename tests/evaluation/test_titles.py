"""A label that is true of some runs only stands beside those."""

from typing import Any

import pytest

from vae_lab.evaluation.record import table
from vae_lab.evaluation.runs import titles_of


def estimates(num_images: int = 300, **about: str) -> dict[str, dict[str, dict[str, Any]]]:
    return {
        "elbo": {"elbo": {"value": -1.0, "standard_error": 0.1, "num_images": num_images, "num_samples": 1, **about}}
    }


@pytest.mark.parametrize(
    ("first", "second", "given", "titles"),
    [
        ({}, {}, "", ["a", "b"]),
        ({"condition": "label"}, {"condition": "label"}, " of log p(x | class)", ["a", "b"]),
        ({}, {"condition": "label"}, "", ["a", "b of log p(x | class)"]),
        ({"data/leave_out": "9"}, {}, "", ["a without classes 9", "b"]),
        (
            {"corruption/when": "always"},
            {"corruption/when": "training"},
            "",
            ["a of images seen through a corruption", "b"],
        ),
    ],
)
def test_what_is_true_of_some_runs_only(first: Any, second: Any, given: str, titles: list[str]) -> None:
    assert titles_of(["a", "b"], [estimates(**first), estimates(**second)]) == (given, titles)


def test_runs_of_different_sets_have_their_own_numbers_of_images() -> None:
    assert "300 / 10,000" in table(["a", "b"], [estimates(300), estimates(10_000)])
    assert "300 / " not in table(["a", "b"], [estimates(300), estimates(300)])
