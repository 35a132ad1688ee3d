"""Search spaces: convert Hydra's sweeps into distributions of optuna."""

import math
from collections.abc import Collection
from decimal import Decimal

from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, RangeSweep, Transformer
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from vae_lab.configuration.costs import num_values
from vae_lab.errors import UserError, nearest

LOG = "log"  # the tag of a logarithmic scale


def distribution_of(override: Override) -> BaseDistribution:
    """Convert a sweep into the distribution that trials draw from.

    `interval(a,b)` includes both ends, and is of whole numbers inside `int(...)`; `range(a,b,step)` excludes `b`, as in
    Hydra; `choice(a,b)`, `a,b` and `glob(*)` are categorical.

    Raises:
        UserError: if the sweep is empty, or not a valid distribution.
    """
    sweep = override.value()
    if isinstance(sweep, IntervalSweep):
        check_tags(override, sweep.tags, [LOG])
        return interval_distribution(override, sweep)
    if isinstance(sweep, RangeSweep):
        check_tags(override, sweep.tags, [LOG])
        return range_distribution(override, sweep)
    if isinstance(sweep, ChoiceSweep):
        check_tags(override, sweep.tags, [])
        # In the written order, even inside shuffle(...): a resumed study needs the same order.
        values = list(sweep.list)
    else:
        values = list(override.sweep_iterator())
    if not values:
        raise UserError(f"{override.input_line}: nothing matches; {override.key_or_group} needs at least one choice")
    # optuna cannot store lists and mappings; text is stored as a trial's command line must write it.
    numbers = (int, float)  # bool is a subclass of int
    return CategoricalDistribution(
        [value if isinstance(value, numbers) else Transformer.str(value) for value in values]
    )


def interval_distribution(override: Override, sweep: IntervalSweep) -> BaseDistribution:
    """Convert an interval, of whole numbers if its ends are `int`."""
    low, high, log = sweep.start, sweep.end, LOG in sweep.tags
    assert low is not None
    assert high is not None
    if not (math.isfinite(low) and math.isfinite(high)):
        raise UserError(f"{override.input_line}: a search needs finite numbers")
    if low > high:
        raise UserError(f"{override.input_line}: expected the smaller number first, got {low} before {high}")
    check_scale(override, low, log=log)
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=log)
    return FloatDistribution(low, high, log=log)


def range_distribution(override: Override, sweep: RangeSweep) -> BaseDistribution:
    """Convert evenly spaced numbers, in increasing or decreasing order."""
    assert sweep.start is not None
    assert sweep.stop is not None
    count = num_values(override)
    if sweep.step == 0:
        raise UserError(f"{override.input_line}: the third number of range(FIRST,END,STEP) must not be 0")
    if not count:
        raise UserError(f"{override.input_line}: the range is empty; write range(FIRST,END), which leaves out END")
    # In decimals, since 7 * 0.1 is not 0.7 in floats, and optuna needs exact multiples of the step.
    first, step = Decimal(str(sweep.start)), Decimal(str(sweep.step))
    low, high = sorted((first, first + (count - 1) * step))
    log = LOG in sweep.tags
    check_scale(override, low, log=log)
    whole = isinstance(sweep.range(), range)
    if log and not (whole and abs(step) == 1):
        raise UserError(
            f"{override.input_line}: a logarithmic scale has no steps; "
            f"write {override.key_or_group}=tag(log,interval(FIRST,LAST)) or leave out the tag"
        )
    if whole:
        return IntDistribution(int(low), int(high), log=log, step=int(abs(step)))
    return FloatDistribution(float(low), float(high), step=float(abs(step)))


def check_scale(override: Override, low: float | Decimal, *, log: bool) -> None:
    """Check that a logarithmic scale has positive numbers only."""
    if log and low <= 0:
        raise UserError(
            f"{override.input_line}: a logarithmic scale needs numbers above 0, got {low}; "
            "write a larger number, or leave out the tag"
        )


def check_tags(override: Override, tags: Collection[str], known: Collection[str]) -> None:
    """Check that all tags are known."""
    for tag in sorted(set(tags) - set(known)):
        raise UserError(f"{override.input_line}: the tag '{tag}' is not accepted here; {nearest(tag, known)}")
