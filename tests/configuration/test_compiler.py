"""A machine without a C++ compiler compiles nothing, and says so before training."""

from pathlib import Path

import pytest

from helpers import commands
from vae_lab.configuration.compiler import check_compiler
from vae_lab.errors import UserError


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(UserError, match=r"compile=true: .* the C\+\+ compiler no-such-compiler, .* apt install g\+\+"):
        check_compiler(compiled=True)
    check_compiler(compiled=False)
    monkeypatch.setenv("CXX", "sh")
    check_compiler(compiled=True)


@pytest.mark.slow
def test_a_run_is_refused_before_it_begins(tmp_path: Path) -> None:
    done = commands.train("data=digits", "compile=true", cwd=tmp_path, CXX="no-such-compiler")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert not list(tmp_path.iterdir())
