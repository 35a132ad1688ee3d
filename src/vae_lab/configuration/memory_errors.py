"""Explain an allocation that failed, by the work that it was for: one line with the keys to turn."""

import re
from collections.abc import Sequence
from traceback import walk_tb
from typing import NamedTuple

# What torch says where the memory of the CPU or of an accelerator does not suffice; some of its errors are mere
# `RuntimeError`s, and so is a size that no machine has.
OUT_OF_MEMORY = re.compile(
    r"DefaultCPUAllocator|not enough memory|out of memory|can't allocate memory|ALLOC_FAILED|Invalid buffer size"
    r"|Storage size calculation overflowed|integer multiplication overflow",
    re.IGNORECASE,
)
REQUEST = re.compile(r"allocate ([\d.]+ ?(?:bytes|[KMGTPE]i?B))")


class Work(NamedTuple):
    """What a function works on.

    Attributes:
        module: the start of the name of its module.
        function: its name, or None for every function of these modules.
        name: the work, in words.
        way_out: the keys that decide how much memory it takes.
    """

    module: str
    function: str | None
    name: str
    way_out: str


SIZES = "model.hidden_sizes or model.widths, latent_dim"
READING = "use fewer images (data.num_train, data.num_validation, data.num_test) or smaller ones"

# Of the functions that an error passed, the innermost one that is listed says what the memory was for.
WORKS = (
    Work("vae_lab.data.", None, "reading the data", READING),
    Work("vae_lab.build", "data", "reading the data", READING),
    Work("vae_lab.build", "model", "building the model", f"choose smaller sizes ({SIZES})"),
    Work("vae_lab.build", "objective", "building the objective", "choose smaller sizes of the objective's networks"),
    Work("vae_lab.training.module", "validation_step", "validation", "choose a smaller data.batch_size"),
    Work("vae_lab.training.module", "test_step", "the test", "choose a smaller nll_samples or data.batch_size"),
    Work(
        "vae_lab.training.",
        None,
        "training",
        f"choose a smaller data.batch_size, objective.num_samples (if it has one) or model ({SIZES})",
    ),
    Work(
        "vae_lab.experimental.ensemble.",
        None,
        "training runs together",
        "choose a smaller hydra.launcher.max_members or data.batch_size",
    ),
    Work("vae_lab.evaluation.runs", None, "the evaluation", "choose a smaller memory_mib or num_images"),
    Work("vae_lab.evaluation.context", None, "the images of an evaluation", "choose a smaller num_images"),
    Work(
        "vae_lab.evaluation.measures.",
        None,
        "a measure",
        "choose a smaller memory_mib or num_images, or smaller numbers of the measure (measure.NAME.num_images=...)",
    ),
    Work("vae_lab.evaluation.gradients.", None, "measuring gradients", "choose a smaller num_samples or num_images"),
    Work("vae_lab.reports.", None, "the report", "report fewer runs at once"),
)


def explain_memory_error(error: BaseException) -> str | None:
    """Return an allocation that failed as one line: for which work, how much was asked for, and which keys to turn.

    Args:
        error: what was raised.

    Returns:
        The line, or None if it is another error.
    """
    chain: list[BaseException] = [error]  # from the outside in: Hydra wraps the error of a part that it builds
    while not is_memory_error(chain[-1]):
        if chain[-1].__cause__ is None:
            return None
        chain.append(chain[-1].__cause__)
    name, way_out = work_of(chain)
    size = REQUEST.search(str(chain[-1]))
    return f"not enough memory for {name}{f' ({size[1]} were asked for at once)' if size else ''}; {way_out}"


def is_memory_error(error: BaseException) -> bool:
    """Return whether an error says that memory does not suffice; torch is not imported to know its errors."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and OUT_OF_MEMORY.search(str(error)) is not None


def work_of(errors: Sequence[BaseException]) -> tuple[str, str]:
    """Return the work that an error happened in, and the way out.

    Args:
        errors: the error, after those that wrap it.
    """
    found = ("this command", "close other programs, or choose smaller sizes")
    for frame in (frame for error in errors for frame, _ in walk_tb(error.__traceback__)):
        module, function = str(frame.f_globals.get("__name__")), frame.f_code.co_name
        for work in WORKS:
            if module.startswith(work.module) and work.function in (None, function):
                found = (work.name, work.way_out)
                break
    return found
