"""A proposed command means the same folder when it is copied into a shell, and runs nothing else."""

import subprocess
from pathlib import Path

import pytest

from vae_lab.configuration.overrides import parse
from vae_lab.configuration.proposed import command, override, resume

NAMES = [
    "outputs/runs/2026-01-31/12-00-00-000000",
    "/home/me/my run",
    "a,b=c",
    'it\'s "here"',
    "$(touch ran)",
    "`touch ran`",
    "a; touch ran #",
    "a\ntouch ran",
    "\x1b]0;title\x07",
    "\N{RIGHT-TO-LEFT OVERRIDE}gnp.exe",
    "back\\slash\\",
    "quote\\'s",
    "{a: 1}",
    "[1]",
    "007",
    "null",
    "1e5",
    "~",
    "ä ß",
    b"not \xff UTF-8".decode("utf-8", "surrogateescape"),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_keeps_its_name_through_shell_and_hydra(name: str, tmp_path: Path) -> None:
    shown = resume(Path(name))
    assert shown.isprintable(), "one line, which steers no terminal"
    script = shown.replace("python -m vae_lab.train", "printf '%s\\0'", 1)
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, check=True)
    (argument,) = done.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]
    (parsed,) = parse([argument])
    assert (parsed.key_or_group, parsed.value()) == ("resume", name)
    assert not list(tmp_path.iterdir()), "nothing in the name was run"


def test_an_ordinary_command_is_not_quoted() -> None:
    assert command("python", "-m", "vae_lab.train", override("resume", "outputs/a-1")).count("'") == 0
