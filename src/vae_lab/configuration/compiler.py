"""What `torch.compile` needs of a machine beside torch: a C++ compiler."""

import os
import shutil
import sys

from vae_lab.errors import UserError


def compiler() -> str:
    """Return the name of the C++ compiler that `torch.compile` uses."""
    return os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")


def check_compiler(*, compiled: bool) -> None:
    """Refuse a compiled run on a machine that cannot compile.

    Args:
        compiled: the value of the key `compile`.

    Raises:
        UserError: one line with the ways out.
    """
    if compiled and sys.platform != "win32" and shutil.which(compiler()) is None:
        raise UserError(
            f"compile=true: torch.compile needs the C++ compiler {compiler()}, which is not on this machine; install "
            "it (on Debian and Ubuntu: apt install g++), or leave out compile=true"
        )
