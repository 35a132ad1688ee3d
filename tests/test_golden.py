"""The golden files: what small runs logged and measured does not change by accident."""

import json
from pathlib import Path
from typing import Any

import pytest

from helpers import golden_runs

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The golden runs, trained anew."""
    folder = tmp_path_factory.mktemp("golden")
    golden_runs.train(folder)
    return folder


@pytest.mark.parametrize("name", golden_runs.RUNS)
def test_the_numbers_are_those_of_the_golden_file(runs: Path, name: str) -> None:
    golden = json.loads((golden_runs.GOLDEN / f"{name}.json").read_text())
    found = golden_runs.found(runs, name)
    assert found["train"].keys() == golden["train"].keys()
    for term, values in golden["train"].items():
        close(found["train"][term], values)
    assert found["metrics"].keys() == golden["metrics"].keys()
    for key, value in golden["metrics"].items():
        close(found["metrics"][key], value)


def close(found: Any, golden: Any) -> None:
    """Equal up to what the order of sums on another processor changes.

    Where the files were recorded, `git status` after recording them anew shows a change of a single bit.
    """
    if isinstance(golden, str):
        assert found == golden
    else:
        assert found == pytest.approx(golden, rel=1e-3, abs=1e-4)
