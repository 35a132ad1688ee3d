"""What this machine has: memory and cores, as far as the system tells."""

import os
import sys
from pathlib import Path
from subprocess import SubprocessError, run

from vae_lab.errors import UserError

MEMINFO = Path("/proc/meminfo")
CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
# The files of a control group with the limit, with what is used, and the entry of `memory.stat` for pages of files, by
# the controllers in `/proc/self/cgroup`: version 2 of control groups names none.
CONTROL_FILES = {
    "": ("memory.max", "memory.current", "inactive_file"),
    "memory": ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
GIB = 2**30


def num_cores() -> int:
    """Return the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def available_memory() -> int | None:
    """Return the bytes that can still be allocated, within the limit of a container; None if they are not known."""
    known = [bytes for bytes in (memory_of_system(), memory_of_container()) if bytes is not None]
    return min(known, default=None)


def memory_of_system() -> int | None:
    """Return the bytes of memory that are free or can be freed, and those of swap; on macOS all of its memory."""
    if MEMINFO.is_file():
        fields = dict(line.split(":", 1) for line in MEMINFO.read_text().splitlines() if ":" in line)
        found = [fields[name].split()[0] for name in ("MemAvailable", "SwapFree") if name in fields]
        return 1024 * sum(map(int, found)) if "MemAvailable" in fields else None
    if sys.platform == "darwin":
        try:
            answer = run(["sysctl", "-n", "hw.memsize"], capture_output=True, text=True, check=True, timeout=5)
            return int(answer.stdout)
        except (OSError, SubprocessError, ValueError):
            return None
    return None


def memory_of_container() -> int | None:
    """Return the bytes that are left of the limits of this process's control groups; None without a limit."""
    known = []
    for line in MEMBERSHIP.read_text().splitlines() if MEMBERSHIP.is_file() else []:
        _, controllers, path = line.split(":", 2)
        names = CONTROL_FILES.get(controllers)
        if names is None:
            continue
        root = CGROUPS / controllers
        folder = root / path.lstrip("/")
        for group in (folder, *(parent for parent in folder.parents if parent.is_relative_to(root))):
            try:
                limit, used = (int((group / name).read_text()) for name in names[:2])
                statistics = dict(row.split() for row in (group / "memory.stat").read_text().splitlines())
            except (OSError, ValueError):  # another container's path, or no limit ("max")
                continue
            # Pages of files count as used, and are given back when memory is needed.
            known.append(max(0, limit - used + int(statistics.get(names[2], 0))))
    return min(known, default=None)


def check_memory(needed: int, available: int | None, what: str, way_out: str) -> None:
    """Refuse what cannot fit into memory.

    Args:
        needed: the bytes that it takes at least.
        available: the bytes that there are; None if they are not known, and then nothing is refused.
        what: what takes them, with its key as on the command line.
        way_out: the keys to turn.

    Raises:
        UserError: if there are fewer.
    """
    if available is not None and needed > available:
        raise UserError(f"{what} need at least {gib(needed)} of memory, and there are {gib(available)}; {way_out}")


def gib(num_bytes: int) -> str:
    """Return a number of bytes as text.

    >>> gib(3 * 2**30), gib(2**60)
    ('3.0 GiB', '1,073,741,824.0 GiB')
    """
    return f"{num_bytes / GIB:,.1f} GiB"
