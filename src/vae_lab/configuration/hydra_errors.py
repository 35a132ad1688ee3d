"""What Hydra and OmegaConf say about a user's mistake, in one line and without a word about Hydra's own debugging."""

import os
import sys
from collections.abc import Callable
from typing import Any

import hydra._internal.utils as hydra_utils
from hydra.errors import HydraException, InstantiationException
from omegaconf.errors import OmegaConfBaseException

from vae_lab.errors import UserError, explain_os_error

FULL_ERROR = "HYDRA_FULL_ERROR"  # the variable with which Hydra prints every traceback
ABOUT_FULL_ERROR = f", set env var {FULL_ERROR}=1 to see chained exception."


def report_mistakes_in_one_line() -> None:
    """Let Hydra end with one line where it would print several; an error that is no mistake it reports as before.

    If another version of Hydra reports its errors elsewhere, they are as Hydra prints them.
    """
    report = getattr(hydra_utils, "run_and_report", None)
    if report is None or getattr(report, "in_one_line", False):
        return

    def run_and_report(function: Callable[[], Any]) -> Any:
        def run() -> Any:
            try:
                return function()
            except (HydraException, OmegaConfBaseException, OSError) as error:
                if os.environ.get(FULL_ERROR) == "1":
                    raise
                sys.exit(as_line(error))

        return report(run)

    run_and_report.in_one_line = True  # type: ignore[attr-defined]
    hydra_utils.run_and_report = run_and_report  # type: ignore[assignment]


def as_line(error: Exception) -> str:
    """Return what Hydra, OmegaConf or the system says about a mistake as one line."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError) and not isinstance(error, HydraException):
        return explain_os_error(error)
    said = [*str(error).replace(ABOUT_FULL_ERROR, "").splitlines(), *str(error.__cause__ or "").splitlines()]
    lines = dict.fromkeys(line.strip() for line in said if line.strip())
    hint = f"{FULL_ERROR}=1 in the environment shows the traceback"
    return "; ".join([*lines, *([hint] if isinstance(error, InstantiationException) else [])])
