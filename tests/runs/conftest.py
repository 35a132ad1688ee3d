"""A saved run, for tests of what becomes of one that is damaged, or a stranger's."""

import shutil
from pathlib import Path

import pytest

SAVED = Path(__file__).parents[1] / "data" / "saved_by_0_1" / "run"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run that version 0.1 wrote; no test may touch the original."""
    return Path(shutil.copytree(SAVED, tmp_path / "run"))
