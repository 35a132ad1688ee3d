"""One process writes into a folder at a time, and the next one is told which."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from vae_lab.errors import UserError
from vae_lab.runs.lock import locked
from vae_lab.runs.owned import OwnedFolder

HOLD = """
import sys, time
from pathlib import Path
from vae_lab.runs.lock import acquire
from vae_lab.runs.owned import OwnedFolder
folder = OwnedFolder(Path(sys.argv[1]))
acquire(folder, "counts sheep")
with folder.write(folder.path / "half.txt") as unfinished:
    unfinished.write_text("half")
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.slow
def test_a_second_process_is_told_of_the_first_until_that_is_killed(tmp_path: Path) -> None:
    folder = OwnedFolder(tmp_path)
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        told = rf"process {holder.pid} on .* counts sheep here since \d{{4}}-.*; wait until it has ended, or look away"
        with pytest.raises(UserError, match=told), locked(folder, "trains", way_out="look away"):
            pass
        assert list(folder.unfinished.iterdir()), "its unfinished file is not ours to remove"
        os.kill(holder.pid, signal.SIGKILL)
    with locked(folder, "trains"):
        assert not list(folder.unfinished.iterdir()), "what the killed process left is removed"
    assert not (tmp_path / "half.txt").exists()


def test_a_process_may_take_its_lock_again(tmp_path: Path) -> None:
    folder = OwnedFolder(tmp_path)
    with locked(folder, "sweeps"):
        with locked(folder, "reports"):
            pass
        assert (folder.own / "owner.json").is_file()
    assert not (folder.own / "owner.json").exists()


def test_a_folder_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="nothing can be written there"), locked(OwnedFolder(tmp_path / "file"), "sits"):
        pass
